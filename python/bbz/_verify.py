"""Verification: checks every byte of an archive."""

from __future__ import annotations

import ctypes as c
from typing import Any, List, NamedTuple, Optional

from bbz import _long
from bbz import _structs as s
from bbz._bases import Base, BaseLike, base_of, value_of
from bbz._contents import error_of
from bbz._handles import Handle, Readable, Source
from bbz._library import LIB, NONE
from bbz.errors import CLASSES, Error, call


class Damage(NamedTuple):
    """Something in an archive that is wrong.

    Attributes:
        file: the path of the file; empty if it is no single file.
        tensor: the name of the tensor; empty for bytes that are no tensor, and for a file.
        chunk: the number of the chunk in its tensor, or None.
        offset: of the chunk's payload in the archive, in bytes; 0 if there is no chunk.
        code: the kind of error, for example "checksum".
        message: what is wrong.
    """

    file: str
    tensor: str
    chunk: Optional[int]
    offset: int
    code: str
    message: str


class Report(NamedTuple):
    """What a verification found.

    Attributes:
        root: the root digest; empty if the end was not reached.
        files: files that were checked.
        tensors: tensors that were checked.
        chunks: chunks that were checked.
        nbytes: the length of the archive in bytes.
        damage_count: chunks, tensors and files that are wrong.
        damage: the first hundred of them.
        without_base: chunks that were not decoded, because they lean on a base that was not given or does not serve.
    """

    root: str
    files: int
    tensors: int
    chunks: int
    nbytes: int
    damage_count: int
    damage: List[Damage]
    without_base: int


def verify(
    readable: Readable, *, base: BaseLike = None, fast: bool = False, root: Optional[str] = None, threads: int = 0,
    progress: _long.Progress = None,
) -> Report:
    """Reads an archive front to back, and checks every checksum, digest and rule of the format.

    Args:
        readable: a path, an http or https URL, a `Url`, bytes, or a binary file object that seeks.
        base: where the tensors are on which those of the archive lean; see `Archive`.
        fast: whether only the structure and the stored bytes are checked, and nothing is decoded.
        root: the root digest that is expected, for example "xxh3-128:" and 32 hexadecimal digits; None: any.
        threads: the number of threads that decode; 0 for all cores.
        progress: see `pack`; counts bytes of the archive.

    Returns:
        What was checked.

    Raises:
        ChecksumError, MalformedError, TruncatedError and others: the first damage; the exception has all of it
            as a `Report` in its attribute `report`.
        UnsupportedError: all is well, but what leans was not decoded, because no base was given; with a report.
        WrongBaseError: all is well, but what leans was not decoded, because the base is another, is damaged, or lacks
            a tensor; with a report.
        DigestMismatchError: all is well but the root digest is another.
        NotFoundError, IOFailedError: the archive cannot be read.

    >>> verify("model.bbz").damage_count
    0
    """
    source = Source(readable)
    where = base_of(base, source.path, threads)
    return verify_source(source, where, fast=fast, root=root, threads=threads, progress=progress)


def verify_source(
    source: Source, base: Optional[Base], *, fast: bool = False, root: Optional[str] = None, threads: int = 0,
    progress: _long.Progress = None,
) -> Report:
    """Verifies what a source reads. See `verify`."""
    found = c.c_void_p()

    def work(watch: Any) -> None:
        options = s.VerifyOptions(
            fast=fast, threads=threads, expected_root=None if root is None else root.encode(), watch=watch,
            base=value_of(base),
        )
        call(LIB.bbz_verify, source.handle.value, c.byref(options), c.byref(found))

    try:
        _long.run(work, progress)
    except Error as error:
        if found.value:
            error.report = _report(Handle(found.value, LIB.bbz_report_free))  # type: ignore[attr-defined]
        raise error_of(error, source, base) from error.__cause__
    return _report(Handle(found.value, LIB.bbz_report_free))


def _report(handle: Handle) -> Report:
    info = s.ReportInfo()
    call(LIB.bbz_report_get, handle.value, c.byref(info))
    damage = []
    entry = s.Damage()
    for number in range(info.listed_count):
        call(LIB.bbz_report_damage, handle.value, number, c.byref(entry))
        damage.append(
            Damage(
                (entry.file or b"").decode("utf-8", "replace"),
                (entry.tensor or b"").decode("utf-8", "replace"),
                None if entry.chunk == NONE else entry.chunk,
                entry.archive_offset,
                CLASSES[entry.code].code if entry.code in CLASSES else str(entry.code),
                (entry.message or b"").decode("utf-8", "replace"),
            )
        )
    return Report(
        info.root.decode(), info.file_count, info.tensor_count, info.chunk_count, info.archive_bytes,
        info.damage_count, damage, info.without_base,
    )
