"""Updates weights that are in memory."""

from __future__ import annotations

import ctypes as c
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Union

from bbz import _structs as s
from bbz._bases import BaseLike
from bbz._contents import Contents, Tensor
from bbz._frameworks import dtype_of
from bbz._handles import Readable
from bbz._library import LIB
from bbz._loading import packed_strides
from bbz._long import Progress, shown
from bbz.archive import Archive
from bbz.errors import DigestMismatchError, InvalidArgumentError, NotFoundError


class _Target(NamedTuple):
    """A tensor of the update, and the memory that it changes: that of `array`, or of `copy`, which is put there."""

    tensor: Tensor
    array: Any
    copy: Any
    address: int


def apply(
    tensors: Union[Mapping[str, Any], Any], update: Union[Readable, Archive], *, base: BaseLike = None,
    file: Optional[str] = None, strict: bool = True, threads: int = 0, progress: Progress = None,
) -> List[str]:
    """Updates weights that are in memory, in place, with an archive that leans on them.

    First all tensors are compared with what the archive leans on, by their digests, their types and their shapes;
    then they are changed, one after the other. So weights that the update was not made for are refused with nothing
    changed. A tensor that the archive has whole is overwritten, whatever it was.

    Args:
        tensors: contiguous arrays of numpy or tensors of torch by name, or a module of torch. Tied tensors are
            changed once. Tensors that are not on the CPU are copied there and back, one at a time.
        update: an archive of `pack(..., base=...)`: what `Archive` takes, or one that is open.
        base: as of `Archive`. It is needed only if the archive has views of a memory that leans, such as transposed
            tensors of `torch.save`, but not for tied ones. Views are overwritten, whatever they were.
        file: of an archive with several files, the path of the one whose tensors are wanted; None: all.
        strict: whether tensors of the update that are not in `tensors` are an error; else they are left out.
        threads: the number of threads that decode; 0 for all cores.
        progress: see `bbz.pack`; counts bytes of tensors, and is called before each.

    Returns:
        The names of the tensors that were changed, in archive order. One that the update leaves as it was is not
        among them.

    Raises:
        DigestMismatchError: a tensor is another than the update leans on; nothing was changed.
        InvalidArgumentError: a type or a shape differs, or a tensor is not contiguous, or cannot be written to, or
            shares its memory with another one in part; nothing was changed.
        NotFoundError: the update has a tensor that `tensors` has not, and `strict` is true; nothing was changed.
        TypeError: a value is neither an array nor a tensor; nothing was changed.
        UnsupportedError: see `base`; nothing was changed.
        ChecksumError, IOFailedError and other errors of reading, or what `progress` or a signal raised: the
            attribute `changed` of the exception has the names of the tensors that are new. The elements of the next
            one of the update may be anything, and all others are as before. The rest cannot be applied then: load
            the new model. `bbz.verify()` beforehand finds damage.

    >>> weights = {"x": numpy.arange(1000, dtype="float32")}
    >>> bbz.numpy.save_file(weights, "old.bbz")
    >>> bbz.numpy.save_file({"x": weights["x"] + 1}, "new.safetensors.bbz")
    >>> _ = bbz.unpack("new.safetensors.bbz", "new")
    >>> _ = bbz.pack("new", "update.bbz", base="old.bbz")
    >>> bbz.apply(weights, "update.bbz")
    ['x']
    >>> weights["x"][:3].tolist()
    [1.0, 2.0, 3.0]
    """
    if isinstance(update, Archive):
        if base is not None:
            raise InvalidArgumentError("base: give it where the archive is opened")
        return _apply(tensors, update, file, strict, progress)
    with Archive(update, base=base, threads=threads) as archive:
        return _apply(tensors, archive, file, strict, progress)


