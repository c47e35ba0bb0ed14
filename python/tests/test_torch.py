"""`bbz.torch`: dicts of tensors, modules, and what torch.save wrote."""

import os
import pathlib
import pickle
import sys

import pytest

import bbz
import helpers

torch = pytest.importorskip("torch", reason="torch is not installed")

DATA = pathlib.Path(os.environ.get("BBZ_SHARED_DATA", helpers.PROJECT.parent / "shared" / "data")) / "torch"


def bits(tensor):
    """Returns what compares two tensors exactly."""
    return str(tensor.dtype), tuple(tensor.shape), helpers.tensor_bytes(tensor)


def test_files(tmp_path):
    tensors = {
        "bf16": torch.randn(50, 30).to(torch.bfloat16), "f32": torch.randn(3), "strided": torch.randn(4, 6).t(),
        "scalar": torch.tensor(2.5), "empty": torch.empty(0, 3), "bool": torch.tensor([True, False]),
        "i64": torch.arange(5), "complex": torch.view_as_complex(torch.randn(3, 2)), "grad": torch.randn(2, requires_grad=True),
    }
    bbz.torch.save_file(tensors, tmp_path / "t.bbz", {"k": "v"})
    loaded = bbz.torch.load_file(tmp_path / "t.bbz")
    assert {name: bits(tensor) for name, tensor in loaded.items()} == {name: bits(tensor) for name, tensor in tensors.items()}
    again = bbz.torch.load(bbz.torch.save(tensors))
    assert {name: bits(tensor) for name, tensor in again.items()} == {name: bits(tensor) for name, tensor in tensors.items()}
    with bbz.safe_open(tmp_path / "t.bbz", "pt") as f:
        assert f.metadata() == {"k": "v"}
    bbz.torch.save_file(tensors, tmp_path / "t.bbz")
    with pytest.raises(bbz.ExistsError):
        bbz.torch.save_file(tensors, tmp_path / "t.bbz", overwrite=False)
    bbz.unpack(tmp_path / "t.bbz", tmp_path)
    assert {name: bits(tensor) for name, tensor in bbz.torch.load_file(tmp_path / "t.safetensors").items()} == {
        name: bits(tensor) for name, tensor in tensors.items()
    }


def test_the_same_as_safetensors(plain, packed):
    theirs = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    names = {"wide", "f32", "type.F16", "scalar", "empty"}
    with __import__("safetensors").safe_open(plain, "pt") as f:
        expected = {name: bits(f.get_tensor(name)) for name in names}
    with bbz.safe_open(packed, "pt") as f:
        assert {name: bits(f.get_tensor(name)) for name in names} == expected
    assert theirs is not None


@pytest.mark.parametrize("value", [3, "text", [1.0], None, torch.ones(2).to_sparse(), torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)],
                         ids=lambda value: type(value).__name__)
