"""The files of an archive, and texts about what it holds."""

from __future__ import annotations

import ctypes as c
import datetime
import html
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from bbz import _structs as s
from bbz._contents import Contents, Tensor
from bbz._library import LIB, NONE, RECORDED_MODE, RECORDED_TIME, text_at


class File(NamedTuple):
    """Describes a file of an archive, or an empty directory.

    Attributes:
        path: relative, with components separated by "/".
        size: in bytes.
        number: its number in the archive.
        sha256: its digest as hexadecimal digits, or None if it was not recorded.
        is_directory: whether it is an empty directory.
        mode: permission bits, or None if they were not recorded.
        modified: when it was last modified, or None if that was not recorded.
        metadata: values that were recorded for it, by key.
    """

    path: str
    size: int
    number: int
    sha256: Optional[str]
    is_directory: bool
    mode: Optional[int]
    modified: Optional[datetime.datetime]
    metadata: Dict[str, str]


def list_files(contents: Contents, about: s.ArchiveInfo) -> Tuple[List[File], Dict[str, str]]:
    """Returns the files of an archive, and the metadata of the archive as a whole."""
    values: Dict[int, Dict[str, str]] = {}
    entry = s.MetadataInfo()
    for number in range(about.metadata_count):
        contents.call(LIB.bbz_reader_metadata, number, c.byref(entry))
        text = c.create_string_buffer(max(1, entry.value_length))
        contents.call(LIB.bbz_reader_read_metadata, number, text, entry.value_length)
        key = text_at(entry.key, entry.key_length)
        values.setdefault(entry.file, {})[key] = text.raw[: entry.value_length].decode("utf-8", "surrogateescape")
    info = s.FileInfo()
    files = []
    for number in range(about.file_count):
        contents.call(LIB.bbz_reader_file, number, c.byref(info))
        files.append(_describe(info, number, values.get(number, {})))
    return files, values.get(NONE, {})


class RecordedBase(NamedTuple):
    """A base on which tensors of an archive lean, as it was when the archive was packed.

    Attributes:
        name: of its file, without directories, or its URL; may be empty, and untrue.
        root: its root digest, or None if it was no archive.
    """

    name: str
    root: Optional[str]


def list_bases(contents: Contents, about: s.ArchiveInfo) -> List[RecordedBase]:
    """Returns the bases of an archive, by number."""
    bases = []
    info = s.RecordedBase()
    for number in range(about.base_count):
        contents.call(LIB.bbz_reader_base, number, c.byref(info))
        bases.append(RecordedBase(text_at(info.name, info.name_length), info.root.decode() or None))
    return bases


def _describe(info: s.FileInfo, number: int, metadata: Dict[str, str]) -> File:
    modified = None
    if info.recorded & RECORDED_TIME:
        start = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        try:
            modified = start + datetime.timedelta(
                seconds=info.modified_seconds, microseconds=info.modified_nanoseconds // 1000
            )
        except OverflowError:  # before the year 1 or after 9999
            modified = None
    return File(
        text_at(info.path, info.path_length),
        info.size,
        number,
        c.string_at(info.sha256, 32).hex() if info.sha256 else None,
        bool(info.is_directory),
        info.mode if info.recorded & RECORDED_MODE else None,
        modified,
        metadata,
    )


def table(name: str, tensors: Sequence[Tensor], about: s.ArchiveInfo, bases: Sequence[RecordedBase]) -> str:
    """Returns a table of an archive's tensors as HTML: the first hundred."""
    shown = tensors[:100]
    rows = "".join(
        f"<tr><td>{html.escape(each.name)}</td><td>{each.dtype}</td><td>{list(each.shape)}</td>"
        f"<td>{size_text(each.nbytes)}</td><td>{size_text(each.stored_nbytes)}</td>"
        + (f"<td>{'' if each.leans_on is None else _named(bases, each.leans_on)}</td>" if bases else "")
        + "</tr>"
        for each in shown
    )
    more = f"<p>and {len(tensors) - len(shown)} more</p>" if len(tensors) > len(shown) else ""
    return (
        f"<p><b>{html.escape(name)}</b>: {len(tensors)} tensors, {size_text(about.archive_bytes)} of "
        f"{size_text(about.unpacked_bytes)}</p>{_leaning(tensors, bases)}<table><tr><th>tensor</th><th>type</th><th>shape</th>"
        f"<th>size</th><th>stored</th>{'<th>leans on</th>' if bases else ''}</tr>{rows}</table>{more}"
    )


def _named(bases: Sequence[RecordedBase], number: int) -> str:
    return html.escape(bases[number].name or f"base {number}")


def _leaning(tensors: Sequence[Tensor], bases: Sequence[RecordedBase]) -> str:
    lines = []
    for number, base in enumerate(bases):
        count = sum(tensor.leans_on == number for tensor in tensors)
        root = f" ({html.escape(base.root)})" if base.root else ""
        lines.append(f"<p>{count} tensors lean on <b>{_named(bases, number)}</b>{root}</p>")
    return "".join(lines)


def size_text(count: int) -> str:
    """Returns a number of bytes for people."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