def _apply(tensors: Any, update: Archive, file: Optional[str], strict: bool, progress: Progress) -> List[str]:
    contents = update._contents()
    targets = _targets(_state(tensors), update, file, strict)
    aliases = _aliases(targets)
    # Nothing is changed in this part.
    read: Dict[str, Any] = {}
    follows = _follows(targets)
    for target in targets:
        tensor = target.tensor
        if tensor.name in follows:
            continue
        if tensor.base is not None and update._leans(tensor):
            read[tensor.name] = bytearray(tensor.nbytes)
            update.read(tensor, read[tensor.name])
        else:
            _check(contents, target)
    _check_aliases(contents, targets, aliases, follows, read)

    changed: List[str] = []
    try:
        with shown(progress) as tell:
            done, total = 0, sum(target.tensor.nbytes for target in targets)
            for target in targets:
                tell(done, total)
                name = target.tensor.name
                if name in aliases:
                    is_changed = aliases[name] in changed
                elif name in follows:
                    is_changed = follows[name].tensor.name in changed
                    _copy(follows[name], target)
                else:
                    is_changed = not _is_unchanged(contents, target.tensor)
                    if is_changed:
                        _change(contents, target, read.pop(name, None))
                if is_changed:
                    changed.append(name)
                done += target.tensor.nbytes
            tell(done, total)
    except BaseException as error:
        error.changed = changed  # type: ignore[attr-defined]
        raise
    return changed


def _state(tensors: Any) -> Mapping[str, Any]:
    if isinstance(tensors, Mapping):
        return tensors
    if callable(getattr(tensors, "state_dict", None)):
        state: Mapping[str, Any] = tensors.state_dict()
        return state
    raise TypeError(f"tensors: expected a dict or a module of torch, not {type(tensors).__name__}")


def _targets(state: Mapping[str, Any], update: Archive, file: Optional[str], strict: bool) -> List[_Target]:
    """Returns what is to be changed, in archive order. Raises the errors of `apply` for names, types and memory."""
    number = None if file is None else update.find_file(file).number
    wanted = [tensor for tensor in update.tensors if number is None or tensor.file == number]
    missing = [tensor.name for tensor in wanted if tensor.name not in state]
    if missing and strict:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise NotFoundError(
            f"the update has tensors that are not there: {', '.join(map(repr, missing[:3]))}{more}", tensor=missing[0]
        )
    found = []
    for tensor in wanted:
        if tensor.name in state:
            if file is None:
                update.find(tensor.name)  # raises if several files have one
            found.append(_target(tensor, state[tensor.name]))
    return found


def _target(tensor: Tensor, array: Any) -> _Target:
    name = tensor.name
    dtype = dtype_of(array)
    if dtype is None:
        raise TypeError(f"tensor {name!r}: expected an array of numpy or a tensor of torch, not {type(array).__name__}")
    if dtype != tensor.dtype:
        raise InvalidArgumentError(f"tensor {name!r}: its type is {dtype} here, and {tensor.dtype} in the update", tensor=name)
    if tuple(array.shape) != tensor.shape:
        raise InvalidArgumentError(
            f"tensor {name!r}: its shape is {list(array.shape)} here, and {list(tensor.shape)} in the update", tensor=name
        )
    if hasattr(array, "data_ptr"):
        plain = not (array.is_conj() or array.is_neg())
        if not plain or not array.is_contiguous():
            raise InvalidArgumentError(f"tensor {name!r}: expected a contiguous tensor", tensor=name)
        if _is_resident(array):
            return _Target(tensor, array, None, int(array.data_ptr()))
        return _Target(tensor, array, True, int(array.data_ptr()))
    if not array.flags.c_contiguous or not array.flags.writeable:
        raise InvalidArgumentError(f"tensor {name!r}: expected a contiguous array that can be written to", tensor=name)
    return _Target(tensor, array, None, int(array.__array_interface__["data"][0]))


def _is_resident(tensor: Any) -> bool:
    """Returns whether the library can write to the memory of a tensor of torch."""
    return bool(tensor.device.type == "cpu")


def _memory(target: _Target) -> Any:
    """Returns a tensor on the CPU with the elements of the target, and its address: the target itself if it is there."""
    if not target.copy:
        return target.array, target.address
    copy = target.array.detach().to("cpu", copy=True)
    return copy, int(copy.data_ptr())


