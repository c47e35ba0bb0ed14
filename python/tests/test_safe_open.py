"""`safe_open` does what safetensors does: over archives, over safetensors files, and safetensors itself."""

import threading

import numpy
import pytest

import bbz
import helpers

safetensors = pytest.importorskip("safetensors", "0.8", reason="safetensors 0.8 is not installed")

try:
    import torch
except ImportError:
    torch = None
try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

needs_torch = pytest.mark.skipif(torch is None, reason="torch is not installed")
FRAMEWORKS = ["np", pytest.param("pt", marks=needs_torch)]


@pytest.fixture(params=["archive", "safetensors"])
def ours(request, packed, plain):
    return packed if request.param == "archive" else plain


def outcome(function):
    """Returns a value that compares what a call returns or raises."""
    try:
        return described(function())
    except Exception as error:
        if isinstance(error, safetensors.SafetensorError):
            return "SafetensorError"
        for kind in (FileNotFoundError, ValueError):  # bbz's own errors of these kinds say more
            if isinstance(error, kind) and isinstance(error, bbz.Error):
                return kind.__name__
        return type(error).__name__


def described(value):
    if torch is not None and isinstance(value, torch.Tensor):
        return ("tensor", str(value.dtype), tuple(value.shape), helpers.tensor_bytes(value), str(value.device))
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        return (type(value).__name__, str(value.dtype), value.shape, value.tobytes())
    if isinstance(value, dict):
        return {key: described(each) for key, each in value.items()}
    return value


def known(framework):
    """Returns the names of the tensors whose types safetensors itself can give in this environment."""
    names = []
    for name, dtype, _, _ in helpers.every_type():
        if dtype.startswith("F8"):
            continue  # numpy has none, and torch has them from 2.1 on
        if dtype == "BF16" and framework == "np" and ml_dtypes is None:
            continue
        if framework == "pt" and dtype in ("U16", "U32", "U64") and not hasattr(torch, "uint64"):
            continue
        names.append(name)
    return names


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_names_and_metadata(ours, plain, framework):
    with safetensors.safe_open(plain, framework) as theirs, bbz.safe_open(ours, framework) as mine:
        assert mine.keys() == theirs.keys()
        assert mine.offset_keys() == theirs.offset_keys()
        assert mine.metadata() == theirs.metadata()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_tensors(ours, plain, framework):
    with safetensors.safe_open(plain, framework) as theirs, bbz.safe_open(ours, framework) as mine:
        for name in known(framework):
            assert described(mine.get_tensor(name)) == described(theirs.get_tensor(name)), name


def test_8_bit_floats(ours):
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    with bbz.safe_open(ours, "np") as f:
        for name, dtype, shape, data in helpers.every_type():
            if dtype.startswith("F8"):
                array = f.get_tensor(name)
                assert array.dtype.name == {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}[dtype]
                assert array.shape == shape and array.tobytes() == data
                assert f.get_slice(name).get_dtype() == dtype
                assert f.get_slice(name)[1:3, ::2].tobytes() == array[1:3, ::2].tobytes()


@needs_torch
def test_types_that_torch_lacks(ours):
    with bbz.safe_open(ours, "pt") as f:
        for name, dtype, _, _ in helpers.every_type():
            if name not in known("pt") and not hasattr(torch, "float8_e4m3fn"):
                with pytest.raises(bbz.UnsupportedError, match=f"no type for {dtype}"):
                    f.get_tensor(name)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_get_tensors(tmp_path, framework):
    tensors = [each for each in helpers.every_type() if each[0] in known(framework)]
    plain = helpers.write_safetensors(tmp_path / "known.safetensors", tensors)
    bbz.pack(plain, tmp_path / "known.bbz")
    with safetensors.safe_open(plain, framework) as theirs:
        expected = described(theirs.get_tensors())
        assert theirs.metadata() is None
    for path in plain, tmp_path / "known.bbz":
        with bbz.safe_open(path, framework) as mine:
            found = described(mine.get_tensors())
            assert found == expected and list(found) == list(expected)
            assert mine.metadata() is None


