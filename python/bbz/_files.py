"""A file of an archive as a binary file of Python."""

from __future__ import annotations

import ctypes as c
import io
import os
from typing import Any

from bbz import _structs as s
from bbz._contents import Contents
from bbz._frameworks import memory_of
from bbz._handles import follow_forks, make
from bbz._library import LIB


class ArchiveFile(io.RawIOBase):
    """Reads a file of an archive without a buffer of its own. Many threads may use it in turn."""

    def __init__(self, contents: Contents, file: Any) -> None:
        super().__init__()
        self.name = file.path
        self.mode = "rb"
        self._size = file.size
        self._position = 0
        self._contents = contents
        view = make(
            LIB.bbz_reader_open_file, LIB.bbz_source_free, contents.handle.value, file.number,
            c.byref(s.ViewOptions()), keep=contents.handle,
        )
        self._view = follow_forks(view) if contents.url else view

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        self._check()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._check()
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}.get(whence)
        if start is None:
            raise ValueError(f"whence {whence}, expected 0, 1 or 2")
        if start + offset < 0:
            raise ValueError(f"negative seek position {start + offset}")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        self._check()
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._position)
        if wanted <= 0:
            return 0
        read = c.c_size_t()
        keep, address = memory_of(view, len(view))
        self._contents.call_on(self._view, LIB.bbz_source_read, self._position, address, wanted, c.byref(read))
        del keep
        self._position += read.value
        return read.value

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")
