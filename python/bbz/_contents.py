"""The tensors of an archive or of another model, and how they are read: what `Archive` and `safe_open` share."""

from __future__ import annotations

import ctypes as c
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from bbz import _long
from bbz import _structs as s
from bbz._bases import Base, value_of
from bbz._handles import Handle, Source, follow_forks, make, path_bytes
from bbz._library import KIND_OPERAND, KIND_STORAGE, KIND_TENSOR, LIB, NONE, text_at
from bbz.errors import ClosedError, Error, InvalidArgumentError, NotFoundError, call

#: From this size on, a read runs so that the user can interrupt it.
_LONG_BYTES = 32 << 20

_KINDS = {KIND_TENSOR: "tensor", KIND_OPERAND: "operand", KIND_STORAGE: "storage"}
_dtype_names: Dict[int, str] = {}


class Tensor(NamedTuple):
    """Describes a tensor of an archive.

    Attributes:
        name: its name.
        dtype: its element type as safetensors writes it, for example "BF16"; "BLOCK" for blocks of several
            values, as in GGUF.
        shape: the size of each axis in elements, the outermost first; of blocks on the innermost.
        nbytes: its size in bytes when decoded.
        stored_nbytes: bytes that it takes in the archive.
        layer: the number of its layer, or None.
        file: the number of its file in the archive, or None.
        offset: of its first byte in that file, in bytes.
        number: its number in the archive.
        kind: "tensor"; "operand" if it is only there for others to be derived from; "storage" for memory
            that tensors are views of.
        element_bits: bits of one element.
        chunk_count: chunks that are stored for it.
        block_type: the name of the type of its blocks, or None.
        base: the number of the tensor whose elements it shows, or None.
        strides: of a view, in elements, one for each axis; else None.
        base_offset: of a view, the offset of its first element in the base, in bytes.
        leans_on: the number in `Archive.bases` of the base on whose tensor of this name, type and shape it leans,
            or None. A view does not lean itself, but the tensor that it shows may.
    """

    name: str
    dtype: str
    shape: Tuple[int, ...]
    nbytes: int
    stored_nbytes: int
    layer: Optional[int]
    file: Optional[int]
    offset: int
    number: int
    kind: str
    element_bits: int
    chunk_count: int
    block_type: Optional[str]
    base: Optional[int]
    strides: Optional[Tuple[int, ...]]
    base_offset: int
    leans_on: Optional[int]


def _dtype_name(number: int) -> str:
    name = _dtype_names.get(number)
    if name is None:
        found = LIB.bbz_dtype_name(number)
        name = _dtype_names[number] = found.decode() if found else "BLOCK" if number == 64 else f"dtype {number}"
    return name


def _none(number: int) -> Optional[int]:
    return None if number == NONE else number


class Contents:
    """An open reader or model: lists its tensors, and reads them. Safe for many threads."""

    def __init__(self, source: Source, handle: Handle, kind: str, base: Optional[Base] = None) -> None:
        self.source = source
        self.base = base
        self.slow = source.slow or (base is not None and base.slow)
        self.url = source.url or (base is not None and base.url)
        self.handle = follow_forks(handle) if self.url else handle
        self._tensor = getattr(LIB, f"bbz_{kind}_tensor")
        self._bytes = getattr(LIB, f"bbz_{kind}_read_bytes")
        self._many = getattr(LIB, f"bbz_{kind}_read_many")

    def call(self, function: Any, *arguments: Any) -> None:
        """Calls a function with the handle."""
        self.call_on(self.handle, function, *arguments)

    def call_on(self, handle: Handle, function: Any, *arguments: Any) -> None:
        """Calls a function with another handle that reads from the same source."""
        try:
            call(function, handle.value, *arguments)
        except Error as error:
            raise self._explain(error) from error.__cause__

    def _explain(self, error: BaseException) -> BaseException:
        if self.handle.value is None:
            return ClosedError(f"{self.source.name} was opened before this process was forked: open it again")
        return error_of(error, self.source, self.base)

    def tensors(self, count: int) -> List[Optional[Tensor]]:
        """Returns the first tensors, by number; None for bytes that are no tensor."""
        info = s.TensorInfo()
        reference = c.byref(info)
        found: List[Optional[Tensor]] = []
        for number in range(count):
            self.call(self._tensor, number, reference)
            found.append(_describe(info, number))
        return found

    def read(self, number: int, size: int, address: Optional[int], offset: int = 0, keep: Any = None) -> None:
        """Reads bytes [offset, offset + size) of a tensor to an address in memory that `keep` keeps."""
        if self.slow or (size >= _LONG_BYTES and _long.on_main_thread()):
            self.read_many([(number, offset, size, address)], None, keep)
            return
        try:
            call(self._bytes, self.handle.value, number, offset, address, size)
        except Error as error:
            raise self._explain(error) from error.__cause__

    def read_many(
        self, parts: Sequence[Tuple[int, int, int, Optional[int]]], progress: _long.Progress, keep: Any = None
    ) -> None:
        """Reads parts of tensors: number, offset, size in bytes, and address of each, in memory that `keep` keeps.

        A second signal may end this function before the call of the library, which has `keep` until it ends.
        """
        parts = [part for part in parts if part[2]]
        if not parts:
            return
        targets = (s.Target * len(parts))()
        for target, (number, offset, size, address) in zip(targets, parts):
            target.tensor, target.offset, target.size, target.buffer = number, offset, size, address
        total = sum(part[2] for part in parts)
        if not progress and not self.slow and (total < _LONG_BYTES or not _long.on_main_thread()):
            self.call(self._many, targets, len(parts), None)
            return
        _long.run(
            lambda report, keep=keep: self.call(  # type: ignore[misc]
                self._many, targets, len(parts), c.byref(s.ManyOptions(progress=report))
            ),
            progress,
        )


