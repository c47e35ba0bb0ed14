"""Packs files into archives and unpacks them: what the commands do."""

from __future__ import annotations

import ctypes as c
import os
from typing import Any, Dict, Iterable, NamedTuple, Optional, Sequence, Tuple, Union

from bbz import _long
from bbz import _structs as s
from bbz._bases import BaseLike, base_of, value_of
from bbz._contents import error_of
from bbz._handles import Readable, Source, path_bytes
from bbz._library import LIB, NONE
from bbz._writing import Written, choice, writing_options, written
from bbz.errors import Error, InvalidArgumentError, call

_Path = Union[str, "os.PathLike[str]"]
_SYMMETRIES = {"off": 0, "auto": 1, "bits-back": 2, "triangular": 3, "polar": 4, "pivot": 5}
_FLOORS: Dict[float, int] = {0: 0, 0.5: 50, 1: 100}  # in hundredths
_SYMMETRY_FORMATS = {"same": 0, "safetensors": 1}


def _texts(patterns: Iterable[str]) -> Tuple[Any, int]:
    if isinstance(patterns, str):
        raise TypeError("expected a list of patterns, not a str")
    encoded = [pattern.encode() for pattern in patterns]
    return (c.c_char_p * len(encoded))(*encoded), len(encoded)


def pack(
    source: _Path,
    output: _Path,
    *,
    base: BaseLike = None,
    level: str = "default",
    symmetry: str = "off",
    symmetry_floor: float = 0,
    symmetry_as: str = "same",
    digest: str = "xxh3",
    exclude: Sequence[str] = (),
    opaque: Sequence[str] = (),
    layer_patterns: Sequence[str] = (),
    chunk_size: int = 0,
    align: int = 0,
    threads: int = 0,
    dedup: bool = True,
    index_first: bool = False,
    modes: bool = False,
    times: bool = False,
    skip_unreadable: bool = False,
    follow_links: bool = False,
    overwrite: bool = False,
    sync: bool = True,
    progress: _long.Progress = None,
) -> Written:
    """Packs a file or a directory into an archive, which appears when it is complete.

    Args:
        source: the path of a file or directory.
        output: the path of the archive.
        base: what `Archive` takes as base. Tensors that it has with the same name, type and shape are stored
            relative to those, and are needed to read the archive; `Written.leaning` counts them. It must not change
            meanwhile. It cannot be combined with `symmetry`. None: everything is stored. BBZ_BASE_PATH names only
            the bases of a base that leans itself.
        level: "default", "fast" or "small". All are exact.
        symmetry: "off" packs exactly; "auto", for sliced models "bits-back", "triangular" or "polar", and for
            models with low-rank factors "pivot" change a model in gauge so that less must be stored, which keeps
            its function but not its bytes. Files of a model keep their names, formats and tensors; of several, the
            names must say that they are parts of one model.
        symmetry_floor: 0, 0.5 or 1: bits of what is changed are left out if they are finer than so many times the
            rounding noise of their row. 0.5 adds up to 10 % to the error of rounding, 1 up to 60 %.
        symmetry_as: the format of a rotated file of PyTorch: "same", or "safetensors", which keeps its tensors alone.
        digest: "xxh3", which finds accidents, or "sha256", which finds forgery too.
        exclude: patterns of files and directories below a directory that are left out.
        opaque: patterns of files that are packed as plain bytes.
        layer_patterns: further places of the numbers of layers, such as "stages.#".
        chunk_size: bytes that are compressed together, about; 0 for 1 MiB, at most 64 MiB.
        align: of stored bytes in the archive: a power of two from 16 bytes to 2 MiB, or 0 for none.
        threads: the number of threads that compress; 0 for all cores.
        dedup: whether chunks that repeat others are stored once.
        index_first: whether an index is written at the front, too.
        modes: whether permissions are recorded.
        times: whether modification times are recorded.
        skip_unreadable: whether what cannot be packed is left out; `Written.left_out` counts it.
        follow_links: whether links that lead out of the directory are followed.
        overwrite: whether an existing archive is replaced.
        sync: whether to wait until the archive is on the disk.
        progress: a function that is called with bytes done and bytes in all (None if they are not known), about
            20 times a second, on this thread; what it raises ends the call. True: a bar, if tqdm is installed.

    Returns:
        What was written.

    Raises:
        ExistsError: something is at `output`, and `overwrite` is false.
        NotFoundError: there is no such file or directory.
        InvalidArgumentError: a value is out of range, or an entry cannot be packed.
        MalformedError: a file breaks the rules of its format.
        IOFailedError: reading or writing failed, or a file changed while it was read.
        KeyboardInterrupt: the user interrupted; nothing of the archive is left.

    >>> pack("model.safetensors", "packed.bbz").tensors
    2
    """
    options = s.PackOptions(
        writing=c.pointer(writing_options(level, digest, chunk_size, align, threads, dedup, overwrite, sync)),
        symmetry=choice("symmetry", symmetry, _SYMMETRIES),
        symmetry_floor=choice("symmetry_floor", symmetry_floor, _FLOORS),
        symmetry_as=choice("symmetry_as", symmetry_as, _SYMMETRY_FORMATS),
        index_first=index_first, modes=modes, times=times,
        skip_unreadable=skip_unreadable, follow_links=follow_links,
    )
    options.excluded, options.excluded_count = _texts(exclude)
    options.opaque, options.opaque_count = _texts(opaque)
    options.layer_patterns, options.layer_pattern_count = _texts(layer_patterns)
    where = base_of(base, None, threads, to_write=True)
    options.base = value_of(where)
    result = s.Written()
    names = path_bytes(source), path_bytes(output)

    def work(report: Any) -> None:
        options.progress = report
        call(LIB.bbz_pack, *names, c.byref(options), c.byref(result))

    try:
        _long.run(work, progress)
    except Error as error:
        raise (error if where is None else where.explain(error)) from error.__cause__
    return written(result)


