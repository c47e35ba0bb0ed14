"""Loads bbz's library, and declares the functions of its C interface for ctypes.

The library is the file that the environment variable `BBZ_LIBRARY` names, else the one in this
package, else the one that the system's linker finds. A test compares the declarations with the
headers.
"""

from __future__ import annotations

import ctypes as c
import os
from typing import Any, Dict, List, Tuple

from bbz import _structs as s

#: The version of the C interface that this package needs: the major version, and the least minor.
ABI = (1, 0)

#: "None" as the number of a file, layer, chunk or tensor, and as a number of bytes.
NONE, UNKNOWN = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
KIND_BYTES, KIND_TENSOR, KIND_OPERAND, KIND_STORAGE = range(4)
DTYPE_BLOCK = 64
RECORDED_MODE, RECORDED_TIME = 1, 2

_u32, _u64, _size, _text, _handle = c.c_uint32, c.c_uint64, c.c_size_t, c.c_char_p, c.c_void_p
_p = c.POINTER
_out = _p(_handle)


def _fallible(*arguments: Any) -> Tuple[Any, List[Any]]:
    """Declares a function that returns a bbz_code and takes a bbz_error last."""
    return c.c_int, [*arguments, _handle]


_free: Tuple[Any, List[Any]] = (None, [_handle])

