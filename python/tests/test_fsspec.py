"""The filesystem `bbz://` of fsspec."""

import os

import pytest

import bbz
import helpers

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")


@pytest.fixture(autouse=True, scope="module")
def registered():
    """Registers the class as the entry point of an installed package does."""
    fsspec.register_implementation("bbz", "bbz._fsspec.ArchiveFileSystem", clobber=True)


def test_chains(layered, folder):
    expected = (folder / "layered" / "model.safetensors").read_bytes()
    for url in (f"bbz://model.safetensors::{layered}", f"bbz://model.safetensors::file://{layered}"):
        with fsspec.open(url, "rb") as file:
            assert file.read() == expected
            file.seek(100)
            assert file.read(10) == expected[100:110]
    with fsspec.open(f"bbz://notes/read me.txt::{layered}", "rt") as file:
        assert file.readline() == "a few words\n"
    memory = fsspec.filesystem("memory")
    memory.pipe("/m.bbz", layered.read_bytes())
    with fsspec.open("bbz://model.safetensors::memory://m.bbz", "rb") as file:
        assert file.read() == expected


def test_the_filesystem(layered, tmp_path):
    fs = fsspec.filesystem("bbz", fo=str(layered))
    assert fs.ls("", detail=False) == ["model.safetensors", "notes"]
    assert fs.ls("notes", detail=False) == ["notes/read me.txt"] and fs.isdir("notes") and fs.isfile("model.safetensors")
    assert fs.find("") == ["model.safetensors", "notes/read me.txt"] and fs.glob("**/*.txt") == ["notes/read me.txt"]
    assert fs.info("notes/read me.txt")["size"] == 12000 and fs.size("notes/read me.txt") == 12000
    assert fs.cat("notes/read me.txt") == b"a few words\n" * 1000
    assert fs.cat_file("notes/read me.txt", 2, 5) == b"few"
    fs.get("", str(tmp_path / "out"), recursive=True)
    assert sorted(os.listdir(tmp_path / "out")) == ["model.safetensors", "notes"]
    assert fs.exists("notes") and not fs.exists("absent")
    for path in ("absent", "notes/absent"):
        with pytest.raises(FileNotFoundError):
            fs.info(path)
        with pytest.raises(FileNotFoundError):
            fs.open(path)
    with pytest.raises(OSError, match="Read-only"):
        fs.open("model.safetensors", "wb")
    with pytest.raises(IsADirectoryError):
        fs.open("notes")
    file = fs.open("notes/read me.txt")
    fs.close()
    assert file.read(5) == b"a few"
    with pytest.raises(bbz.ClosedError):
        fs.open("notes/read me.txt")
