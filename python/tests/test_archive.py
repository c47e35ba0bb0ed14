"""`Archive`: what it holds, and reading all kinds of parts."""

import io
import mmap
import os

import numpy
import pytest

import bbz
import helpers
from bbz._handles import readable_address


def test_what_it_is(packed, plain):
    with bbz.Archive(packed) as archive:
        assert archive.name == str(packed) and archive.exact and archive.format_version[0] == 1
        assert archive.nbytes == packed.stat().st_size and archive.unpacked_nbytes == plain.stat().st_size
        assert archive.root.startswith("xxh3-128:")
        assert [each.path for each in archive.files] == ["every.safetensors"]
        assert archive.files[0].size == plain.stat().st_size and not archive.files[0].is_directory
        assert archive.files[0].metadata["format"] == "safetensors"
        assert len(archive) == len(helpers.every_type())
        assert [each.name for each in archive.tensors] == [each[0] for each in helpers.every_type()] == list(archive)
        assert "wide" in archive and "absent" not in archive
        assert repr(archive) == f"<bbz.Archive {str(packed)!r}: {len(archive)} tensors, {archive.nbytes / 1024:.1f} KiB>"
        assert "<td>wide</td><td>BF16</td><td>[300, 70]</td>" in archive._repr_html_()
    assert archive.closed and "closed" in repr(archive) and "closed" in archive._repr_html_()


def test_descriptions(packed):
    with bbz.Archive(packed) as archive:
        wide = archive["wide"]
        assert (wide.dtype, wide.shape, wide.nbytes, wide.kind) == ("BF16", (300, 70), 42000, "tensor")
        assert wide.chunk_count > 1 and 0 < wide.stored_nbytes < wide.nbytes and wide.layer is None and wide.base is None
        for name, dtype, shape, data in helpers.every_type():
            assert (archive[name].dtype, archive[name].shape, archive[name].nbytes) == (dtype, shape, len(data))


def test_read(packed):
    with bbz.Archive(packed) as archive:
        for name, _, _, data in helpers.every_type():
            assert archive.read(name) == data
            assert archive.read(archive[name]) == data


def test_read_into(packed):
    data = dict((name, data) for name, _, _, data in helpers.every_type())
    with bbz.Archive(packed) as archive:
        for out in (bytearray(42000), numpy.empty((300, 70), "u2"), memoryview(bytearray(42000)), numpy.empty((70, 300), "i2")):
            assert archive.read("wide", out=out) is out
            assert bytes(memoryview(out).cast("B")) == data["wide"]
        archive.read("empty", out=bytearray())


@pytest.mark.parametrize(
    "out", [bytearray(41999), bytearray(42001), bytes(42000), numpy.empty((300, 140), "u2")[:, ::2], 3, "text", [1]],
    ids=lambda out: type(out).__name__,
)
def test_read_into_what_does_not_fit(packed, out):
    with bbz.Archive(packed) as archive:
        with pytest.raises((bbz.InvalidArgumentError, TypeError)):
            archive.read("wide", out=out)


def test_read_into_torch(packed):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    data = dict((name, data) for name, _, _, data in helpers.every_type())
    with bbz.Archive(packed) as archive:
        out = torch.empty(300, 70, dtype=torch.bfloat16)
        assert archive.read("wide", out=out) is out
        assert out.view(torch.int16).numpy().tobytes() == data["wide"]
        with pytest.raises(bbz.InvalidArgumentError):
            archive.read("wide", out=out.t())


def test_rows_and_bytes(packed):
    data = dict((name, data) for name, _, _, data in helpers.every_type())
    with bbz.Archive(packed) as archive:
        assert archive.rows("wide", 10, 3) == data["wide"][1400:1820]
        assert archive.rows("wide", 300, 0) == b"" and archive.rows("scalar", 0, 1) == data["scalar"]
        assert archive.rows("empty", 0, 0) == b""
        assert archive.read_bytes("wide", 41990, 10) == data["wide"][-10:]
        for first, count in ((-1, 1), (0, 301), (300, 1), (0, -1)):
            with pytest.raises(bbz.InvalidArgumentError):
                archive.rows("wide", first, count)
        for offset, size in ((-1, 1), (0, 42001), (42000, 1), (0, -1)):
            with pytest.raises(bbz.InvalidArgumentError):
                archive.read_bytes("wide", offset, size)


def test_arrays(packed):
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    with bbz.Archive(packed) as archive:
        assert archive.get_tensor("f32").shape == (2, 3, 4)
        assert archive.get_tensor("wide").dtype.name == "bfloat16"
        with pytest.raises(bbz.InvalidArgumentError, match="framework"):
            archive.get_tensor("f32", "tensorflow")


def test_names(packed):
    with bbz.Archive(packed) as archive:
        with pytest.raises(bbz.NotFoundError) as caught:
            archive.read("absent")
        assert caught.value.tensor == "absent" and isinstance(caught.value, LookupError)
        with pytest.raises(TypeError):
            archive.read(3)
        with pytest.raises(bbz.NotFoundError):
            archive.find("wide", file="absent")
        assert archive.find("wide", file="every.safetensors").name == "wide"


