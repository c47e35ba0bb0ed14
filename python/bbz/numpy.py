"""Models as dicts of numpy arrays, as `safetensors.numpy` has them, in bbz archives and plain safetensors files."""

from __future__ import annotations

import io
import os
from typing import Any, Dict, Mapping, Optional, Union

from bbz import _long
from bbz._bases import BaseLike
from bbz._handles import Url
from bbz._models import load_any, path_inside
from bbz._saving import save_tensors

_Path = Union[str, "os.PathLike[str]"]


def load_file(
    filename: Union[_Path, Url], *, file: Optional[str] = None, base: BaseLike = None, threads: int = 0,
    progress: _long.Progress = None,
) -> Dict[str, Any]:
    """Loads all tensors of an archive or a safetensors file, each into memory of its own that is allocated once.

    Args:
        filename: a path, an http or https URL, or a `Url`.
        file: of an archive with several files, the path of the one whose tensors are wanted; None: all.
        base: where the tensors are on which those of the archive lean; see `Archive`.
        threads: the number of threads that decode; 0 for all cores.
        progress: see `bbz.pack`; counts bytes that are decoded.

    Returns:
        Arrays by name, in the order of their data. BF16 and 8-bit floats have types of ml_dtypes.

    Raises:
        NotFoundError: there is no such file.
        UnsupportedError: numpy has no type for an element type, and ml_dtypes is not installed.
        SafetensorError: the bytes are not a model.
        ChecksumError and other errors of reading, with tensor, chunk and offset.

    >>> bbz.numpy.load_file("model.bbz")["norm"].shape
    (64,)
    """
    return load_any(filename, "np", file=file, threads=threads, progress=progress, base=base)


def load(
    data: Union[bytes, bytearray, memoryview], *, file: Optional[str] = None, base: BaseLike = None, threads: int = 0
) -> Dict[str, Any]:
    """Loads all tensors of an archive or a safetensors file in memory. See `load_file`."""
    return load_any(data, "np", file=file, threads=threads, base=base)


def save_file(
    tensors: Mapping[str, Any], filename: _Path, metadata: Optional[Mapping[str, str]] = None, **options: Any
) -> None:
    """Saves arrays as an archive with one safetensors file, which appears when it is complete.

    Args:
        tensors: arrays by name, of any strides.
        filename: the path of the archive.
        metadata: the `__metadata__` of the safetensors file.
        options: those of `bbz.Writer`; an existing file is replaced, as safetensors does, unless
            `overwrite=False` is given.

    Raises:
        UnsupportedError: an array has a type that the format has not.
        TypeError: a value is not an array.
        IOFailedError: writing failed.

    >>> bbz.numpy.save_file({"x": numpy.arange(3)}, "x.bbz")
    >>> bbz.numpy.load_file("x.bbz")["x"].tolist()
    [0, 1, 2]
    """
    from bbz._frameworks import Numpy

    save_tensors(Numpy(), tensors, filename, metadata, path_inside(filename), **{"overwrite": True, **options})


def save(tensors: Mapping[str, Any], metadata: Optional[Mapping[str, str]] = None, **options: Any) -> bytes:
    """Returns the archive that `save_file` would write.

    >>> bbz.numpy.load(bbz.numpy.save({"x": numpy.ones(2)}))["x"].tolist()
    [1.0, 1.0]
    """
    from bbz._frameworks import Numpy

    output = io.BytesIO()
    save_tensors(Numpy(), tensors, output, metadata, "model.safetensors", **options)
    return output.getvalue()
