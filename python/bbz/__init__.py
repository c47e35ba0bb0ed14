"""bbz: archives for the weights of neural networks, read and written from Python.

>>> import bbz
>>> with bbz.safe_open("model.bbz", framework="np") as f:
...     f.get_tensor("norm").shape
(64,)

`Archive` shows and reads what an archive holds, `safe_open` and the modules `bbz.numpy` and `bbz.torch` stand in
for those of safetensors, `pack`, `unpack`, `verify`, `compare` and `estimate` do what the commands of these names
do, `apply` updates weights in memory, and `Writer` writes archives tensor by tensor. All errors are `bbz.Error`.

Sizes and offsets are in bytes, shapes in elements with the outermost axis first.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, List

from bbz._apply import apply
from bbz._compare import (
    Comparison, Estimate, Junction, Orbit, Pair, PairDistance, TensorDifference, compare, estimate
)
from bbz._contents import Tensor
from bbz._handles import Url
from bbz._layers import Layer
from bbz._library import LIB
from bbz._listing import File, RecordedBase
from bbz._patch import patch_safetensors
from bbz._safe_open import SafetensorError, safe_open
from bbz._verify import Damage, Report, verify
from bbz._writing import Written
from bbz.archive import Archive
from bbz.errors import (
    CancelledError,
    ChecksumError,
    ClosedError,
    DigestMismatchError,
    Error,
    ExistsError,
    InternalError,
    InvalidArgumentError,
    IOFailedError,
    LimitError,
    MalformedError,
    NotAnArchiveError,
    NotFoundError,
    OutOfMemoryError,
    TruncatedError,
    UnsafePathError,
    UnsupportedError,
    WrongBaseError,
)
from bbz.packing import Unpacked, pack, unpack
from bbz.writer import Writer

if TYPE_CHECKING:
    from bbz import numpy, torch

#: The version of the library.
__version__: str = LIB.bbz_version_string().decode()

__all__ = [
    "Archive", "CancelledError", "ChecksumError", "ClosedError", "Comparison", "Damage", "DigestMismatchError",
    "Error", "Estimate", "ExistsError", "File", "IOFailedError", "InternalError", "InvalidArgumentError",
    "Junction", "Layer", "LimitError", "MalformedError", "NotAnArchiveError", "NotFoundError", "Orbit",
    "OutOfMemoryError", "Pair", "PairDistance", "RecordedBase", "Report", "SafetensorError", "Tensor", "TensorDifference", "TruncatedError", "Unpacked",
    "UnsafePathError", "UnsupportedError", "Url", "WrongBaseError", "Writer", "Written", "apply", "compare", "estimate", "numpy", "pack",
    "patch_safetensors", "safe_open", "torch", "unpack", "verify",
]


def __getattr__(name: str) -> Any:
    # They import numpy and torch, which only their users need.
    if name in ("numpy", "torch"):
        return importlib.import_module(f"bbz.{name}")
    raise AttributeError(f"module 'bbz' has no attribute {name!r}")


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})
