"""`bbz.numpy`: dicts of arrays."""

import os

import numpy
import pytest

import bbz
import helpers


def test_files(tmp_path):
    arrays = {
        "f32": numpy.random.default_rng(0).normal(size=(30, 20)).astype("f4"), "strided": numpy.arange(24).reshape(4, 6).T,
        "big": numpy.arange(5, dtype=">i4"), "scalar": numpy.array(2.5), "empty": numpy.empty((0, 3), "f2"),
        "bool": numpy.array([True, False]), "complex": numpy.array([1 + 2j], "c8"), "u16": numpy.arange(3, dtype="u2"),
    }
    bbz.numpy.save_file(arrays, tmp_path / "a.bbz", {"k": "v"})
    for loaded in (bbz.numpy.load_file(tmp_path / "a.bbz"), bbz.numpy.load(bbz.numpy.save(arrays))):
        assert set(loaded) == set(arrays)
        for name, array in arrays.items():
            assert numpy.array_equal(loaded[name], array) and loaded[name].shape == array.shape, name
            assert loaded[name].dtype == array.dtype.newbyteorder("=") and loaded[name].flags.writeable
    with bbz.safe_open(tmp_path / "a.bbz", "np") as f:
        assert f.metadata() == {"k": "v"}


def test_saving_copies_each_array_once(monkeypatch):
    from bbz._frameworks import Numpy

    copied, contents = [], Numpy.contents
    monkeypatch.setattr(Numpy, "contents", lambda self, array: copied.append(array.shape) or contents(self, array))
    strided = numpy.arange(24).reshape(4, 6)
    loaded = bbz.numpy.load(bbz.numpy.save({"a": strided.T, "b": strided}))
    assert numpy.array_equal(loaded["a"], strided.T) and sorted(copied) == [(4, 6), (6, 4)]


def test_ml_dtypes(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    arrays = {name: numpy.arange(6).reshape(2, 3).astype(getattr(ml_dtypes, name)) for name in (
        "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")}
    bbz.numpy.save_file(arrays, tmp_path / "a.bbz")
    for name, array in bbz.numpy.load_file(tmp_path / "a.bbz").items():
        assert array.dtype == arrays[name].dtype and array.tobytes() == arrays[name].tobytes()


def test_without_ml_dtypes(packed):
    said = helpers.python(
        """
import sys
sys.modules["ml_dtypes"] = None
import bbz
with bbz.safe_open(sys.argv[1], "np") as f:
    assert f.get_tensor("f32").shape == (2, 3, 4)
    try:
        f.get_tensor("wide")
    except bbz.UnsupportedError as error:
        print(error)""",
        packed,
    )
    assert "install ml_dtypes" in said


def test_plain_files(plain, packed):
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    left, right = bbz.numpy.load_file(plain), bbz.numpy.load_file(packed)
    assert list(left) == list(right)
    for name, _, shape, data in helpers.every_type():
        assert left[name].shape == right[name].shape == shape and left[name].tobytes() == right[name].tobytes() == data
    assert list(bbz.numpy.load(plain.read_bytes())) == list(left)


@pytest.mark.parametrize("value", [3, "text", [1.0], None, numpy.array(["a"]), numpy.array([object()]), numpy.zeros(2, "c16")],
                         ids=lambda value: str(getattr(value, "dtype", type(value).__name__)))
def test_what_cannot_be_saved(tmp_path, value):
    with pytest.raises((TypeError, bbz.UnsupportedError)):
        bbz.numpy.save_file({"x": value}, tmp_path / "x.bbz")
    assert os.listdir(tmp_path) == []
