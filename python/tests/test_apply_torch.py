"""`bbz.apply` on tensors and modules of torch."""

import pytest

import bbz
import helpers

torch = pytest.importorskip("torch", reason="torch is not installed")


class Model(torch.nn.Module):
    """A small language model whose head is tied to its embedding."""

    def __init__(self, dtype=torch.bfloat16):
        super().__init__()
        self.embed = torch.nn.Embedding(200, 32, dtype=dtype)
        self.layers = torch.nn.ModuleList([torch.nn.Linear(32, 32, dtype=dtype) for _ in range(3)])
        self.register_buffer("scale", torch.ones(32, dtype=dtype))
        self.head = torch.nn.Linear(32, 200, bias=False, dtype=dtype)
        self.head.weight = self.embed.weight

    def forward(self, tokens):
        x = self.embed(tokens)
        for layer in self.layers:
            x = x + torch.nn.functional.gelu(layer(x)) * self.scale
        return self.head(x)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a model before and after some steps of training, and the update; and both models."""
    folder = tmp_path_factory.mktemp("trained")
    torch.manual_seed(7)
    model, new = Model(), Model()
    new.load_state_dict(model.state_dict())
    optimizer = torch.optim.SGD(new.parameters(), lr=0.5)
    for _ in range(3):
        tokens = torch.randint(0, 200, (4, 16))
        torch.nn.functional.cross_entropy(new(tokens).float().flatten(0, 1), tokens.flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
    for name, each in (("old", model), ("new", new)):
        torch.save(each.state_dict(), folder / f"{name}.pt")
    bbz.pack(folder / "new.pt", folder / "update.bbz", base=folder / "old.pt")
    bbz.torch.save_model(new, folder / "new.bbz")
    return folder, model, new


def fresh(model):
    copy = Model()
    copy.load_state_dict(model.state_dict())
    return copy


def test_a_module_gives_the_logits_of_the_new_one(trained):
    folder, old, new = trained
    model = fresh(old)
    addresses = [parameter.data_ptr() for parameter in model.parameters()]
    tokens = torch.randint(0, 200, (2, 20))
    before = model(tokens)
    changed = bbz.apply(model, folder / "update.bbz")
    assert {"embed.weight", "head.weight", "layers.1.weight"} <= set(changed) and "scale" not in changed
    with torch.no_grad():
        assert torch.equal(model(tokens), new(tokens)) and not torch.equal(model(tokens), before)
    assert [parameter.data_ptr() for parameter in model.parameters()] == addresses
    assert model.head.weight is model.embed.weight
    with pytest.raises(bbz.DigestMismatchError):
        bbz.apply(model, folder / "update.bbz")
    assert torch.equal(model(tokens), new(tokens))


def test_a_dict_of_tensors(trained):
    folder, old, new = trained
    state = {name: tensor.clone() for name, tensor in old.state_dict().items()}
    state["head.weight"] = state["embed.weight"]
    bbz.apply(state, folder / "update.bbz")
    assert all(torch.equal(state[name], tensor) for name, tensor in new.state_dict().items())
    apart = {name: tensor.clone() for name, tensor in old.state_dict().items()}  # tied in the update only
    assert "head.weight" in bbz.apply(apart, folder / "update.bbz")
    assert all(torch.equal(apart[name], tensor) for name, tensor in new.state_dict().items())


def test_what_does_not_fit_is_refused(trained):
    folder, old, _ = trained
    for change, message in (
        (lambda t: t.float(), "its type is F32 here, and BF16 in the update"), (lambda t: t[1:], "its shape is"),
        (lambda t: t.t().contiguous().t(), "contiguous"), (lambda t: t.to_sparse(), "none of the format"),
        (lambda t: t + 1, "digest"),
    ):
        state = {name: tensor.clone() for name, tensor in old.state_dict().items()}
        state["layers.2.weight"] = change(state["layers.2.weight"])
        with pytest.raises(bbz.Error, match=message):
            bbz.apply(state, folder / "update.bbz")
        assert torch.equal(state["embed.weight"], old.embed.weight)


def test_tensors_elsewhere_are_copied_there_and_back(trained, monkeypatch):
    folder, old, new = trained
    monkeypatch.setattr("bbz._apply._is_resident", lambda tensor: False)  # as of one on a GPU
    model = fresh(old)
    bbz.apply(model, folder / "update.bbz")
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in new.state_dict().items())
    before = [parameter.clone() for parameter in model.parameters()]
    with pytest.raises(bbz.DigestMismatchError):
        bbz.apply(model, folder / "update.bbz")
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters()))


def test_views_need_the_base(tmp_path):
    whole = torch.arange(4000, dtype=torch.float32)
    torch.save({"first": whole[:3000].view(30, 100).t(), "all": whole}, tmp_path / "old.pt")
    new = whole.clone()
    new[::50] += 1
    torch.save({"first": new[:3000].view(30, 100).t(), "all": new}, tmp_path / "new.pt")
    bbz.pack(tmp_path / "new.pt", tmp_path / "update.bbz", base=tmp_path / "old.pt")
    with bbz.Archive(tmp_path / "update.bbz") as archive:
        if not any(tensor.base is not None and archive._leans(tensor) for tensor in archive.tensors):
            pytest.skip("no view of a tensor that leans in the archive")
    weights = {"first": whole[:3000].view(30, 100).t().contiguous(), "all": whole.clone()}
    with pytest.raises(bbz.UnsupportedError):
        bbz.apply(weights, tmp_path / "update.bbz")
    assert torch.equal(weights["all"], whole)
    bbz.apply(weights, tmp_path / "update.bbz", base=tmp_path / "old.pt")
    assert torch.equal(weights["all"], new) and torch.equal(weights["first"], new[:3000].view(30, 100).t())


def test_load_and_load_model_take_a_base(trained):
    folder, old, new = trained
    loaded = bbz.torch.load(folder / "update.bbz", base=folder / "old.pt")
    assert all(torch.equal(loaded[name], tensor) for name, tensor in new.state_dict().items())
    assert torch.equal(bbz.torch.load_file(folder / "update.bbz", base=folder / "old.pt")["embed.weight"], new.embed.weight)
    model = fresh(old)
    bbz.torch.load_model(model, folder / "update.bbz", base=folder / "old.pt")
    assert torch.equal(model.embed.weight, new.embed.weight)