def _describe(info: s.TensorInfo, number: int) -> Optional[Tensor]:
    kind = _KINDS.get(info.kind)
    if kind is None:
        return None
    rank = info.rank
    return Tensor(
        text_at(info.name, info.name_length),
        _dtype_name(info.dtype),
        tuple(info.shape[:rank]) if rank else (),
        info.byte_size,
        info.stored_bytes,
        _none(info.layer),
        _none(info.file),
        info.file_offset,
        number,
        kind,
        info.element_bits,
        info.chunk_count,
        text_at(info.block_type, info.block_type_length) if info.block_type else None,
        _none(info.base),
        tuple(info.strides[:rank]) if info.base != NONE and info.strides else None,
        info.base_offset,
        _none(info.leans_on),
    )


def error_of(error: BaseException, source: Source, base: Optional[Base]) -> BaseException:
    """Returns the exception to raise for an error: with what a file object raised as its cause."""
    return source.explain(error if base is None else base.explain(error))


def open_reader(source: Source, threads: int, base: Optional[Base] = None) -> Contents:
    """Opens an archive. Raises the errors of reading its index."""
    options = s.ReaderOptions(threads=threads, base=value_of(base))
    return _open(source, lambda: make(
        LIB.bbz_reader_open, LIB.bbz_reader_free, source.handle.value, c.byref(options),
        keep=(source.handle, base and base.handle),
    ), "reader", base)


def open_model(source: Source, threads: int, base: Optional[Base] = None) -> Contents:
    """Opens an archive, a safetensors file, a GGUF file or a file of torch.save. Raises the errors of reading it."""
    name = path_bytes(source.name.rsplit("/", 1)[-1])
    return _open(source, lambda: make(
        LIB.bbz_model_open_source, LIB.bbz_model_free, source.handle.value, name,
        c.byref(s.ModelOptions(threads=threads, base=value_of(base))), keep=(source.handle, base and base.handle),
    ), "model", base)


def _open(source: Source, work: Any, kind: str, base: Optional[Base]) -> Contents:
    try:
        handle = _long.leave_if_interrupted(work) if source.slow else work()
    except Error as error:
        raise error_of(error, source, base) from error.__cause__
    return Contents(source, handle, kind, base)


class Named:
    """Tensors by name, where several files may have one of the same name."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self.first: Dict[str, Tensor] = {}
        self.more: Dict[str, List[Tensor]] = {}  # those of a name that several files have
        for tensor in tensors:
            if self.first.setdefault(tensor.name, tensor) is not tensor:
                self.more.setdefault(tensor.name, [self.first[tensor.name]]).append(tensor)
        self.once = {name: tensor for name, tensor in self.first.items() if name not in self.more}

    def find(self, name: str, files: Sequence[str] = ()) -> Tensor:
        """Returns the tensor with a name. Raises NotFoundError; InvalidArgumentError if several files have one."""
        tensor = self.first.get(name)
        if tensor is None:
            if not isinstance(name, str):
                raise TypeError(f"the name of a tensor must be a str, not {type(name).__name__}")
            raise NotFoundError(f"no tensor is called {name!r}", tensor=name)
        if name in self.more:
            paths = ", ".join(
                files[each.file] if each.file is not None and each.file < len(files) else "?"
                for each in self.more[name]
            )
            raise InvalidArgumentError(f"several files have a tensor {name!r}: {paths}; name one as file=", tensor=name)
        return tensor
