"""Nothing that a program does takes the interpreter down, and nothing is left behind."""

import gc
import io
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import numpy
import pytest

import bbz
import helpers


@pytest.fixture(scope="module")
def floats(tmp_path_factory):
    """The archive of a small model with layers, of a type that numpy has."""
    folder = tmp_path_factory.mktemp("floats")
    helpers.write_safetensors(folder / "model.safetensors", helpers.model(dtype="F32"))
    bbz.pack(folder / "model.safetensors", folder / "model.bbz")
    return folder / "model.bbz"


def test_ten_thousand_archives(packed):
    """Leave no descriptor and no memory."""
    growth, descriptors = helpers.python(
        """
import gc, os, sys, bbz
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
def work(count):
    for n in range(count):
        with bbz.Archive(sys.argv[1], threads=1) as archive:
            archive.tensors
            archive.read("f32")
        if n % 10 == 0:
            with bbz.safe_open(sys.argv[1], "np") as f:
                f.keys()
            try:
                bbz.Archive(b"no archive at all")
            except bbz.NotAnArchiveError:
                pass
work(1000)
gc.collect()
before, files = resident(), len(os.listdir("/proc/self/fd"))
work(10000)
gc.collect()
print(resident() - before, len(os.listdir("/proc/self/fd")) - files)""",
        packed,
    ).split()
    assert int(growth) < 8 << 20 and int(descriptors) == 0


def test_threads(packed):
    data = {name: data for name, _, _, data in helpers.every_type()}
    wrong, archive = [], bbz.Archive(packed)

    def work(seed):
        random = numpy.random.default_rng(seed)
        names = list(data)
        for _ in range(60):
            name = names[random.integers(len(names))]
            if archive.read(name) != data[name]:
                wrong.append(name)
            row = int(random.integers(300))
            if archive.rows("wide", row, 1) != data["wide"][row * 140 : row * 140 + 140]:
                wrong.append(row)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_closing_while_others_read(large):
    for _ in range(5):
        archive = bbz.Archive(large[1])
        outcomes = []

        def work():
            try:
                while True:
                    archive.rows("layers.3.weight", 0, 64)
            except bbz.ClosedError:
                outcomes.append("closed")

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        archive.close()
        for thread in threads:
            thread.join()
        assert outcomes == ["closed"] * 4


class Failing(io.BytesIO):
    """Raises what it is told after some reads."""

    def __init__(self, data, after, raises):
        super().__init__(data)
        self.after, self.raises = after, raises

    def read(self, size=-1):
        self.after -= 1
        if self.after < 0:
            raise self.raises
        return super().read(size)


@pytest.mark.parametrize("after", [0, 1, 2, 3, 5, 8])
def test_file_objects_that_raise(packed, after):
    cause = RuntimeError("the reason")
    with pytest.raises(bbz.IOFailedError) as caught:
        archive = bbz.Archive(Failing(packed.read_bytes(), after, cause))
        for name in archive:
            archive.read(name)
    assert caught.value.__cause__ is cause
    with pytest.raises(KeyboardInterrupt):
        archive = bbz.Archive(Failing(packed.read_bytes(), after, KeyboardInterrupt()))
        for name in archive:
            archive.read(name)


@pytest.mark.parametrize("result", [None, 3, "text", b"x" * 100000], ids=lambda result: type(result).__name__)
def test_file_objects_that_lie(packed, result):
    class Lying(io.BytesIO):
        def read(self, size=-1):
            return result

    with pytest.raises(bbz.Error):
        bbz.Archive(Lying(packed.read_bytes()))


def test_outputs_that_raise():
    class Output:
        def write(self, data):
            raise OSError(28, "No space left on device")

    with pytest.raises(bbz.IOFailedError) as caught:
        with bbz.Writer(Output()) as writer:
            writer.begin_file("x")
            for n in range(100):
                writer.write_tensor(bytes(1 << 20), name=f"t{n}", dtype="U8", shape=[1 << 20])
            writer.end_file()
    assert isinstance(caught.value.__cause__, OSError)