def test_sources(packed, plain):
    data = packed.read_bytes()
    for source in (str(packed), packed, data, bytearray(data), memoryview(data)[:], io.BytesIO(data), open(packed, "rb")):
        with bbz.Archive(source) as archive:
            assert archive.read("f32") == helpers.every_type()[1][3]
            assert archive.verify().damage_count == 0
    for source in (3, None, ["a"], b""):
        with pytest.raises((TypeError, bbz.NotAnArchiveError)):
            bbz.Archive(source)
    with pytest.raises(TypeError):
        bbz.Archive(os.fsencode(packed.parent).__class__)
    with pytest.raises(FileNotFoundError):
        bbz.Archive("absent.bbz")
    with pytest.raises(ValueError, match="null"):
        bbz.Archive("a\0b")
    with pytest.raises(bbz.NotAnArchiveError):
        bbz.Archive(plain)


def test_memory_that_cannot_be_written_to_is_not_copied(packed):
    with open(packed, "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    view = memoryview(mapped)
    where = numpy.frombuffer(view, "u1").__array_interface__["data"][0]
    address, keep = readable_address(view[100:])
    assert address == where + 100
    archive = bbz.Archive(view)
    view.release()
    del keep
    with pytest.raises(BufferError):  # the archive holds it
        mapped.close()
    assert archive.read("wide") == helpers.every_type()[0][3]
    archive.close()
    mapped.close()


def test_open_file(packed, plain, layered):
    with bbz.Archive(packed) as archive:
        file = archive.open_file("every.safetensors")
        with pytest.raises(bbz.NotFoundError):
            archive.open_file("absent")
    expected = plain.read_bytes()  # the archive is closed, and the file still open
    assert file.read() == expected and file.tell() == len(expected) and file.read() == b""
    random = numpy.random.default_rng(3)
    for _ in range(100):
        offset, size = int(random.integers(0, len(expected) + 10)), int(random.integers(0, 9000))
        assert file.seek(offset) == offset and file.read(size) == expected[offset : offset + size]
    assert file.seek(-5, os.SEEK_END) == len(expected) - 5 and file.read() == expected[-5:]
    file.seek(10)
    assert file.seek(5, os.SEEK_CUR) == 15 and file.readable() and file.seekable() and not file.writable()
    for arguments in ((-1,), (0, 7)):
        with pytest.raises(ValueError):
            file.seek(*arguments)
    file.close()
    with pytest.raises(ValueError):
        file.read()
    with bbz.Archive(layered) as archive:
        assert io.TextIOWrapper(archive.open_file("notes/read me.txt")).readline() == "a few words\n"


@pytest.mark.parametrize("prefetch", [0, 1, 3, 100])
def test_layers(layered, prefetch):
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    expected = {name: data for name, _, _, data in helpers.model()}
    with bbz.Archive(layered) as archive:
        assert archive.layers == [0, 1, 2]
        found = list(archive.iter_layers(prefetch=prefetch))
    assert [layer.number for layer in found] == [None, 0, 1, 2, None]
    assert list(found[0].tensors) == ["model.embed_tokens.weight"]
    assert list(found[-1].tensors) == ["model.norm.weight", "lm_head.weight"]
    loaded = {name: array for layer in found for name, array in layer.tensors.items()}
    assert {name: array.tobytes() for name, array in loaded.items()} == expected


def test_layers_that_are_left_early(layered):
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    with bbz.Archive(layered) as archive:
        for layer in archive.iter_layers():
            break
        with pytest.raises(bbz.InvalidArgumentError):
            archive.iter_layers(prefetch=-1)


def test_damage(damaged):
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    with bbz.Archive(damaged) as archive:
        with pytest.raises(bbz.ChecksumError) as caught:
            archive.verify()
        report = caught.value.report
        assert report.damage_count == 1 and report.damage[0].tensor == "wide" and report.damage[0].code == "checksum"
        with pytest.raises(bbz.ChecksumError) as caught:
            archive.read("wide")
        assert (caught.value.tensor, caught.value.chunk) == ("wide", report.damage[0].chunk)
        assert caught.value.offset == report.damage[0].offset
        with pytest.raises(bbz.ChecksumError):
            list(archive.iter_layers())


def test_closed(packed):
    archive = bbz.Archive(packed)
    archive.close()
    archive.close()
    for use in (
        lambda: archive.read("wide"), lambda: archive.rows("wide", 0, 1), lambda: archive.tensors, lambda: archive.files,
        lambda: archive.verify(), lambda: archive.open_file("x"), lambda: archive.iter_layers(), lambda: archive.__enter__(),
    ):
        with pytest.raises(bbz.ClosedError):
            use()


def test_errors_are_pickled():
    import pickle

    error = pickle.loads(pickle.dumps(bbz.ChecksumError("wrong", tensor="w", chunk=3, offset=9)))
    assert (type(error), str(error), error.tensor, error.chunk, error.offset, error.code) == (
        bbz.ChecksumError, "wrong", "w", 3, 9, "checksum",
    )
    for kind in (bbz.IOFailedError, bbz.NotFoundError, bbz.OutOfMemoryError):
        assert str(pickle.loads(pickle.dumps(kind("why")))) == "why"
