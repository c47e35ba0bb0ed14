"""The exceptions of bbz: one class for each code of the C interface, all below `Error`."""

from __future__ import annotations

import ctypes as c
from typing import Any, Dict, List, NoReturn, Optional, Type

from bbz._library import LIB, NONE, UNKNOWN, text_at
from bbz._structs import ErrorPlace


class Error(Exception):
    """Tells what failed, where, what was expected and what was found.

    Attributes:
        code: the kind of error, for example `"checksum"`; the names are those of the format's
            specification.
        tensor: the name of the tensor concerned, or None.
        chunk: the number of the chunk in that tensor, from 0, or None.
        offset: the offset in the archive, in bytes, or None.
    """

    code: str = "internal"

    def __init__(
        self,
        message: str,
        *,
        tensor: Optional[str] = None,
        chunk: Optional[int] = None,
        offset: Optional[int] = None,
    ) -> None:
        super().__init__(message)
        self.tensor = tensor
        self.chunk = chunk
        self.offset = offset

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> Any:
        return _again, (type(self), str(self), self.tensor, self.chunk, self.offset)


def _again(kind: Type[Error], message: str, tensor: Optional[str], chunk: Optional[int], offset: Optional[int]) -> Error:
    return kind(message, tensor=tensor, chunk=chunk, offset=offset)


class InvalidArgumentError(Error, ValueError):
    """The caller asked for something that cannot be."""

    code = "invalid-argument"


class ClosedError(InvalidArgumentError):
    """The archive, file or writer was closed before."""


class IOFailedError(Error, OSError):
    """The operating system, the network or a file object failed."""

    code = "io"


class NotAnArchiveError(Error):
    """The bytes are neither an archive nor another file that bbz opens."""

    code = "not-an-archive"


class TruncatedError(Error, EOFError):
    """The bytes end before the structure does."""

    code = "truncated"


class ChecksumError(Error):
    """A stored checksum differs from the one computed."""

    code = "checksum"


class MalformedError(Error):
    """The structure breaks a rule of the specification."""

    code = "malformed"


class UnsupportedError(Error):
    """A version, feature, codec or element type is not known or not available."""

    code = "unsupported"


class LimitError(Error):
    """A size is over a limit that guards against hostile archives."""

    code = "limit"


class NotFoundError(Error, FileNotFoundError, LookupError):
    """There is no such tensor, file or layer."""

    code = "not-found"


class ExistsError(Error, FileExistsError):
    """An output is already there."""

    code = "exists"


class UnsafePathError(Error, ValueError):
    """A name would leave the output directory."""

    code = "unsafe-path"


class DigestMismatchError(Error):
    """The content is whole but is not the expected one."""

    code = "digest-mismatch"


class CancelledError(Error):
    """A callback asked to stop."""

    code = "cancelled"


class InternalError(Error):
    """bbz has a defect: what happened should be impossible."""

    code = "internal"


class OutOfMemoryError(Error, MemoryError):
    """Memory could not be allocated."""

    code = "out-of-memory"


class WrongBaseError(Error):
    """The base of an archive is another one, is damaged, or lacks a tensor."""

    code = "base"


#: The class for each code, by its number.
CLASSES: Dict[int, Type[Error]] = {
    1: InvalidArgumentError,
    2: IOFailedError,
    3: NotAnArchiveError,
    4: TruncatedError,
    5: ChecksumError,
    6: MalformedError,
    7: UnsupportedError,
    8: LimitError,
    9: NotFoundError,
    10: ExistsError,
    11: UnsafePathError,
    12: DigestMismatchError,
    13: CancelledError,
    14: InternalError,
    15: OutOfMemoryError,
    16: WrongBaseError,
}

# The bbz_errors that no call uses now. A call takes one and puts it back, so that neither another
# thread nor a callback or a collection within the call can overwrite its message.
_spare: List[int] = []


def _raise(code: int, error: int) -> NoReturn:
    message = LIB.bbz_error_message(error).decode("utf-8", "replace")
    place = ErrorPlace()
    LIB.bbz_error_where(error, c.byref(place))
    tensor = text_at(place.tensor, place.tensor_length) if place.tensor else None
    _spare.append(error)
    raise CLASSES.get(code, Error)(
        message,
        tensor=tensor,
        chunk=None if place.chunk == NONE else int(place.chunk),
        offset=None if place.offset == UNKNOWN else int(place.offset),
    )


def call(function: Any, *arguments: Any) -> None:
    """Calls a function of the C interface with a bbz_error, and raises what it returns."""
    try:
        error = _spare.pop()
    except IndexError:
        error = LIB.bbz_error_new()
    code = function(*arguments, error)
    if code:
        _raise(code, error)
    _spare.append(error)