def test_fork(packed):
    assert helpers.python(
        """
import os, sys, bbz
archive = bbz.Archive(sys.argv[1])
first = archive.read("wide")
for _ in range(3):
    child = os.fork()
    if child == 0:
        with bbz.Archive(sys.argv[1]) as own:
            os._exit(0 if archive.read("wide") == first == own.read("wide") else 1)
    assert os.waitpid(child, 0)[1] == 0
print("fine")""",
        packed,
    ) == "fine\n"


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_collections_at_odd_moments(packed, floats):
    class Cycle:
        pass

    gc.set_threshold(1)
    try:
        for _ in range(30):
            cycle = Cycle()
            cycle.me, cycle.archive = cycle, bbz.Archive(io.BytesIO(packed.read_bytes()))
            cycle.file = cycle.archive.open_file("every.safetensors")
            cycle.layers = bbz.Archive(io.BytesIO(floats.read_bytes())).iter_layers()
            assert next(cycle.layers).number is None  # others are read ahead
            cycle.writer = bbz.Writer(io.BytesIO())
            cycle.archive.read("wide")
            del cycle
    finally:
        gc.set_threshold(700, 10, 10)
    gc.collect()


def test_exit_with_everything_open(packed, floats):
    assert helpers.python(
        """
import sys, threading, bbz
archive = bbz.Archive(sys.argv[1])
file = archive.open_file("every.safetensors")
writer = bbz.Writer(open("/dev/null", "wb"))
writer.begin_file("x")
layers = bbz.Archive(sys.argv[2]).iter_layers(prefetch=2)
assert next(layers).number is None  # two more are read ahead
def work():
    while True:
        archive.read("wide")
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
print("fine")""",
        packed, floats,
    ) == "fine\n"


def test_a_read_of_a_buffer_that_moves(packed):
    out = bytearray(42000)
    with bbz.Archive(packed) as archive:
        view = memoryview(out)
        archive.read("wide", out=view)
        view.release()
        archive.read("wide", out=out)
        out.extend(b"x")  # nothing holds it any more
        with pytest.raises(ValueError):
            archive.read("wide", out=view)


def test_hostile_bytes():
    random = numpy.random.default_rng(0)
    good = bbz.numpy.save({"x": numpy.arange(1000, dtype="f4")})
    for _ in range(300):
        data = bytearray(good)
        for _ in range(random.integers(1, 4)):
            data[random.integers(len(data))] = random.integers(256)
        try:
            with bbz.Archive(bytes(data[: random.integers(len(data) + 1)]) if random.random() < 0.3 else bytes(data)) as archive:
                for name in archive:
                    archive.read(name)
                repr(archive), archive._repr_html_(), archive.files
        except bbz.Error:
            pass


def test_short_reads_start_no_thread(packed, monkeypatch):
    started = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: started.append(thread.name))
    with bbz.Archive(packed) as archive:
        for name in archive:
            archive.read(name)
        archive.rows("wide", 3, 2)
    with bbz.safe_open(packed, "np") as f:
        f.get_tensor("f32")
    assert started == []


@pytest.mark.slow
def test_valgrind(tmp_path):
    """No call of the library reads or writes what it must not."""
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    program = pathlib.Path(__file__).with_name("valgrind_program.py")
    result = subprocess.run(
        ["valgrind", "--quiet", "--leak-check=no", "--error-exitcode=9",
         f"--suppressions={program.with_name('valgrind.supp')}", sys.executable, program, tmp_path],
        capture_output=True, text=True,
        env={**os.environ, "PYTHONMALLOC": "malloc", "PYTHONPATH": str(helpers.PROJECT / "python")},
    )
    assert result.returncode == 0 and result.stdout == "fine\n", result.stderr[-5000:]