def _check(contents: Contents, target: _Target) -> None:
    """Compares a target with what its tensor leans on."""
    keep, address = _memory(target)
    try:
        contents.call(LIB.bbz_reader_check_update, target.tensor.number, address, target.tensor.nbytes)
    except DigestMismatchError as error:
        error.tensor = target.tensor.name
        raise
    del keep


def _change(contents: Contents, target: _Target, read: Optional[bytearray]) -> None:
    keep, address = _memory(target)
    if read is None:
        contents.call(LIB.bbz_reader_update_tensor, target.tensor.number, address, target.tensor.nbytes)
    else:
        c.memmove(address, (c.c_char * len(read)).from_buffer(read), len(read))
    if target.copy:
        target.array.detach().copy_(keep)


def _copy(source: _Target, target: _Target) -> None:
    keep, address = _memory(source)
    copy, to = _memory(target)
    c.memmove(to, address, target.tensor.nbytes)
    if target.copy:
        target.array.detach().copy_(copy)
    del keep


def _is_unchanged(contents: Contents, tensor: Tensor) -> bool:
    """Returns whether every chunk of a tensor is as it was, or it has none."""
    if tensor.leans_on is None or tensor.stored_nbytes:
        return not tensor.nbytes
    chunk = s.ChunkInfo()
    for number in range(tensor.chunk_count):
        contents.call(LIB.bbz_reader_chunk, tensor.number, number, c.byref(chunk))
        if LIB.bbz_codec_name(chunk.codec) != b"unchanged":
            return False
    return True


def _follows(targets: List[_Target]) -> Dict[str, _Target]:
    """Returns, by name, the targets before that have the same elements in the update: tied tensors are views of one."""
    by_number = {target.tensor.number: target for target in targets}
    found = {}
    for target in targets:
        tensor = target.tensor
        first = None if tensor.base is None else by_number.get(tensor.base)
        if first is None or (tensor.base_offset, tensor.dtype, tensor.shape) != (0, first.tensor.dtype, first.tensor.shape):
            continue
        if tensor.strides == packed_strides(tensor.shape):
            found[tensor.name] = first
    return found


def _aliases(targets: List[_Target]) -> Dict[str, str]:
    """Returns the names that are the same memory as one before, by name. Raises InvalidArgumentError for a part of it."""
    by_place: Dict[str, List[_Target]] = {}
    for target in targets:
        if target.tensor.nbytes:
            by_place.setdefault(str(getattr(target.array, "device", "cpu")), []).append(target)
    found: Dict[str, str] = {}
    for members in by_place.values():
        members.sort(key=lambda target: target.address)  # stable: the first in archive order stays the first
        first = members[0]
        for target in members[1:]:
            if target.address >= first.address + first.tensor.nbytes:
                first = target
            elif (target.address, target.tensor.nbytes) == (first.address, first.tensor.nbytes):
                found[target.tensor.name] = first.tensor.name
            else:
                raise InvalidArgumentError(
                    f"tensors {first.tensor.name!r} and {target.tensor.name!r} share a part of their memory",
                    tensor=target.tensor.name,
                )
    return found


def _check_aliases(
    contents: Contents, targets: List[_Target], aliases: Dict[str, str], follows: Dict[str, _Target],
    read: Dict[str, Any],
) -> None:
    """Checks that the update has the same elements for all tensors of one memory."""
    by_name = {target.tensor.name: target for target in targets}

    def after(name: str) -> Any:
        if name in read:
            return read[name]
        target = follows.get(name) or by_name[name]
        keep, address = _memory(target)
        new = bytearray(c.string_at(address, target.tensor.nbytes))
        del keep
        contents.call(
            LIB.bbz_reader_update_tensor, target.tensor.number, (c.c_char * len(new)).from_buffer(new), len(new)
        )
        return new

    for name, first in aliases.items():
        if name in follows and follows[name].tensor.name == first:
            continue
        if after(name) != after(first):
            raise InvalidArgumentError(
                f"tensors {first!r} and {name!r} are one memory, and differ in the update", tensor=name
            )
