"""Loads models as dicts of arrays, for `bbz.numpy` and `bbz.torch`."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional

from bbz import _long
from bbz._bases import BaseLike
from bbz._frameworks import framework_of
from bbz._loading import load_tensors
from bbz._safe_open import open_model_file


def path_inside(filename: Any) -> str:
    """Returns the path of the safetensors file in an archive that is saved as `filename`."""
    name = os.path.basename(os.fspath(filename))
    stem = name[: -len(".bbz")] if name.endswith(".bbz") else name
    return stem if stem.endswith(".safetensors") else (stem or "model") + ".safetensors"


def load_any(
    readable: Any, framework: str, device: Any = "cpu", *, file: Optional[str] = None, threads: int = 0,
    pin_memory: bool = False, progress: _long.Progress = None, base: BaseLike = None,
) -> Dict[str, Any]:
    """Loads all tensors of a model, and keeps tied ones tied."""
    contents, everything, tensors, _ = open_model_file(readable, file, threads, base)
    return load_tensors(
        contents, tensors, framework_of(framework, device, pin_memory), progress, tied=True, all_tensors=everything
    )
