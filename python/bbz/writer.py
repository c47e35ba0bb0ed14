"""Writes archives, one tensor after the other."""

from __future__ import annotations

import ctypes as c
import errno
import os
import sys
import weakref
from typing import Any, Mapping, Optional, Sequence, Tuple, Union

from bbz import _structs as s
from bbz._frameworks import dtype_number
from bbz._handles import Handle, make, path_bytes, readable_address
from bbz._library import LIB
from bbz._writing import Written, writing_options, written
from bbz.errors import ClosedError, Error, InvalidArgumentError, call

_PIECE_BYTES = 8 << 20


class _FileObject:
    """Passes the bytes of an archive to a Python file object, and keeps what it raised."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.raised: Optional[BaseException] = None
        name = repr(getattr(file, "name", type(file).__name__)).encode("utf-8", "replace")
        weak = weakref.ref(self)  # else the callback would keep this object, and so the output, until a collection
        self.output = s.Output(name=name, write=s.WRITE(lambda *arguments: weak()._write(*arguments)))  # type: ignore[union-attr]

    def _write(self, user: Any, address: int, size: int) -> int:
        try:
            data = memoryview(c.string_at(address, size))
            while data:
                count = self.file.write(data)
                if count is None or not 0 < count <= len(data):
                    raise OSError(f"write() of {len(data)} bytes returned {count!r}")
                data = data[count:]
            return 0
        except BaseException as error:
            self.raised = error
            return -errno.EIO


class Writer:
    """Writes an archive to a path or a binary file object, tensor by tensor, in little memory.

    An archive at a path appears when `finish()` returns, or the `with` block ends without an exception, and
    not before. A writer serves one thread at a time.

    Args:
        output: a path, or a file object with a method `write`.
        level: "default", "fast" or "small".
        digest: "xxh3", which finds accidents, or "sha256", which finds forgery too.
        chunk_size: bytes that are compressed together, about; 0 for 1 MiB, at most 64 MiB.
        align: of stored bytes in the archive: a power of two from 16 bytes to 2 MiB, or 0 for none.
        threads: the number of threads that compress; 0 for all cores.
        dedup: whether chunks that repeat others are stored once.
        overwrite: whether an existing file is replaced.
        sync: whether `finish()` waits until the archive is on the disk.

    Raises:
        ExistsError: something is at the path, and `overwrite` is false.
        InvalidArgumentError: a value is out of range.
        NotFoundError: the directory is missing.

    >>> with Writer("two.bbz") as writer:
    ...     writer.begin_safetensors("two.safetensors", {"a": ("F32", [2]), "b": ("U8", [3])}, {"by": "me"})
    ...     writer.write_tensor(bytes(8))
    ...     writer.write_tensor(b"abc")
    ...     writer.end_file()
    >>> sorted(Archive("two.bbz"))
    ['a', 'b']
    """

    def __init__(
        self,
        output: Union[str, "os.PathLike[str]", Any],
        *,
        level: str = "default",
        digest: str = "xxh3",
        chunk_size: int = 0,
        align: int = 0,
        threads: int = 0,
        dedup: bool = True,
        overwrite: bool = False,
        sync: bool = True,
    ) -> None:
        self._handle: Optional[Handle] = None
        self._file: Optional[_FileObject] = None
        self._result: Optional[Written] = None
        options = writing_options(level, digest, chunk_size, align, threads, dedup, overwrite, sync)
        if isinstance(output, (str, os.PathLike)):
            self._handle = make(
                LIB.bbz_writer_create_file, LIB.bbz_writer_free, path_bytes(output), c.byref(options)
            )
        elif hasattr(output, "write"):
            self._file = _FileObject(output)
            self._handle = make(
                LIB.bbz_writer_create_callbacks, LIB.bbz_writer_free, c.byref(self._file.output), c.byref(options),
                keep=self._file,
            )
        else:
            raise TypeError(f"output: expected a path or a file object, not {type(output).__name__}")

    def begin_file(self, path: str) -> None:
        """Begins a file of the archive; the tensors and bytes that follow are its content, without gaps.

        Raises UnsafePathError for a path that is not relative or leaves the directory; InvalidArgumentError if
        a file is open.
        """
        encoded = path.encode()
        self._call(LIB.bbz_writer_begin_file, encoded, len(encoded))

    def begin_safetensors(
        self,
        path: str,
        tensors: Mapping[str, Tuple[str, Sequence[int]]],
        metadata: Optional[Mapping[str, str]] = None,
    ) -> None:
        """Begins a safetensors file: what is unpacked later has these tensors in this order.

        Args:
            path: its path in the archive.
            tensors: the type, for example "BF16", and the shape in elements of each tensor. `write_tensor()`
                must then be called for each, in this order.
            metadata: its `__metadata__`.

        Raises:
            UnsupportedError: a type is unknown.
            InvalidArgumentError: a name cannot be, or a file is open.
        """
        keep = [_spec(name, dtype, shape) for name, (dtype, shape) in tensors.items()]
        specs = (c.POINTER(s.TensorSpec) * len(keep))(*map(c.pointer, keep))
        encoded = [(key.encode(), value.encode()) for key, value in (metadata or {}).items()]
        pairs = (s.TextPair * len(encoded))(*[s.TextPair(k, len(k), v, len(v)) for k, v in encoded])
        name = path.encode()
        self._call(LIB.bbz_writer_begin_safetensors, name, len(name), specs, len(keep), pairs, len(encoded))

    def write_tensor(
        self,
        data: Any,
        *,
        name: Optional[str] = None,
        dtype: Optional[str] = None,
        shape: Optional[Sequence[int]] = None,
    ) -> None:
        """Writes a tensor: the next one of a safetensors file, or one with this name, type and shape.

        Args:
            data: all of its elements, row-major and little-endian, in a contiguous buffer.
            name: its name; None in a safetensors file, as are `dtype` and `shape`.
            dtype: its type, for example "BF16".
            shape: the size of each axis in elements, the outermost first.

        Raises:
            InvalidArgumentError: the data has another size, or no file is open.
            UnsupportedError: the type is unknown.
            IOFailedError: the output failed, perhaps for data of an earlier call.
        """
        if (name is None) != (dtype is None) or (name is None) != (shape is None):
            raise InvalidArgumentError("write_tensor: give name, dtype and shape, or none of them")
        address, size, keep = _data(data)
        if size <= _PIECE_BYTES:
            spec = None if name is None else c.byref(_spec(name, str(dtype), shape or ()))
            self._call(LIB.bbz_writer_add_tensor, spec, address, size)
        else:
            self.begin_tensor(name, dtype, shape)
            for offset in range(0, size, _PIECE_BYTES):  # the user can interrupt between two pieces
                self._call(LIB.bbz_writer_write, int(address or 0) + offset, min(_PIECE_BYTES, size - offset))
            self.end_tensor()
        del keep

    def begin_tensor(
        self, name: Optional[str] = None, dtype: Optional[str] = None, shape: Optional[Sequence[int]] = None
    ) -> None:
        """Begins a tensor whose elements come in pieces, by `write()`. The arguments and errors are those of `write_tensor`."""
        if (name is None) != (dtype is None) or (name is None) != (shape is None):
            raise InvalidArgumentError("begin_tensor: give name, dtype and shape, or none of them")
        spec = None if name is None else c.byref(_spec(name, str(dtype), shape or ()))
        self._call(LIB.bbz_writer_begin_tensor, spec)

    def begin_bytes(self, size: int) -> None:
        """Begins `size` bytes of the open file that are no tensor; they follow by `write()`."""
        if size < 0:
            raise InvalidArgumentError(f"begin_bytes: {size} bytes, expected 0 or more")
        self._call(LIB.bbz_writer_begin_bytes, size)

    def write(self, data: Any) -> None:
        """Appends a contiguous buffer to the open tensor or bytes. Raises InvalidArgumentError if it is too much."""
        address, size, keep = _data(data)
        self._call(LIB.bbz_writer_write, address, size)
        del keep

    def end_tensor(self) -> None:
        """Ends the open tensor or bytes. Raises InvalidArgumentError if some are missing."""
        self._call(LIB.bbz_writer_end_tensor)

    def end_file(self) -> None:
        """Ends the open file. Raises InvalidArgumentError if tensors of a safetensors file are missing."""
        self._call(LIB.bbz_writer_end_file)

    def add_directory(self, path: str) -> None:
        """Adds an empty directory. Raises as `begin_file` does."""
        encoded = path.encode()
        self._call(LIB.bbz_writer_add_directory, encoded, len(encoded))

    def add_metadata(self, key: str, value: str) -> None:
        """Adds a value to the metadata of the open file or, if none is open, of the archive."""
        encoded, text = key.encode(), value.encode()
        self._call(LIB.bbz_writer_add_metadata, encoded, len(encoded), text, len(text))

    def finish(self) -> Written:
        """Writes the index and the end, lets the archive appear, and says what was written.

        Raises:
            InvalidArgumentError: a file is open, or nothing of it was written.
            IOFailedError: the output failed.
        """
        if self._result is None:
            result = s.Written()
            self._call(LIB.bbz_writer_finish, c.byref(result))
            self._result = written(result)
            self._handle = None
        return self._result

    def close(self) -> None:
        """Gives up an archive that is not finished: it does not appear."""
        self._handle = None

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        try:
            if kind is None and self._handle is not None:
                self.finish()
        finally:
            self.close()

    def _call(self, function: Any, *arguments: Any) -> None:
        handle = self._handle
        if handle is None:
            raise ClosedError("the writer is closed")
        try:
            call(function, handle.value, *arguments)
        except Error as error:
            raised = self._file.raised if self._file is not None else None
            if raised is None:
                raise
            if not isinstance(raised, Exception):
                raise raised from None
            raise error from raised


def _spec(name: str, dtype: str, shape: Sequence[int]) -> s.TensorSpec:
    encoded = name.encode()
    sizes = [int(size) for size in shape]
    if any(not 0 <= size < 1 << 64 for size in sizes):
        raise InvalidArgumentError(f"tensor {name!r}: shape {sizes}, expected sizes of 0 or more", tensor=name)
    return s.TensorSpec(
        name=encoded, name_length=len(encoded), shape=(c.c_uint64 * len(sizes))(*sizes), rank=len(sizes),
        dtype=dtype_number(dtype),
    )


def _data(data: Any) -> Tuple[Optional[int], int, Any]:
    """Returns the address and the size of a buffer, and what keeps it there."""
    if hasattr(data, "data_ptr"):  # a tensor of torch
        packed = data.detach().resolve_conj().resolve_neg().to("cpu").contiguous()
        return int(packed.data_ptr()), packed.numel() * packed.element_size(), packed
    if hasattr(data, "__array_interface__"):  # an array of numpy, whose type may have no buffer
        if not data.flags.c_contiguous:
            raise InvalidArgumentError("the array must be contiguous")
        if data.dtype.byteorder == ">" or (data.dtype.byteorder == "=" and sys.byteorder == "big"):
            raise InvalidArgumentError(f"the array must be little-endian, not of type {data.dtype}")
        return int(data.__array_interface__["data"][0]), data.nbytes, data
    view = memoryview(data)
    if not view.c_contiguous:
        raise InvalidArgumentError("the buffer must be contiguous")
    if view.nbytes == 0:
        return None, 0, view
    view = view.cast("B")
    address, keep = readable_address(view)
    return address, len(view), keep
