"""Ctrl-C ends a long call in its midst, and leaves nothing that is not whole."""

import contextlib
import io
import os
import signal
import threading
import time

import numpy
import pytest

import bbz
import helpers


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with a model in 64 chunks and its archive, "old", and a changed one and its archive on that, "new"."""
    folder = tmp_path_factory.mktemp("interrupts")
    for name, step in (("old", 0), ("new", 1)):
        tensors = []
        for layer in range(8):
            values = numpy.frombuffer(helpers.weights((1 << 17,), "F32", layer), "<u4").copy()
            values[::100] += step
            tensors.append((f"layers.{layer}.weight", "F32", (1 << 7, 1 << 10), values.tobytes()))
        helpers.write_safetensors(folder / f"{name}.safetensors", tensors)
        base = folder / "old.bbz" if step else None
        bbz.pack(folder / f"{name}.safetensors", folder / f"{name}.bbz", chunk_size=1 << 16, base=base)
    return folder


@contextlib.contextmanager
def handling(handler):
    """Handles SIGINT by `handler`, and then as before."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Interrupting(io.BytesIO):
    """A file that interrupts the program when it is read for the `at`th time, and goes on when the interrupt has come.

    Each read takes `pause` seconds from then on, so that a call which goes on to its end has far to go.
    """

    def __init__(self, data, at=None, pause=0.0):
        super().__init__(data)
        self.at, self.pause, self.came, self.ignored = at, pause, threading.Event(), False
        self.reads = self.ended = 0

    def handle(self, number, frame):
        self.came.set()
        raise KeyboardInterrupt

    def read(self, size=-1):
        self.reads += 1
        if self.at is not None and self.reads >= self.at:
            if self.reads == self.at:
                os.kill(os.getpid(), signal.SIGINT)
            if not self.came.wait(60):
                self.ignored = True
                raise TimeoutError("no signal handler runs")
            time.sleep(self.pause)
        self.ended += 1
        return super().read(size)


@pytest.mark.parametrize("what", ["pack", "unpack", "verify", "compare", "load", "load what leans"])
def test_in_the_midst(models, what, tmp_path):
    name, call = {
        "pack": ("old.safetensors", lambda file, place: bbz.pack(models / "new.safetensors", place / "p.bbz", base=file)),
        "unpack": ("old.bbz", lambda file, place: bbz.unpack(file, place)),
        "verify": ("old.bbz", lambda file, place: bbz.verify(file)),
        "compare": ("old.bbz", lambda file, place: bbz.compare(models / "old.safetensors", file)),
        "load": ("old.bbz", lambda file, place: bbz.numpy.load(file)),
        "load what leans": ("old.bbz", lambda file, place: bbz.numpy.load_file(models / "new.bbz", base=file)),
    }[what]
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    data = (models / name).read_bytes()
    whole = Interrupting(data)
    call(whole, tmp_path / "whole")
    cut = Interrupting(data, at=whole.reads // 2, pause=4 / whole.reads)
    with handling(cut.handle):
        with pytest.raises(KeyboardInterrupt):
            call(cut, tmp_path / "cut")
    assert cut.ended == cut.reads  # none is under way
    assert not cut.ignored and cut.at <= cut.reads < whole.reads
    assert os.listdir(tmp_path / "cut") == []


def test_at_any_moment(models, tmp_path):
    """An interrupt that comes when an archive has just appeared leaves the whole of it, and any other leaves nothing."""
    archive = tmp_path / "p.bbz"
    for moment in range(20):
        came = threading.Event()

        def handle(number, frame):
            came.set()
            raise KeyboardInterrupt

        timer = threading.Timer(moment * 0.007, os.kill, (os.getpid(), signal.SIGINT))
        with handling(handle):
            try:
                timer.start()
                while not came.is_set():  # what __del__ raises is lost
                    bbz.pack(models / "old.safetensors", archive)
                    archive.unlink()
            except KeyboardInterrupt:
                pass
            finally:
                timer.cancel()
                timer.join()
        if os.listdir(tmp_path) != []:
            assert os.listdir(tmp_path) == ["p.bbz"] and bbz.verify(archive).damage_count == 0
            archive.unlink()
