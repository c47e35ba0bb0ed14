"""Archives relative to a base: opened, packed and shown."""

import io
import os
import shutil

import numpy
import pytest

import bbz
import helpers


def stepped(tensors, seed):
    """Returns the tensors with a few elements of each but the last changed, as a step of training does."""
    random = numpy.random.default_rng(seed)
    new = []
    for name, dtype, shape, data in tensors[:-1]:
        values = numpy.frombuffer(data, "<u2").copy()
        some = random.integers(0, len(values), max(1, len(values) // 50))
        values[some] += 1
        new.append((name, dtype, shape, values.tobytes()))
    return new + [tensors[-1]]


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """A folder with three steps of a model: files 0 to 2, the archive of the first, and those of the others on it."""
    folder = tmp_path_factory.mktemp("steps")
    tensors = helpers.model(dtype="F16")
    for number in range(3):
        helpers.write_safetensors(folder / f"{number}.safetensors", tensors)
        base = None if number == 0 else folder / f"{number - 1}.bbz"
        written = bbz.pack(folder / f"{number}.safetensors", folder / f"{number}.bbz", base=base and [base, folder / "0.bbz"])
        assert written.leaning == (0 if number == 0 else len(tensors))
        tensors = stepped(tensors, number)
    return folder


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("BBZ_BASE_PATH", raising=False)


def content(path):
    return {name: array.tobytes() for name, array in bbz.numpy.load_file(path).items()}


def bases(folder):
    """Returns what can be given as the base of step 1."""
    return {
        "archive": folder / "0.bbz", "text": str(folder / "0.bbz"), "model": folder / "0.safetensors",
        "bytes": (folder / "0.bbz").read_bytes(), "file": io.BytesIO((folder / "0.safetensors").read_bytes()),
        "open": bbz.Archive(folder / "0.bbz"), "list": [folder / "2.safetensors", bbz.Archive(folder / "0.bbz")],
        "tuple": (folder / "2.safetensors", folder / "0.safetensors"),
    }


@pytest.mark.parametrize("kind", ["archive", "text", "model", "bytes", "file", "open", "list", "tuple"])
def test_every_kind_of_base(steps, kind, tmp_path):
    base = bases(steps)[kind]
    expected = content(steps / "1.safetensors")
    with bbz.Archive(steps / "1.bbz", base=base) as archive:
        assert {name: bytes(archive.read(name)) for name in archive} == expected
        assert archive.verify().without_base == 0
        assert bytes(archive.rows("lm_head.weight", 3, 2)) == expected["lm_head.weight"][384:640]
    with bbz.safe_open(steps / "1.bbz", "np", base=base) as f:
        assert {name: f.get_tensor(name).tobytes() for name in f.keys()} == expected
    assert {name: array.tobytes() for name, array in bbz.numpy.load_file(steps / "1.bbz", base=base).items()} == expected
    assert bbz.verify(steps / "1.bbz", base=base).damage_count == 0
    assert bbz.compare(steps / "1.bbz", steps / "1.safetensors", base=base).identical
    bbz.unpack(steps / "1.bbz", tmp_path, base=base)
    assert (tmp_path / "1.safetensors").read_bytes() == (steps / "1.safetensors").read_bytes()
    assert bbz.pack(steps / "1.safetensors", tmp_path / "again.bbz", base=base).leaning == len(expected)
    assert bbz.verify(tmp_path / "again.bbz", base=base).damage_count == 0


def test_a_directory_and_the_environment(steps, tmp_path, monkeypatch):
    expected = content(steps / "1.safetensors")
    for name in ("0.safetensors", "1.bbz", "2.safetensors"):
        shutil.copy(steps / name, tmp_path / name)

    def read(**options):
        return {name: array.tobytes() for name, array in bbz.numpy.load_file(tmp_path / "1.bbz", **options).items()}

    assert read(base=tmp_path) == expected
    monkeypatch.setenv("BBZ_BASE_PATH", f"/nothing/there:{tmp_path}")
    assert read() == expected
    assert bbz.verify(tmp_path / "1.bbz").without_base == 0
    assert read(base=steps / "2.safetensors") == expected  # both are looked at
    assert bbz.pack(tmp_path / "0.safetensors", tmp_path / "whole.bbz").leaning == 0  # only base= makes it lean
    helpers.write_safetensors(tmp_path / "little.safetensors", helpers.model(dtype="F16")[-1:])
    written = bbz.pack(tmp_path / "0.safetensors", tmp_path / "one.bbz", base=tmp_path / "little.safetensors")
    assert written.leaning == 1
    (tmp_path / "alone").mkdir()
    shutil.copy(steps / "1.bbz", tmp_path / "alone" / "1.bbz")
    monkeypatch.delenv("BBZ_BASE_PATH")
    with pytest.raises(bbz.WrongBaseError, match="does not have"):  # the archive itself is passed over
        bbz.numpy.load_file(tmp_path / "alone" / "1.bbz", base=tmp_path / "alone")


def test_without_its_base(steps):
    with bbz.Archive(steps / "1.bbz") as archive:
        assert len(archive) == 9 and archive["lm_head.weight"].shape == (256, 64)
        with pytest.raises(bbz.UnsupportedError, match="no base is given") as caught:
            archive.read("model.norm.weight")
        assert caught.value.tensor == "model.norm.weight"
        with pytest.raises(bbz.UnsupportedError) as caught:
            archive.verify()
        assert caught.value.report.without_base > 0 and caught.value.report.damage_count == 0
        assert archive.verify(fast=True).damage_count == 0
    with pytest.raises(bbz.NotFoundError, match="absent.bbz"):
        bbz.numpy.load_file(steps / "1.bbz", base=steps / "absent.bbz")
    for wrong in (3, object(), [None], [[steps / "0.bbz"]]):
        with pytest.raises(TypeError):
            bbz.Archive(steps / "1.bbz", base=wrong)
    closed = bbz.Archive(steps / "0.bbz")
    closed.close()
    with pytest.raises(bbz.ClosedError):
        bbz.Archive(steps / "1.bbz", base=closed)


def test_another_base(steps, tmp_path):
    """Is refused by name, and nothing of it is delivered."""
    for wrong in (steps / "2.safetensors", [bbz.Archive(steps / "0.bbz", base=None).open_file("0.safetensors"), steps / "2.safetensors"][1:]):
        with pytest.raises(bbz.WrongBaseError, match="model.norm.weight"):
            bbz.Archive(steps / "1.bbz", base=wrong).read("model.norm.weight")
        with pytest.raises(bbz.WrongBaseError):
            bbz.unpack(steps / "1.bbz", tmp_path / "out", base=wrong)
        assert not (tmp_path / "out").exists()
    changed = bytearray((steps / "0.safetensors").read_bytes())
    changed[-3] ^= 1  # of the last tensor
    with bbz.Archive(steps / "1.bbz", base=bytes(changed)) as archive:
        archive.read("model.norm.weight")
        with pytest.raises(bbz.WrongBaseError):
            archive.read("lm_head.weight")
    helpers.write_safetensors(tmp_path / "lacks.safetensors", helpers.model(dtype="F16")[:-1])
    with pytest.raises(bbz.WrongBaseError, match="lm_head.weight"):
        bbz.Archive(steps / "1.bbz", base=tmp_path / "lacks.safetensors").read("lm_head.weight")


def test_what_a_base_that_is_a_file_object_raises(steps):
    class Failing(io.BytesIO):
        def read(self, *arguments):
            raise RuntimeError("unplugged")

    with pytest.raises(bbz.IOFailedError) as caught:
        bbz.numpy.load_file(steps / "1.bbz", base=Failing((steps / "0.bbz").read_bytes()))
    assert "unplugged" in str(caught.value.__cause__)


def test_a_chain(steps, tmp_path):
    expected = content(steps / "2.safetensors")
    places = [steps / "0.bbz", steps / "1.bbz"]
    for base in (places, places[::-1], bbz.Archive(steps / "1.bbz", base=steps / "0.safetensors"), [place.read_bytes() for place in places]):
        assert {name: array.tobytes() for name, array in bbz.numpy.load_file(steps / "2.bbz", base=base).items()} == expected
    with pytest.raises(bbz.WrongBaseError):
        bbz.numpy.load_file(steps / "2.bbz", base=steps / "1.bbz")
    with pytest.raises(bbz.WrongBaseError):
        bbz.numpy.load_file(steps / "2.bbz", base=bbz.Archive(steps / "1.bbz"))


def test_symmetry_has_no_base(steps, tmp_path):
    with pytest.raises(bbz.InvalidArgumentError, match="symmetry"):
        bbz.pack(steps / "1.safetensors", tmp_path / "x.bbz", base=steps / "0.bbz", symmetry="auto")


def test_what_an_archive_leans_on(steps):
    with bbz.Archive(steps / "0.bbz") as archive:
        assert archive.bases == [] and {tensor.leans_on for tensor in archive.tensors} == {None}
        assert "lean" not in archive._repr_html_()
        root = archive.root
    with bbz.Archive(steps / "1.bbz") as archive:
        assert archive.bases == [bbz.RecordedBase("0.bbz", root)]
        assert {tensor.leans_on for tensor in archive.tensors} == {0}
        assert f"<p>9 tensors lean on <b>0.bbz</b> ({root})</p>" in archive._repr_html_()
        assert archive._repr_html_().count("<td>0.bbz</td>") == 9


def test_what_was_read_stays_when_the_base_is_closed(steps):
    base = bbz.Archive(steps / "0.bbz")
    archive = bbz.Archive(steps / "1.bbz", base=base)
    opened = archive.open_file("1.safetensors")
    base.close()
    del base
    assert archive.read("lm_head.weight") == content(steps / "1.safetensors")["lm_head.weight"]
    archive.close()
    assert opened.read() == (steps / "1.safetensors").read_bytes()
