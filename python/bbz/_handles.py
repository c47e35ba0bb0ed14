"""Handles of the library, and the sources that archives are read from."""

from __future__ import annotations

import ctypes as c
import errno
import os
import threading
import weakref
from typing import Any, Callable, Mapping, NamedTuple, Optional, Union

from bbz import _long
from bbz import _structs as s
from bbz._library import LIB
from bbz.errors import ClosedError, call


class Handle:
    """Owns a handle of the library. Whoever uses it holds a reference, so that it is not freed meanwhile."""

    __slots__ = ("value", "_free", "keep", "__weakref__")

    def __init__(self, value: Optional[int], free: Callable[[Optional[int]], None], keep: Any = None) -> None:
        self.value = value
        self._free = free
        self.keep = keep  # what must outlive the handle

    def __del__(self) -> None:
        self._free(self.value)


def make(function: Any, free: Any, *arguments: Any, keep: Any = None) -> Handle:
    """Calls a function whose output, before the error, is a new handle."""
    value = c.c_void_p()
    call(function, *arguments, c.byref(value))
    return Handle(value.value, free, keep)


class Url(NamedTuple):
    """Names a file behind an http or https URL, and says how to read it. Use it in place of a path.

    Attributes:
        url: the URL.
        headers: sent to the origin of the URL, and to no other; no message shows them.
        ca_file: a PEM file of certificates to trust; None: those of the system.
        proxy: the URL of a proxy; None: none.
        use_environment: whether `~/.netrc` and the variables for proxies are used.
        connections: the number of connections that prefetch.
        retries: the number of times in a row that a failed request is retried.
        refuse_private_redirects: whether a redirect to an address that is not public is an error.

    >>> Url("https://example.org/model.bbz", headers={"Authorization": "Bearer ..."}).url
    'https://example.org/model.bbz'
    """

    url: str
    headers: Mapping[str, str] = {}
    ca_file: Optional[str] = None
    proxy: Optional[str] = None
    use_environment: bool = False
    connections: int = 4
    retries: int = 6
    refuse_private_redirects: bool = False


#: What an archive can be read from: a path, an http or https URL, bytes, or a binary file that seeks.
Readable = Union[str, "os.PathLike[str]", Url, bytes, bytearray, memoryview, Any]


class _FileObject:
    """Reads a Python file object for the library, whose threads take turns, and keeps what it raised."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.lock = threading.Lock()
        self.raised: Optional[BaseException] = None
        end = file.seek(0, os.SEEK_END)
        self.size = file.tell() if end is None else end  # before Python 3.11, SpooledTemporaryFile returns None
        # Weak, because the callbacks would else keep this object, and so the file, until a collection.
        weak = weakref.ref(self)
        self.callbacks = s.Callbacks(
            name=repr(getattr(file, "name", type(file).__name__)).encode("utf-8", "replace"),
            read=s.READ(lambda *arguments: weak()._read(*arguments)),  # type: ignore[union-attr]
            size=s.SIZE(lambda *arguments: weak()._size(*arguments)),  # type: ignore[union-attr]
        )

    def _read(self, user: Any, offset: int, buffer: int, length: int) -> int:
        try:
            with self.lock:
                self.file.seek(offset)
                data = self.file.read(length)
            if len(data) > length:
                raise ValueError(f"read({length}) returned {len(data)} bytes")
            c.memmove(buffer, bytes(data), len(data))
            return len(data)
        except BaseException as error:
            self.raised = error
            return -errno.EIO

    def _size(self, user: Any, size: Any) -> int:
        size[0] = self.size
        return 0


class Source:
    """A source of bytes: its handle, its name, and whether reading from it may wait for long."""

    def __init__(self, readable: Readable) -> None:
        self.slow = False
        self.url = False
        self.path: Optional[str] = None
        self._file: Optional[_FileObject] = None
        if isinstance(readable, Url) or (isinstance(readable, str) and is_url(readable)):
            url = readable if isinstance(readable, Url) else Url(readable)
            self.name = url.url
            self.slow = self.url = True
            self.handle = follow_forks(_open_url(url))
        elif isinstance(readable, (str, os.PathLike)):
            self.name = os.fspath(readable)
            if not isinstance(self.name, str):
                raise TypeError("a path must be a str, not bytes")
            self.path = self.name
            self.handle = make(LIB.bbz_source_open_file, LIB.bbz_source_free, path_bytes(self.name))
        elif isinstance(readable, (bytes, bytearray, memoryview)):
            view = memoryview(readable).cast("B")
            self.name = f"{len(view)} bytes"
            address, keep = readable_address(view)
            self.handle = make(
                LIB.bbz_source_open_memory, LIB.bbz_source_free, address, len(view), keep=keep
            )
        elif hasattr(readable, "read") and hasattr(readable, "seek"):
            self.name = str(getattr(readable, "name", type(readable).__name__))
            self._file = _FileObject(readable)
            self.slow = True
            self.handle = make(
                LIB.bbz_source_open_callbacks, LIB.bbz_source_free, c.byref(self._file.callbacks), keep=self._file
            )
        else:
            raise TypeError(
                f"expected a path, a URL, bytes or a binary file that seeks, not {type(readable).__name__}"
            )

    def explain(self, error: BaseException) -> BaseException:
        """Returns the exception to raise for an error: with what a file object raised as its cause."""
        if self.handle.value is None:
            return ClosedError(f"{self.name} was opened before this process was forked: open it again")
        if self._file is None or self._file.raised is None:
            return error
        raised, self._file.raised = self._file.raised, None
        if not isinstance(raised, Exception):
            return raised
        error.__cause__ = raised
        return error


def is_url(text: str) -> bool:
    """Returns whether a text is an http or https URL."""
    return text[:8].lower().startswith(("http://", "https://"))


def path_bytes(path: Union[str, "os.PathLike[str]"]) -> bytes:
    """Returns a path for the library. Raises ValueError for a zero byte."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError("embedded null byte")
    return encoded