class Unpacked(NamedTuple):
    """Describes what was unpacked.

    Attributes:
        root: the root digest of the archive.
        files: files that were written, and empty directories.
        tensors: if tensors were selected, their number; else 0.
        nbytes: bytes of the files or tensors.
        exact: whether the files are as they were packed; false if a model was rotated up to its symmetry.
    """

    root: str
    files: int
    tensors: int
    nbytes: int
    exact: bool


def unpack(
    readable: Readable,
    output: _Path = ".",
    *,
    base: BaseLike = None,
    layers: Sequence[Union[int, Tuple[int, int]]] = (),
    tensors: Sequence[str] = (),
    exclude: Sequence[str] = (),
    files: Sequence[str] = (),
    one_file: bool = False,
    root: Optional[str] = None,
    threads: int = 0,
    modes: bool = False,
    times: bool = False,
    overwrite: bool = False,
    sync: bool = True,
    progress: _long.Progress = None,
) -> Unpacked:
    """Writes the files of an archive below a directory, each when all of its bytes are there and correct.

    Args:
        readable: a path, an http or https URL, a `Url`, bytes, or a binary file object that seeks.
        output: the directory, which is created if it is missing; a file if `one_file`.
        base: where the tensors are on which those of the archive lean; see `Archive`.
        layers: numbers of layers, and pairs of the first and the last, whose tensors are wanted.
        tensors: patterns of the names of tensors that are wanted, as of fnmatch.
        exclude: patterns of the names of tensors that are not.
        files: patterns of the paths of files that are wanted.
        one_file: whether `output` is a file, for one selected file or for tensors.
        root: the root digest that is expected; None: any.
        threads: the number of threads that decode; 0 for all cores.
        modes: whether permissions that were recorded are restored.
        times: whether modification times that were recorded are restored.
        overwrite: whether existing files are replaced.
        sync: whether to wait until the files are on the disk.
        progress: see `pack`; counts bytes that are written.

    Returns:
        What was written. If layers or tensors were selected, they are in safetensors files.

    Raises:
        ExistsError: a file is in the way, and `overwrite` is false; nothing was written then.
        NotFoundError: there is no such archive, or nothing is selected.
        ChecksumError and other errors of reading, with tensor, chunk and offset.
        DigestMismatchError: the root digest is another than `root`.
        UnsupportedError: the archive leans on a base that is not given.
        WrongBaseError: the base is another, is damaged, or lacks a tensor.
        KeyboardInterrupt: the user interrupted; no file is left that is not complete.

    >>> unpack("model.bbz", "out").files
    1
    """
    ranges = [layer if isinstance(layer, tuple) else (layer, layer) for layer in layers]
    if any(not 0 <= number < NONE for numbers in ranges for number in numbers):
        raise InvalidArgumentError(f"layers {list(layers)}, expected numbers from 0 to {NONE - 1}")
    selection = s.Selection(
        layers=(s.Layers * len(ranges))(*[s.Layers(first, last) for first, last in ranges]), layer_count=len(ranges)
    )
    selection.tensors, selection.tensor_count = _texts(tensors)
    selection.excluded, selection.excluded_count = _texts(exclude)
    selection.files, selection.file_count = _texts(files)
    source = Source(readable)
    where = base_of(base, source.path, threads)
    result = s.Unpacked()
    options = s.UnpackOptions(
        selection=c.pointer(selection) if ranges or tensors or exclude or files else None,
        expected_root=None if root is None else root.encode(), threads=threads, one_file=one_file,
        replace=overwrite, no_sync=not sync, modes=modes, times=times, base=value_of(where),
    )
    place = path_bytes(output)

    def work(report: Any) -> None:
        options.progress = report
        call(LIB.bbz_unpack, source.handle.value, place, c.byref(options), c.byref(result))

    try:
        _long.run(work, progress)
    except Error as error:
        raise error_of(error, source, where) from error.__cause__
    return Unpacked(result.root.decode(), result.file_count, result.tensor_count, result.bytes, bool(result.exact))
