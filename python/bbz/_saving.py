"""Saves dicts of arrays as archives, for `bbz.numpy` and `bbz.torch`."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

from bbz._frameworks import dtype_number
from bbz._library import LIB
from bbz._writing import Written
from bbz.writer import Writer


def save_tensors(
    framework: Any, tensors: Mapping[str, Any], output: Any, metadata: Optional[Mapping[str, str]], path: str,
    **options: Any,
) -> Written:
    """Writes arrays as one safetensors file of an archive, in an order that safetensors also has."""
    if not isinstance(tensors, Mapping):
        raise TypeError(f"expected a dict of tensors, not {type(tensors).__name__}")
    described: Dict[str, Tuple[str, List[int]]] = {}
    for name, array in tensors.items():
        described[name] = framework.describe(array)
    order = sorted(described, key=lambda name: (-LIB.bbz_dtype_bits(dtype_number(described[name][0])), name))
    with Writer(output, **options) as writer:
        writer.begin_safetensors(path, {name: described[name] for name in order}, metadata)
        for name in order:
            writer.write_tensor(framework.contents(tensors[name]))
        writer.end_file()
        return writer.finish()
