"""Archives behind a server of the web, nginx."""

import pytest

import bbz
import helpers


def test_one_layer_by_range(nginx, tmp_path):
    """The ranges that one layer needs go over the line, and little more."""
    tensors = helpers.model(layers=8, width=256, dtype="F32")
    helpers.write_safetensors(tmp_path / "model.safetensors", tensors)
    bbz.pack(tmp_path / "model.safetensors", tmp_path / "model.bbz")
    layer = {name: (shape, data) for name, _, shape, data in tensors if ".layers.5." in name}
    assert len(layer) == 2
    size = sum(len(data) for _, data in layer.values())
    for name in ("model.bbz", "model.safetensors"):
        try:
            opened = bbz.safe_open(nginx.url(name), "np")
        except bbz.UnsupportedError as error:
            pytest.skip(f"the library reads no URLs: {error}")
        with opened as f:
            assert set(layer) < set(f.keys())
            nginx.take_log()
            for each, (shape, data) in layer.items():
                array = f.get_tensor(each)
                assert array.shape == shape and array.tobytes() == data
        log = nginx.take_log()
        assert log and all(entry.status == 206 and entry.range.startswith('"bytes=') for entry in log), log
        assert size // 2 < sum(entry.nbytes for entry in log) < 2 * size < (tmp_path / name).stat().st_size, log
    with pytest.raises(FileNotFoundError):
        bbz.safe_open(nginx.url("absent.bbz"), "np")