def test_what_cannot_be_saved(tmp_path, value):
    with pytest.raises((TypeError, bbz.InvalidArgumentError)):
        bbz.torch.save_file({"x": value}, tmp_path / "x.bbz")
    with pytest.raises(TypeError):
        bbz.torch.save_file([torch.ones(1)], tmp_path / "x.bbz")
    assert os.listdir(tmp_path) == []


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(10, 4)
        self.inner = torch.nn.Linear(4, 4)
        self.head = torch.nn.Linear(4, 10, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("steps", torch.arange(3))


def test_models(tmp_path):
    model = Tied()
    bbz.torch.save_model(model, tmp_path / "m.bbz")
    with bbz.safe_open(tmp_path / "m.bbz", "pt") as f:
        assert f.keys() == ["embed.weight", "inner.bias", "inner.weight", "steps"]
        assert f.metadata() == {"head.weight": "embed.weight"}
    other = Tied()
    places = {name: tensor.data_ptr() for name, tensor in other.state_dict().items()}
    assert bbz.torch.load_model(other, tmp_path / "m.bbz") == ([], [])
    assert {name: bits(tensor) for name, tensor in other.state_dict().items()} == {
        name: bits(tensor) for name, tensor in model.state_dict().items()
    }
    assert {name: tensor.data_ptr() for name, tensor in other.state_dict().items()} == places
    assert other.head.weight is other.embed.weight


def test_models_that_do_not_fit(tmp_path):
    bbz.torch.save_file({"weight": torch.ones(2, 3), "extra": torch.ones(1)}, tmp_path / "m.bbz")
    with pytest.raises(RuntimeError, match="missing: bias.*unexpected: extra"):
        bbz.torch.load_model(torch.nn.Linear(3, 2), tmp_path / "m.bbz")
    linear = torch.nn.Linear(3, 2)
    assert bbz.torch.load_model(linear, tmp_path / "m.bbz", strict=False) == (["bias"], ["extra"])
    assert linear.weight.tolist() == [[1.0] * 3] * 2
    with pytest.raises(RuntimeError, match=r"shape \[2, 3\] in the file, \[3, 2\]"):
        bbz.torch.load_model(torch.nn.Linear(2, 3), tmp_path / "m.bbz", strict=False)
    half = torch.nn.Linear(3, 2).half()
    bbz.torch.load_model(half, tmp_path / "m.bbz", strict=False)
    assert half.weight.dtype == torch.float16 and half.weight.tolist() == [[1.0] * 3] * 2


def test_tied_tensors_of_a_checkpoint(tmp_path):
    shared = torch.randn(100, 100)
    state = {"a": shared, "b": shared, "t": shared.t(), "flat": shared.view(-1)[10:60], "own": torch.randn(3)}
    torch.save(state, tmp_path / "c.pt")
    bbz.pack(tmp_path / "c.pt", tmp_path / "c.bbz")
    loaded = bbz.torch.load_file(tmp_path / "c.bbz")
    assert {name: bits(tensor) for name, tensor in loaded.items()} == {name: bits(tensor) for name, tensor in state.items()}
    assert loaded["a"].data_ptr() == loaded["b"].data_ptr() == loaded["t"].data_ptr() == loaded["flat"].data_ptr() - 40
    assert loaded["own"].data_ptr() != loaded["a"].data_ptr()


def test_tied_parts_of_a_larger_memory(tmp_path):
    large = torch.randn(100, 100)
    torch.save({"x": large[10:20, :5], "y": large[10:20, :5], "z": large[15:25]}, tmp_path / "c.pt")
    bbz.pack(tmp_path / "c.pt", tmp_path / "c.bbz")
    loaded = bbz.torch.load_file(tmp_path / "c.bbz")
    assert loaded["x"].data_ptr() == loaded["y"].data_ptr() and loaded["x"].storage().size() == 50
    assert torch.equal(loaded["x"], large[10:20, :5]) and torch.equal(loaded["z"], large[15:25])


def test_load(tmp_path):
    state = {"step": 3, "model": {"w": torch.randn(20, 20).half()}, "list": [torch.arange(3), "text"]}
    torch.save(state, tmp_path / "c.pt")
    bbz.pack(tmp_path / "c.pt", tmp_path / "c.bbz")
    for source in (tmp_path / "c.bbz", (tmp_path / "c.bbz").read_bytes()):
        loaded = bbz.torch.load(source)
        assert loaded["step"] == 3 and loaded["list"][1] == "text" and torch.equal(loaded["list"][0], torch.arange(3))
        assert bits(loaded["model"]["w"]) == bits(state["model"]["w"])
    (tmp_path / "d").mkdir()
    for name in ("a.pt", "b.pt"):
        torch.save({"name": name}, tmp_path / "d" / name)
    bbz.pack(tmp_path / "d", tmp_path / "d.bbz")
    with pytest.raises(bbz.InvalidArgumentError, match="several files"):
        bbz.torch.load(tmp_path / "d.bbz")
    assert bbz.torch.load(tmp_path / "d.bbz", file="b.pt") == {"name": "b.pt"}
    with pytest.raises(bbz.NotFoundError):
        bbz.torch.load(tmp_path / "d.bbz", file="c.pt")


@pytest.mark.parametrize("where", [
    None, "cpu", torch.device("cpu"), {"cpu": "cpu"}, {"cuda:0": "cpu"}, lambda storage, place: storage, lambda storage, place: None,
], ids=["none", "text", "device", "dict", "another's dict", "function", "function of none"])
def test_load_without_a_pickle(tmp_path, where):
    """What `save_file` wrote, and the bytes of a plain safetensors file, are dicts of tensors."""
    tensors = helpers.model()
    data = helpers.write_safetensors(tmp_path / "m.safetensors", tensors).read_bytes()
    packed = tmp_path / "m.bbz"
    bbz.pack(tmp_path / "m.safetensors", packed)
    for source in (packed, packed.read_bytes(), data, bytearray(data), memoryview(data)):
        loaded = bbz.torch.load(source, where)
        assert {name: helpers.tensor_bytes(tensor) for name, tensor in loaded.items()} == {name: each for name, _, _, each in tensors}
    with pytest.raises(bbz.NotAnArchiveError):
        bbz.torch.load(data, where, file="m.safetensors")


def test_load_moves_tensors_as_map_location_says():
    """The device meta has no memory, and every machine has it."""
    packed = bbz.torch.save({"x": torch.ones(3)})
    places = []

    def to_meta(storage, place):
        places.append(place)
        return torch.empty(1, device="meta").storage()

    for where in ("meta", {"cpu": "meta"}, to_meta):
        assert {tensor.device.type for tensor in bbz.torch.load(packed, where).values()} == {"meta"}
    assert places == ["cpu"]


def same(left, right):
    """Returns whether two loaded values are the same, tensors bit for bit."""
    if isinstance(left, torch.Tensor):
        if left.is_sparse:
            return right.is_sparse and same(left.coalesce().indices(), right.coalesce().indices()) and same(
                left.coalesce().values(), right.coalesce().values()
            )
        if left.is_quantized:
            return right.is_quantized and torch.equal(left.int_repr(), right.int_repr()) and left.q_scale() == right.q_scale()
        return bits(left) == bits(right) and left.stride() == right.stride()
    if isinstance(left, torch.nn.Module):
        return type(left) is type(right) and same(left.state_dict(), right.state_dict())
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return type(left) is type(right) and len(left) == len(right) and all(map(same, left, right))
    return pickle.dumps(left) == pickle.dumps(right)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"there are no models in {DATA}")