S = slice
INDICES = [
    0, 1, -1, 2, -2, -3, 5, True, numpy.int64(1), 1.0, "x", None, (), ..., (...,), (..., ...), (0, ...), (..., 1), (..., -1),
    (0, ..., 1), (0, 1), (0, 1, 2), (0, 1, 2, 3), (-1, -1, -1), (None, 0), [0, 1], [], [True, False], [[0]], (S(None), [0, 1]),
    numpy.array([0, 1]), S(None), S(0, 1), S(1, 2), S(1, None), S(None, 1), S(0, 0), S(2, 2), S(1, 5), S(10, 20), S(-1, None),
    S(None, -1), S(-5, -1), S(None, None, 2), S(1, None, 2), S(None, None, 1000), S(None, None, 0), S(None, None, -1),
    S(0.5, 1), S(None, None, 1.5), S(numpy.int64(0), numpy.int32(1)), (S(None), 1), (S(None), S(1, 3)), (S(None), S(None, None, 2)),
    (S(None), S(None), S(1, 3)), (S(None), S(None), S(None, None, 3)), (1, S(None), 2), (1, S(1, None, 2)), (S(1, None), 0),
    (S(0, 1), S(0, 1), S(0, 1)), (S(None), ..., S(0, 2)), (S(None, None, 2), S(None, None, 2), S(None, None, 2)), (1, 2, S(1, 3)),
    (S(None, None, 7), S(3, None, 5)), (S(3, 290, 13), S(1, 2)), (299, 69), (S(0, 300), 69), S(5, 299, 60),
    (S(5, 299, 60), S(None, None, 3)), (S(2, 300, 3), S(1, 60)), (S(290, 300), S(0, 70)),
]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", ["f32", "wide", "scalar", "empty", "one", "type.BOOL"])
@pytest.mark.parametrize("block", [1, 1000, 16 << 20])
def test_slices(ours, plain, framework, name, block, monkeypatch):
    monkeypatch.setattr("bbz._slices._BLOCK_BYTES", block)
    if name not in known(framework):
        pytest.skip(f"{framework} has no type for {name}")
    with safetensors.safe_open(plain, framework) as theirs, bbz.safe_open(ours, framework) as mine:
        expected, found = theirs.get_slice(name), mine.get_slice(name)
        assert found.get_shape() == expected.get_shape()
        assert found.get_dtype() == expected.get_dtype()
        for index in INDICES:
            wanted = outcome(lambda: expected[index])
            if wanted in ("SystemError", "PanicException"):  # a defect of theirs
                wanted = "SafetensorError"
            assert outcome(lambda: found[index]) == wanted, index


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_random_slices(ours, plain, framework):
    random = numpy.random.default_rng(7)
    with safetensors.safe_open(plain, framework) as theirs, bbz.safe_open(ours, framework) as mine:
        for name in set(known(framework)) & {"wide", "f32", "type.I16"}:
            expected, found = theirs.get_slice(name), mine.get_slice(name)
            for _ in range(100):
                index = []
                for size in expected.get_shape():
                    first, last = sorted(random.integers(0, size, 2))
                    step = int(random.integers(1, 9))
                    index.append(int(first) if random.random() < 0.3 else slice(int(first), int(last) + 1, step))
                index = tuple(index[: random.integers(1, len(index) + 1)])
                assert outcome(lambda: found[index]) == outcome(lambda: expected[index]), index


CALLS = {
    "missing file": lambda open, path: open(path.with_name("absent"), "np"),
    "no framework": lambda open, path: open(path),
    "unknown framework": lambda open, path: open(path, "Np"),
    "framework of another type": lambda open, path: open(path, 3),
    "path of another type": lambda open, path: open(3, "np"),
    "bytes as path": lambda open, path: open(str(path).encode(), "np"),
    "unknown backend": lambda open, path: open(path, "np", backend="paper"),
    "pread": lambda open, path: open(path, "np", backend="pread").keys(),
    "missing tensor": lambda open, path: open(path, "np").get_tensor("absent"),
    "missing slice": lambda open, path: open(path, "np").get_slice("absent"),
    "name of another type": lambda open, path: open(path, "np").get_tensor(3),
    "text as path": lambda open, path: open(str(path), "np").keys(),
    "iteration": lambda open, path: iter(open(path, "np")),
    "length": lambda open, path: len(open(path, "np")),
    "length of a slice": lambda open, path: len(open(path, "np").get_slice("f32")),
    "membership": lambda open, path: "f32" in open(path, "np"),
    "pickle": lambda open, path: __import__("pickle").dumps(open(path, "np")),
    "copy": lambda open, path: __import__("copy").copy(open(path, "np")),
}
for device in ("cpu", "cuda", "cuda:0", "cuda:x", "cpu:0", "mps", "meta", "disk", 0, -1, 1.5, None):
    CALLS[f"device {device!r}"] = lambda open, path, device=device: open(path, "np", device=device).keys()


@pytest.mark.parametrize("call", CALLS)
def test_calls(ours, plain, call):
    assert outcome(lambda: CALLS[call](bbz.safe_open, ours)) == outcome(lambda: CALLS[call](safetensors.safe_open, plain))


