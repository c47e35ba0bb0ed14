"""Arrays of numpy and tensors of torch: their element types, and memory for the library to decode into."""

from __future__ import annotations

import ctypes
import sys
from typing import Any, Dict, List, Optional, Sequence, Tuple

from bbz._library import LIB
from bbz.errors import InvalidArgumentError, UnsupportedError

#: The name of each element type of the format that numpy or ml_dtypes has, with its name there.
NUMPY: Dict[str, str] = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32",
    "I32": "int32", "U64": "uint64", "I64": "int64", "F16": "float16", "F32": "float32", "F64": "float64",
    "C64": "complex64",
}
ML_DTYPES: Dict[str, str] = {
    "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}
TORCH: Dict[str, str] = {**NUMPY, **ML_DTYPES}

_numbers: Dict[str, int] = {}


def dtype_number(name: str) -> int:
    """Returns the number of a type in the format. Raises UnsupportedError for an unknown name."""
    if name not in _numbers:
        encoded = name.encode()
        number = LIB.bbz_dtype_find(encoded, len(encoded))
        if not number:
            raise UnsupportedError(f"no element type is called {name!r}")
        _numbers[name] = number
    return _numbers[name]


class Numpy:
    """Makes arrays of numpy."""

    name = "numpy"

    def __init__(self, device: str = "cpu", pin_memory: bool = False) -> None:
        import numpy

        self._numpy = numpy
        self._types: Dict[str, Any] = {}

    def dtype(self, name: str) -> Any:
        """Returns numpy's type for the name of a type. Raises UnsupportedError if there is none."""
        found = self._types.get(name)
        if found is None:
            found = self._types[name] = self._find(name)
        return found

    def _find(self, name: str) -> Any:
        if name in NUMPY:
            return self._numpy.dtype(NUMPY[name])
        if name not in ML_DTYPES:
            raise UnsupportedError(f"numpy has no type for {name}; Archive.read() gives the bytes")
        try:
            import ml_dtypes
        except ImportError:
            raise UnsupportedError(
                f"numpy has no type for {name}: install ml_dtypes, use framework='pt', or take the bytes "
                "from Archive.read()"
            ) from None
        return self._numpy.dtype(getattr(ml_dtypes, ML_DTYPES[name]))

    def empty(self, dtype: str, shape: Sequence[int]) -> Any:
        """Returns a new array whose elements are not set."""
        return self._numpy.empty(tuple(shape), self.dtype(dtype))

    @staticmethod
    def address(array: Any) -> int:
        """Returns the address of the first element of a contiguous array."""
        try:
            return ctypes.addressof(ctypes.c_char.from_buffer(array))  # the quick way
        except (TypeError, ValueError):  # it is empty, or of a type of ml_dtypes
            return int(array.__array_interface__["data"][0])

    @staticmethod
    def place(array: Any) -> Any:
        """Returns an array on the device that was asked for."""
        return array

    def view(self, memory: Any, dtype: str, shape: Sequence[int], strides: Sequence[int], offset: int) -> Any:
        """Returns an array in the bytes of a one-dimensional uint8 array. Strides are in elements."""
        kind = self.dtype(dtype)
        return self._numpy.ndarray(
            tuple(shape), kind, buffer=memory, offset=offset, strides=[stride * kind.itemsize for stride in strides]
        )

    def describe(self, array: Any) -> Tuple[str, List[int]]:
        """Returns the type and the shape of an array. Raises TypeError; UnsupportedError for another type."""
        if not isinstance(array, self._numpy.ndarray):
            raise TypeError(f"expected an array of numpy, not {type(array).__name__}")
        name = _FROM_NUMPY.get(array.dtype.name)
        if name is None:
            raise UnsupportedError(f"no element type is called {array.dtype.name!r} in the format")
        return name, list(array.shape)

    def contents(self, array: Any) -> Any:
        """Returns the contiguous little-endian bytes of an array that `describe` takes."""
        packed = self._numpy.ascontiguousarray(array)
        if packed.dtype.byteorder == ">" or (packed.dtype.byteorder == "=" and sys.byteorder == "big"):
            packed = packed.byteswap()
        return packed.reshape(-1).view(self._numpy.uint8)


_FROM_NUMPY = {numpy: name for name, numpy in {**NUMPY, **ML_DTYPES}.items()}


class Torch:
    """Makes tensors of torch."""

    name = "torch"

    def __init__(self, device: Any = "cpu", pin_memory: bool = False) -> None:
        import torch

        self._torch = torch
        self._device = f"cuda:{device}" if isinstance(device, int) else device
        self._moves = str(self._device) != "cpu"
        self._pinned = {"pin_memory": True} if pin_memory else {}

    def dtype(self, name: str) -> Any:
        """Returns torch's type for the name of a type. Raises UnsupportedError if there is none."""
        found = getattr(self._torch, TORCH.get(name, ""), None)
        if found is None:
            raise UnsupportedError(
                f"torch {self._torch.__version__} has no type for {name}; Archive.read() gives the bytes"
            )
        return found

    def empty(self, dtype: str, shape: Sequence[int]) -> Any:
        """Returns a new tensor on the CPU whose elements are not set."""
        return self._torch.empty(tuple(shape), dtype=self.dtype(dtype), **self._pinned)

    @staticmethod
    def address(tensor: Any) -> int:
        """Returns the address of the first element of a contiguous tensor."""
        return int(tensor.data_ptr())

    def place(self, tensor: Any) -> Any:
        """Returns a tensor on the device that was asked for."""
        return tensor.to(self._device) if self._moves else tensor

    def view(self, memory: Any, dtype: str, shape: Sequence[int], strides: Sequence[int], offset: int) -> Any:
        """Returns a tensor in the bytes of a one-dimensional uint8 tensor. Strides are in elements."""
        kind = self.dtype(dtype)
        size = self._torch.empty((), dtype=kind).element_size()
        whole = memory[: len(memory) // size * size].view(kind)
        return whole.as_strided(tuple(shape), tuple(strides), offset // size)

    def describe(self, tensor: Any) -> Tuple[str, List[int]]:
        """Returns the type and the shape of a tensor.

        Raises TypeError; InvalidArgumentError for a tensor that is not dense; UnsupportedError for another type.
        """
        if not isinstance(tensor, self._torch.Tensor):
            raise TypeError(f"expected a tensor of torch, not {type(tensor).__name__}")
        if tensor.layout != self._torch.strided or tensor.is_quantized:
            raise InvalidArgumentError("only dense tensors can be saved, neither sparse nor quantized ones")
        name = _FROM_TORCH.get(str(tensor.dtype).replace("torch.", ""))
        if name is None:
            raise UnsupportedError(f"no element type is called {tensor.dtype} in the format")
        return name, list(tensor.shape)

    @staticmethod
    def contents(tensor: Any) -> Any:
        """Returns a tensor that `describe` takes on the CPU, contiguous and with its elements as they are seen."""
        return tensor.detach().resolve_conj().resolve_neg().to("cpu").contiguous()


_FROM_TORCH = {torch: name for name, torch in TORCH.items()}


def dtype_of(array: Any) -> Optional[str]:
    """Returns the name of the element type of an array of numpy or a dense tensor of torch, or None for anything else.

    It is "none of the format" for a type that the format has not.
    """
    if hasattr(array, "data_ptr") and hasattr(array, "layout"):
        dense = str(array.layout) == "torch.strided" and not array.is_quantized
        return _FROM_TORCH.get(str(array.dtype).replace("torch.", ""), _UNKNOWN) if dense else _UNKNOWN
    if hasattr(array, "__array_interface__") and hasattr(array, "dtype"):
        native = array.dtype.isnative and sys.byteorder == "little"
        return _FROM_NUMPY.get(array.dtype.name, _UNKNOWN) if native else _UNKNOWN
    return None


_UNKNOWN = "none of the format"

_NAMES = {"pt": Torch, "torch": Torch, "pytorch": Torch, "np": Numpy, "numpy": Numpy}


def framework_of(name: str, device: Any = "cpu", pin_memory: bool = False) -> Any:
    """Returns what makes arrays of a framework. Raises InvalidArgumentError for an unknown name."""
    kind = _NAMES.get(name)
    if kind is None:
        raise InvalidArgumentError(f"framework {name!r}, expected one of {', '.join(map(repr, _NAMES))}")
    return kind(device, pin_memory)


def memory_of(out: Any, size: int) -> Tuple[Any, Optional[int]]:
    """Returns what keeps the memory of a caller's buffer, and its address.

    The buffer is a contiguous tensor of torch on the CPU, an array of numpy, or any writable buffer. Raises
    InvalidArgumentError if it has not `size` bytes, is not contiguous or cannot be written to.
    """
    if size and size == (len(out) if type(out) is bytearray else getattr(out, "nbytes", None)):
        try:
            anchor = ctypes.c_char.from_buffer(out)  # the quick way
            return anchor, ctypes.addressof(anchor)
        except (TypeError, ValueError):
            pass  # for a reason that is named below, or a tensor, or an array of a type of ml_dtypes
    if hasattr(out, "data_ptr"):
        if out.device.type != "cpu" or not out.is_contiguous():
            raise InvalidArgumentError("out: expected a contiguous tensor on the CPU")
        _check_size(out.numel() * out.element_size(), size)
        return out, int(out.data_ptr())
    if hasattr(out, "__array_interface__"):
        if not out.flags.c_contiguous or not out.flags.writeable:
            raise InvalidArgumentError("out: expected a contiguous array that can be written to")
        _check_size(out.nbytes, size)
        return out, int(out.__array_interface__["data"][0])
    view = memoryview(out)
    if view.readonly or not view.c_contiguous:
        raise InvalidArgumentError("out: expected a contiguous buffer that can be written to")
    _check_size(view.nbytes, size)
    if size == 0:
        return view, None
    anchor = ctypes.c_char.from_buffer(view)
    return anchor, ctypes.addressof(anchor)


def _check_size(found: int, expected: int) -> None:
    if found != expected:
        raise InvalidArgumentError(f"out: {found} bytes, expected {expected}")