class _Buffer(c.Structure):
    """The struct Py_buffer of the interpreter."""

    _fields_ = [
        ("buf", c.c_void_p), ("obj", c.py_object), ("len", c.c_ssize_t), ("itemsize", c.c_ssize_t), ("readonly", c.c_int),
        ("ndim", c.c_int), ("format", c.c_char_p), ("shape", c.c_void_p), ("strides", c.c_void_p),
        ("suboffsets", c.c_void_p), ("internal", c.c_void_p),
    ]


class _Held:
    """Holds the memory of a contiguous buffer where it is, whether it can be written to or not."""

    def __init__(self, view: memoryview) -> None:
        buffer = _Buffer()
        self._reference = c.byref(buffer)
        self._release = None
        c.pythonapi.PyObject_GetBuffer(c.py_object(view), self._reference, 0)
        self._release = c.pythonapi.PyBuffer_Release
        self.address: int = buffer.buf

    def __del__(self) -> None:
        if self._release is not None:
            self._release(self._reference)


def readable_address(view: memoryview) -> Any:
    """Returns the address of a view's bytes, and what keeps them there. Raises ValueError if they are not contiguous."""
    if not view.c_contiguous:
        raise ValueError("the bytes must be contiguous")
    if len(view) == 0:
        return None, view
    held = _Held(view)
    return held.address, held


def _open_url(url: Url) -> Handle:
    lines = [f"{name}: {value}".encode() for name, value in url.headers.items()]
    options = s.UrlOptions(
        headers=(c.c_char_p * len(lines))(*lines),
        header_count=len(lines),
        ca_file=None if url.ca_file is None else path_bytes(url.ca_file),
        proxy=None if url.proxy is None else url.proxy.encode(),
        use_environment=url.use_environment,
        connections=url.connections,
        retries=url.retries if url.retries > 0 else -1,
        refuse_private_redirects=url.refuse_private_redirects,
    )
    handle: Handle = _long.leave_if_interrupted(
        lambda: make(LIB.bbz_source_open_url, LIB.bbz_source_free, url.url.encode(), c.byref(options))
    )
    return handle


# The threads that prefetch from a URL do not live on in a forked child, where freeing would wait for them.
_with_threads: "weakref.WeakSet[Handle]" = weakref.WeakSet()


def follow_forks(handle: Handle) -> Handle:
    """Notes that a handle reads from a URL: it is null in a forked child."""
    _with_threads.add(handle)
    return handle


def _leave(value: Optional[int]) -> None:
    pass


def _after_fork() -> None:
    for handle in list(_with_threads):
        handle.value, handle._free = None, _leave


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