@needs_torch
@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:0", "cuda:1", "cpu:0", "cuda:x", "mps", "meta", "disk", 0, 1, -1, "0", 1.5, None])
def test_devices(ours, plain, device):
    def opened(open, path):
        open(path, "pt", device=device)
        return "opened"

    assert outcome(lambda: opened(bbz.safe_open, ours)) == outcome(lambda: opened(safetensors.safe_open, plain))
    if device in ("cpu", None):
        with bbz.safe_open(ours, "pt", device=device) as f:
            assert f.get_tensor("f32").device.type == "cpu"
    elif isinstance(device, int) and device >= 0 and not torch.cuda.is_available():
        with pytest.raises((RuntimeError, AssertionError)):
            bbz.safe_open(ours, "pt", device=device).get_tensor("f32")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_closed(ours, plain, framework):
    def closed(open, path, use):
        with open(path, framework) as f:
            view = f.get_slice("f32")
        return use(f, view)

    for use in (
        lambda f, view: f.keys(), lambda f, view: f.offset_keys(), lambda f, view: f.metadata(),
        lambda f, view: f.get_tensor("f32"), lambda f, view: f.get_tensors(), lambda f, view: f.get_slice("f32"),
        lambda f, view: view[0], lambda f, view: view.get_shape(), lambda f, view: f.__exit__(None, None, None),
    ):
        assert outcome(lambda: closed(bbz.safe_open, ours, use)) == outcome(lambda: closed(safetensors.safe_open, plain, use))


def test_bytes_that_are_no_model(tmp_path, packed, plain):
    for name, data in {
        "empty": b"", "short": b"hello", "zeros": bytes(100), "cut": plain.read_bytes()[:1000],
        "no json": b"\x08" + bytes(7) + b"{{{{{{{{", "huge": b"\xff" * 7 + b"\x7f" + b"{}",
    }.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert outcome(lambda: safetensors.safe_open(path, "np")) == "SafetensorError"
        assert outcome(lambda: bbz.safe_open(path, "np")) == "SafetensorError", name
    (tmp_path / "cut.bbz").write_bytes(packed.read_bytes()[:-100])
    with pytest.raises(bbz.Error):
        bbz.safe_open(tmp_path / "cut.bbz", "np")


def test_threads(ours, plain):
    expected = {name: data for name, dtype, _, data in helpers.every_type()}
    wrong = []
    with bbz.safe_open(ours, "np") as f:
        def work(seed):
            random = numpy.random.default_rng(seed)
            for _ in range(40):
                name = known("np")[random.integers(len(known("np")))]
                if f.get_tensor(name).tobytes() != expected[name]:
                    wrong.append(name)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_file_of_several(layered, folder):
    with bbz.safe_open(layered, "np", file="model.safetensors") as f:
        assert "model.norm.weight" in f.keys() and f.metadata() == {"format": "pt"}
    with pytest.raises(bbz.NotFoundError):
        bbz.safe_open(layered, "np", file="absent.safetensors")
    with bbz.safe_open(layered, "np", file="notes/read me.txt") as f:
        assert f.keys() == []


def test_names_in_two_files(tmp_path):
    (tmp_path / "two").mkdir()
    for name in ("a", "b"):
        helpers.write_safetensors(tmp_path / "two" / f"{name}.safetensors", [("x", "U8", (1,), name.encode())])
    bbz.pack(tmp_path / "two", tmp_path / "two.bbz")
    with bbz.safe_open(tmp_path / "two.bbz", "np") as f:
        with pytest.raises(bbz.InvalidArgumentError, match="several files"):
            f.get_tensor("x")
    for name in ("a", "b"):
        with bbz.safe_open(tmp_path / "two.bbz", "np", file=f"{name}.safetensors") as f:
            assert f.get_tensor("x").tobytes() == name.encode()


def test_damage_is_named(damaged):
    with bbz.safe_open(damaged, "np") as f:
        with pytest.raises(bbz.ChecksumError) as caught:
            f.get_tensor("wide")
    assert caught.value.code == "checksum" and caught.value.tensor == "wide"
    assert isinstance(caught.value.chunk, int) and caught.value.offset > 0


def test_one_row_decodes_one_chunk(folder):
    """Counts the bytes of the archive that are read."""
    rows = 1024
    path = helpers.write_safetensors(folder / "rows.safetensors", [("w", "BF16", (rows, 512), helpers.weights((rows, 512), "BF16"))])
    bbz.pack(path, folder / "rows.bbz", chunk_size=65536)

    class Counting:
        def __init__(self, data):
            self.data, self.at, self.count = data, 0, 0

        def seek(self, offset, whence=0):
            self.at = {0: 0, 1: self.at, 2: len(self.data)}[whence] + offset
            return self.at

        def read(self, size):
            self.count += size
            return self.data[self.at : self.at + size]

    source = Counting((folder / "rows.bbz").read_bytes())
    with bbz.Archive(source, threads=1) as archive:
        before = source.count
        archive.rows("w", 500, 1)
        assert 0 < source.count - before <= 65536
