"""What `Writer` and `pack` share: the options of writing, and the description of what was written."""

from __future__ import annotations

from typing import Mapping, NamedTuple, TypeVar

from bbz import _structs as s
from bbz.errors import InvalidArgumentError

_Value = TypeVar("_Value", str, float)

_LEVELS = {"default": 0, "fast": 1, "small": 2}
_DIGESTS = {"xxh3": 0, "sha256": 1}


class Written(NamedTuple):
    """Describes an archive that was written.

    Attributes:
        root: the root digest: "xxh3-128:" or "sha256:" and hexadecimal digits.
        files: files and empty directories in it.
        tensors: tensors in it.
        input_nbytes: the size of the files in bytes.
        nbytes: the length of the archive in bytes.
        rotated: whether a model was packed up to its symmetry.
        left_out: entries of a directory that were left out.
        leaning: tensors that lean on one of a base.
    """

    root: str
    files: int
    tensors: int
    input_nbytes: int
    nbytes: int
    rotated: bool
    left_out: int
    leaning: int


def written(result: s.Written) -> Written:
    """Returns the library's description of what was written."""
    return Written(
        result.root.decode(), result.file_count, result.tensor_count, result.input_bytes, result.archive_bytes,
        bool(result.rotated), result.left_out, result.leaning_count,
    )


def choice(name: str, value: _Value, choices: Mapping[_Value, int]) -> int:
    """Returns the number of a choice. Raises InvalidArgumentError for an unknown one."""
    if value not in choices:
        raise InvalidArgumentError(f"{name} {value!r}, expected one of {', '.join(map(repr, choices))}")
    return choices[value]


def writing_options(
    level: str, digest: str, chunk_size: int, align: int, threads: int, dedup: bool, overwrite: bool, sync: bool
) -> s.Writing:
    """Returns the library's options for writing. Raises InvalidArgumentError for an unknown choice."""
    return s.Writing(
        chunk_bytes=chunk_size, alignment=align, threads=threads, level=choice("level", level, _LEVELS),
        digest=choice("digest", digest, _DIGESTS), no_dedup=not dedup, replace=overwrite, no_sync=not sync,
    )
