"""Models for the tests, made without bbz and without safetensors."""

import json
import os
import pathlib
import struct
import subprocess
import sys

import numpy

PROJECT = pathlib.Path(__file__).resolve().parents[2]

NUMPY_TYPES = {
    "BOOL": "?", "U8": "<u1", "I8": "<i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}


def write_safetensors(path, tensors, metadata=None):
    """Writes a file of (name, type, shape, bytes), in this order."""
    header, offset = {}, 0
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, _, data in tensors))
    return path


def weights(shape, dtype, seed=0):
    """Returns the bytes of weights like those of a trained model."""
    values = numpy.random.default_rng(seed).normal(0, 0.02, shape).astype("<f4")
    if dtype == "F32":
        return values.tobytes()
    if dtype == "F16":
        return values.astype("<f2").tobytes()
    if dtype == "BF16":
        return (values.view("<u4") >> 16).astype("<u2").tobytes()
    raise ValueError(dtype)


def every_type():
    """Returns a tensor of every type that has whole bytes, and tensors of odd shapes."""
    random = numpy.random.default_rng(1)
    tensors = [("wide", "BF16", (300, 70), weights((300, 70), "BF16")), ("f32", "F32", (2, 3, 4), weights((2, 3, 4), "F32"))]
    for dtype, kind in NUMPY_TYPES.items():
        data = (random.integers(0, 2, 24) if dtype == "BOOL" else random.integers(0, 100, 24)).astype(kind)
        tensors.append((f"type.{dtype}", dtype, (4, 6), data.tobytes()))
    for dtype in ("F8_E4M3", "F8_E5M2"):
        tensors.append((f"type.{dtype}", dtype, (4, 6), random.integers(0, 100, 24).astype("u1").tobytes()))
    tensors.append(("scalar", "F64", (), struct.pack("<d", 3.5)))
    tensors.append(("empty", "F32", (0, 4), b""))
    tensors.append(("one", "I64", (1,), struct.pack("<q", -7)))
    tensors.append(("übung/名", "F16", (5,), weights((5,), "F16")))
    return tensors


def model(layers=3, width=64, dtype="BF16"):
    """Returns the tensors of a small model with layers."""
    tensors = [("model.embed_tokens.weight", dtype, (256, width), weights((256, width), dtype))]
    for layer in range(layers):
        for part in ("q_proj", "k_proj"):
            name = f"model.layers.{layer}.self_attn.{part}.weight"
            tensors.append((name, dtype, (width, width), weights((width, width), dtype, layer)))
    tensors.append(("model.norm.weight", dtype, (width,), weights((width,), dtype, 99)))
    tensors.append(("lm_head.weight", dtype, (256, width), weights((256, width), dtype, 98)))
    return tensors


def python(code, *arguments, **environment):
    """Runs code in a Python of its own, and returns what it prints."""
    paths = [str(PROJECT / "python"), str(PROJECT / "python" / "tests"), os.environ.get("PYTHONPATH", "")]
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **environment},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def has_torch():
    """Returns whether torch is installed."""
    try:
        import torch  # noqa: F401
    except ImportError:
        return False
    return True


def tensor_bytes(tensor):
    """Returns the elements of a tensor of torch, row by row."""
    import torch

    flat = tensor.detach().contiguous().view(-1)
    if flat.is_complex():
        flat = torch.view_as_real(flat).view(-1)
    if flat.dtype == torch.bfloat16:
        flat = flat.view(torch.int16)
    return flat.numpy().tobytes()


def has_ml_dtypes():
    """Returns whether ml_dtypes is installed."""
    try:
        import ml_dtypes  # noqa: F401
    except ImportError:
        return False
    return True