@pytest.mark.parametrize("method", ["triangular", "polar", "bits-back"])
def test_a_rotated_model_unpacks_to_a_file_that_torch_loads(tmp_path, method):
    source = DATA / "sliced56-views.pt"
    assert bbz.pack(source, tmp_path / "r.bbz", symmetry=method).rotated
    assert not bbz.unpack(tmp_path / "r.bbz", tmp_path / "out").exact
    given, found = torch.load(source), torch.load(tmp_path / "out" / source.name)
    assert type(given) is type(found) and list(given) == list(found) and vars(given) == vars(found)
    for name, tensor in found.items():
        assert tensor.dtype == given[name].dtype and tensor.shape == given[name].shape and tensor.is_contiguous()
    assert any(not torch.equal(given[name], found[name]) for name in given)
    if method != "bits-back":
        bbz.pack(tmp_path / "out" / source.name, tmp_path / "again.bbz", symmetry=method)
        assert (tmp_path / "again.bbz").read_bytes() == (tmp_path / "r.bbz").read_bytes()
    bbz.pack(source, tmp_path / "s.bbz", symmetry=method, symmetry_as="safetensors")
    assert [file.path for file in bbz.Archive(tmp_path / "s.bbz").files] == ["sliced56-views.safetensors"]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"there are no models in {DATA}")
@pytest.mark.parametrize("name", sorted(os.listdir(DATA)) if DATA.is_dir() else [])
def test_load_gives_what_torch_gives(tmp_path, name, monkeypatch):
    # Modules were pickled with the class of a program.
    monkeypatch.setattr(sys.modules["__main__"], "Net", type("Net", (torch.nn.Module,), {"__module__": "__main__"}), raising=False)
    try:
        expected = torch.load(DATA / name)
    except Exception as error:
        pytest.skip(f"torch cannot load it: {error}")
    bbz.pack(DATA / name, tmp_path / "c.bbz")
    assert same(expected, bbz.torch.load(tmp_path / "c.bbz"))


def test_memory(folder):
    """Loading needs the tensors and 64 MiB."""
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    path = folder / "memory.safetensors"
    data = helpers.weights((1 << 20,), "BF16") * 16
    helpers.write_safetensors(path, [(f"layers.{n}.w", "BF16", (1 << 12, 1 << 12), data) for n in range(8)])
    bbz.pack(path, folder / "memory.bbz", level="fast", dedup=False)
    path.unlink()
    for module in ("torch", "numpy"):
        used = helpers.python(
            f"""
import sys, bbz, bbz.{module}
{'import torch; torch.ones(1000, 1000) @ torch.ones(1000, 8)' if module == 'torch' else 'import ml_dtypes'}
# As ru_maxrss, but without what the parent had.
peak = lambda: int([line for line in open("/proc/self/status") if line.startswith("VmHWM")][0].split()[1])
before = peak()
loaded = bbz.{module}.load_file(sys.argv[1])
print(peak() - before)""",
            folder / "memory.bbz",
        )
        assert 200 * 1024 < int(used) <= (256 + 64) * 1024
