"""Programs that were written for safetensors, and `patch_safetensors`."""

import os
import shutil
import subprocess
import sys

import pytest

import bbz
import helpers

safetensors = pytest.importorskip("safetensors", reason="safetensors is not installed")
import safetensors.numpy  # noqa: E402
from safetensors import safe_open  # noqa: E402


@pytest.fixture
def only_archives(packed, tmp_path):
    """A folder in which archives stand for safetensors files, by each of their names."""
    shutil.copy(packed, tmp_path / "a.safetensors")
    shutil.copy(packed, tmp_path / "b.safetensors.bbz")
    shutil.copy(packed, tmp_path / "c.bbz")
    return tmp_path


def test_it_replaces_and_puts_back(only_archives, plain):
    before = safetensors.safe_open, safetensors.numpy.load_file, os.path.isfile, os.path.exists, safe_open
    expected = {name: data for name, _, _, data in helpers.every_type()}
    with bbz.patch_safetensors():
        with bbz.patch_safetensors():
            pass
        for name in ("a", "b", "c"):
            path = only_archives / f"{name}.safetensors"
            assert os.path.isfile(path) and os.path.exists(str(path))
            for opener in (safetensors.safe_open, safe_open):
                with opener(str(path), framework="np") as f:
                    assert isinstance(f, bbz.safe_open) and f.get_tensor("f32").tobytes() == expected["f32"]
                    with pytest.raises(safetensors.SafetensorError):
                        f.get_tensor("absent")
        with safe_open(plain, "np") as f:  # a file that is none of ours stays theirs
            assert not isinstance(f, bbz.safe_open)
        assert not os.path.isfile(only_archives / "d.safetensors") and not os.path.exists(only_archives / "d")
        assert os.path.isfile(plain) and os.path.exists(only_archives)
        with pytest.raises(FileNotFoundError):
            safe_open(only_archives / "d.safetensors", "np")
        namespace = {}
        exec("from safetensors import safe_open\nfrom safetensors.numpy import load_file", namespace)
        if helpers.has_ml_dtypes():
            loaded = namespace["load_file"](only_archives / "b.safetensors")
            assert {name: array.tobytes() for name, array in loaded.items()} == expected
    assert (safetensors.safe_open, safetensors.numpy.load_file, os.path.isfile, os.path.exists, safe_open) == before
    assert not os.path.isfile(only_archives / "b.safetensors")
    with pytest.raises(safetensors.SafetensorError):
        safe_open(only_archives / "a.safetensors", "np")


def test_modules_that_are_imported_meanwhile(tmp_path, monkeypatch):
    (tmp_path / "meanwhile.py").write_text("from safetensors import safe_open\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with bbz.patch_safetensors():
        import meanwhile

        assert meanwhile.safe_open is not safe_open or meanwhile.safe_open.__name__ == "patched_safe_open"
    assert meanwhile.safe_open is safetensors.safe_open
    assert type(safetensors.safe_open).__name__ == "type" and safetensors.safe_open.__module__ == "builtins"


def test_it_is_put_back_after_an_exception():
    before = safetensors.safe_open
    with pytest.raises(RuntimeError):
        with bbz.patch_safetensors():
            raise RuntimeError
    assert safetensors.safe_open is before


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_workers(only_archives, tmp_path, method):
    program = tmp_path / "program.py"
    program.write_text(
        f"""
import multiprocessing, sys
from safetensors import safe_open
def work(path):
    with safe_open(path, framework="np") as f:
        return f.get_tensor("f32").tobytes()
if __name__ == "__main__":
    import bbz
    with bbz.patch_safetensors():
        with multiprocessing.get_context({method!r}).Pool(2) as pool:
            print(set(pool.map(work, [sys.argv[1]] * 4)) == {{work(sys.argv[1])}})
"""
    )
    result = subprocess.run(
        [sys.executable, program, only_archives / "b.safetensors"], capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(helpers.PROJECT / "python")},
    )
    assert result.stdout == "True\n", result.stderr


def test_torch(only_archives, packed):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    theirs = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    bbz.torch.save_model(torch.nn.Linear(2, 3), only_archives / "linear.safetensors.bbz")
    with bbz.patch_safetensors():
        loaded = theirs.load_file(only_archives / "linear.safetensors", device="cpu")
        model = torch.nn.Linear(2, 3)
        assert theirs.load_model(model, only_archives / "linear.safetensors") == ([], [])
        assert torch.equal(model.weight, loaded["weight"])
