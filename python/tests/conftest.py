"""What all tests share: files of models, and archives of them."""

import sys

import pytest

import bbz
import helpers
import nginx as servers


def pytest_report_header():
    return f"bbz {bbz.__version__}"


def pytest_collection_modifyitems(config, items):
    if "slow" in (config.option.markexpr or ""):
        return
    skip = pytest.mark.skip(reason="slow: run with -m slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def plain(folder):
    """A safetensors file with a tensor of every type."""
    return helpers.write_safetensors(folder / "every.safetensors", helpers.every_type(), {"format": "pt", "by": "tests"})


@pytest.fixture(scope="session")
def packed(plain, folder):
    """The archive of that file, in chunks that are smaller than some tensors."""
    bbz.pack(plain, folder / "every.bbz", chunk_size=4096)
    return folder / "every.bbz"


@pytest.fixture(scope="session")
def layered(folder):
    """The archive of a directory with a small model with layers, and a text."""
    (folder / "layered").mkdir()
    helpers.write_safetensors(folder / "layered" / "model.safetensors", helpers.model(), {"format": "pt"})
    (folder / "layered" / "notes").mkdir()
    (folder / "layered" / "notes" / "read me.txt").write_text("a few words\n" * 1000)
    bbz.pack(folder / "layered", folder / "layered.bbz")
    return folder / "layered.bbz"


@pytest.fixture(scope="session")
def large(folder):
    """A safetensors file of 96 MiB, which takes a while to pack, and its archive."""
    data = helpers.weights((1 << 20,), "F32")
    tensors = [(f"layers.{n}.weight", "F32", (1 << 10, 1 << 10), data[n * 4 :] + data[: n * 4]) for n in range(24)]
    path = helpers.write_safetensors(folder / "large.safetensors", tensors)
    bbz.pack(path, folder / "large.bbz", level="fast")
    return path, folder / "large.bbz"


@pytest.fixture
def nginx(tmp_path, tmp_path_factory):
    """nginx, which serves the folder tmp_path."""
    if servers.PROGRAM is None:
        pytest.skip("nginx is not installed")
    server = servers.Nginx(tmp_path, tmp_path_factory.mktemp("nginx"))
    yield server
    server.close()


@pytest.fixture
def damaged(packed, tmp_path):
    """The archive with a flipped bit in a chunk of the tensor "wide"."""
    data = bytearray(packed.read_bytes())
    with bbz.Archive(packed) as archive:
        assert archive["wide"].chunk_count > 1
    plain_start = len(data) // 8
    for offset in range(plain_start, len(data)):
        changed = bytearray(data)
        changed[offset] ^= 1
        try:
            bbz.Archive(bytes(changed)).read("wide")
        except bbz.ChecksumError:
            (tmp_path / "damaged.bbz").write_bytes(changed)
            return tmp_path / "damaged.bbz"
        except bbz.Error:
            continue
    raise AssertionError("no byte belongs to the tensor")