#: The result and the arguments of each function. Handles and buffers are c_void_p.
FUNCTIONS: Dict[str, Tuple[Any, List[Any]]] = {
    # core.h
    "bbz_version_string": (_text, []),
    "bbz_abi_version": (_u32, []),
    "bbz_format_version": (_u32, []),
    "bbz_code_name": (_text, [c.c_int]),
    "bbz_error_new": (_handle, []),
    "bbz_error_free": _free,
    "bbz_error_message": (_text, [_handle]),
    "bbz_error_where": (c.c_int, [_handle, _p(s.ErrorPlace)]),
    "bbz_dtype_name": (_text, [_u32]),
    "bbz_dtype_find": (_u32, [_text, _size]),
    "bbz_dtype_bits": (_u32, [_u32]),
    "bbz_codec_name": (_text, [_u32]),
    # source.h
    "bbz_source_open_file": _fallible(_text, _out),
    "bbz_source_open_memory": _fallible(_handle, _size, _out),
    "bbz_source_open_callbacks": _fallible(_p(s.Callbacks), _out),
    "bbz_source_open_url": _fallible(_text, _p(s.UrlOptions), _out),
    "bbz_source_size": _fallible(_handle, _p(_u64)),
    "bbz_source_read": _fallible(_handle, _u64, _handle, _size, _p(_size)),
    "bbz_source_free": _free,
    # base.h
    "bbz_base_open": _fallible(_p(s.BaseOptions), _out),
    "bbz_base_free": _free,
    # reader.h
    "bbz_reader_open": _fallible(_handle, _p(s.ReaderOptions), _out),
    "bbz_reader_free": _free,
    "bbz_reader_info": _fallible(_handle, _p(s.ArchiveInfo)),
    "bbz_reader_file": _fallible(_handle, _u32, _p(s.FileInfo)),
    "bbz_reader_tensor": _fallible(_handle, _u32, _p(s.TensorInfo)),
    "bbz_reader_base": _fallible(_handle, _u32, _p(s.RecordedBase)),
    "bbz_reader_chunk": _fallible(_handle, _u32, _u64, _p(s.ChunkInfo)),
    "bbz_reader_update_tensor": _fallible(_handle, _u32, _handle, _size),
    "bbz_reader_check_update": _fallible(_handle, _u32, _handle, _size),
    "bbz_reader_read_tensor": _fallible(_handle, _u32, _handle, _size),
    "bbz_reader_read_rows": _fallible(_handle, _u32, _u64, _u64, _handle, _size),
    "bbz_reader_read_bytes": _fallible(_handle, _u32, _u64, _handle, _size),
    "bbz_reader_read_many": _fallible(_handle, _p(s.Target), _size, _p(s.ManyOptions)),
    "bbz_reader_codec": _fallible(_handle, _u32, _p(_u32)),
    "bbz_reader_open_file": _fallible(_handle, _u32, _p(s.ViewOptions), _out),
    "bbz_reader_metadata": _fallible(_handle, _u32, _p(s.MetadataInfo)),
    "bbz_reader_read_metadata": _fallible(_handle, _u32, _handle, _size),
    # verify.h
    "bbz_verify": _fallible(_handle, _p(s.VerifyOptions), _out),
    "bbz_report_free": _free,
    "bbz_report_get": _fallible(_handle, _p(s.ReportInfo)),
    "bbz_report_damage": _fallible(_handle, _size, _p(s.Damage)),
    # model.h
    "bbz_model_open": _fallible(_text, _p(s.ModelOptions), _out),
    "bbz_model_open_source": _fallible(_handle, _text, _p(s.ModelOptions), _out),
    "bbz_model_free": _free,
    "bbz_model_get": _fallible(_handle, _p(s.ModelInfo)),
    "bbz_model_tensor": _fallible(_handle, _u32, _p(s.TensorInfo)),
    "bbz_model_metadata": _fallible(_handle, _u32, _p(s.ModelText)),
    "bbz_model_read_bytes": _fallible(_handle, _u32, _u64, _handle, _size),
    "bbz_model_read_many": _fallible(_handle, _p(s.Target), _size, _p(s.ManyOptions)),
    "bbz_compare": _fallible(_handle, _handle, _p(s.ModelWork), _out),
    "bbz_comparison_free": _free,
    "bbz_comparison_get": _fallible(_handle, _p(s.ComparisonInfo)),
    "bbz_comparison_tensor": _fallible(_handle, _u64, _p(s.TensorDifference)),
    "bbz_comparison_orbit": _fallible(_handle, _u64, _p(s.Orbit)),
    "bbz_comparison_pair": _fallible(_handle, _u64, _p(s.PairDistance)),
    "bbz_estimate": _fallible(_handle, _p(s.ModelWork), _out),
    "bbz_estimate_free": _free,
    "bbz_estimate_get": _fallible(_handle, _p(s.EstimateInfo)),
    "bbz_estimate_junction": _fallible(_handle, _u64, _p(s.Junction)),
    "bbz_estimate_pair": _fallible(_handle, _u64, _p(s.Pair)),
    # writer.h
    "bbz_writer_create_file": _fallible(_text, _p(s.Writing), _out),
    "bbz_writer_create_callbacks": _fallible(_p(s.Output), _p(s.Writing), _out),
    "bbz_writer_free": _free,
    "bbz_writer_begin_file": _fallible(_handle, _text, _size),
    "bbz_writer_end_file": _fallible(_handle),
    "bbz_writer_add_directory": _fallible(_handle, _text, _size),
    "bbz_writer_add_metadata": _fallible(_handle, _text, _size, _text, _size),
    "bbz_writer_begin_safetensors": _fallible(
        _handle, _text, _size, _p(_p(s.TensorSpec)), _size, _p(s.TextPair), _size
    ),
    "bbz_writer_begin_tensor": _fallible(_handle, _p(s.TensorSpec)),
    "bbz_writer_begin_bytes": _fallible(_handle, _u64),
    "bbz_writer_write": _fallible(_handle, _handle, _size),
    "bbz_writer_end_tensor": _fallible(_handle),
    "bbz_writer_add_tensor": _fallible(_handle, _p(s.TensorSpec), _handle, _size),
    "bbz_writer_finish": _fallible(_handle, _p(s.Written)),
    # pack.h
    "bbz_pack": _fallible(_text, _text, _p(s.PackOptions), _p(s.Written)),
    "bbz_unpack": _fallible(_handle, _text, _p(s.UnpackOptions), _p(s.Unpacked)),
}


def _path() -> str:
    given = os.environ.get("BBZ_LIBRARY")
    if given:
        return given
    name = f"libbbz.so.{ABI[0]}"
    inside = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    return inside if os.path.exists(inside) else name


def _load() -> c.CDLL:
    path = _path()
    try:
        library = c.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"bbz: cannot load its library {path}: {error}; BBZ_LIBRARY may name another libbbz.so"
        ) from None
    library.bbz_abi_version.restype = _u32
    version = library.bbz_abi_version()
    if version >> 16 != ABI[0] or version & 0xFFFF < ABI[1]:
        raise ImportError(
            f"bbz: {path} has version {version >> 16}.{version & 0xFFFF} of the C interface, "
            f"expected {ABI[0]}.{ABI[1]}, or a later {ABI[0]}"
        )
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name, None)
        if function is None:
            raise ImportError(f"bbz: {path} has no {name}: it is older than this package")
        function.restype, function.argtypes = result, arguments
    return library


#: The loaded library.
LIB = _load()


def text_at(address: int | None, length: int) -> str:
    """Returns UTF-8 text of the library."""
    return c.string_at(address, length).decode("utf-8", "surrogateescape") if address else ""
