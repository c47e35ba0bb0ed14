"""Loads many tensors at once, each into its own memory, and tied ones into the same."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

from bbz._contents import Contents, Tensor
from bbz._long import Progress
from bbz.errors import InvalidArgumentError


def load_tensors(
    contents: Contents, tensors: Sequence[Tensor], framework: Any, progress: Progress = None, tied: bool = False,
    all_tensors: Sequence[Optional[Tensor]] = (),
) -> Dict[str, Any]:
    """Returns new arrays by name. Memory is allocated once, and decoded into directly.

    If `tied`, tensors that show the same memory show the same memory again; `all_tensors` lists those of the
    archive by number. Raises UnsupportedError for an element type that the framework has not, before anything
    is read; the errors of reading.
    """
    loaded: Dict[str, Any] = {}
    parts: List[Tuple[int, int, int, Optional[int]]] = []
    shared = _shared(tensors, all_tensors) if tied else {}
    memories: Dict[int, Any] = {}
    views: List[Tuple[Tensor, int, Any, int]] = []
    same: Dict[Any, Any] = {}
    names = set()
    for tensor in tensors:
        framework.dtype(tensor.dtype)
        if tensor.name in names:
            raise InvalidArgumentError(f"several files have a tensor {tensor.name!r}: name one as file=", tensor=tensor.name)
        names.add(tensor.name)
    for tensor in tensors:
        base = shared.get(tensor.number)
        if base is not None:
            memory = memories.get(base.number)
            if memory is None:
                memory = memories[base.number] = framework.empty("U8", (base.nbytes,))
                parts.append((base.number, 0, base.nbytes, framework.address(memory)))
            strides = tensor.strides if tensor.base is not None else packed_strides(tensor.shape)
            offset = tensor.base_offset if tensor.base is not None else 0
            loaded[tensor.name] = None  # keeps its place
            views.append((tensor, base.number, strides, offset))
            continue
        key = (tensor.base, tensor.base_offset, tensor.shape, tensor.strides, tensor.dtype)
        if tied and tensor.base is not None and key in same:
            loaded[tensor.name] = same[key]
            continue
        array = same[key] = framework.empty(tensor.dtype, tensor.shape)
        loaded[tensor.name] = array
        parts.append((tensor.number, 0, tensor.nbytes, framework.address(array)))
    contents.read_many(parts, progress, (loaded, memories))
    # Memory is placed before it is viewed, so that what is tied stays tied on every device.
    for number in memories:
        memories[number] = framework.place(memories[number])
    for view, number, steps, begin in views:
        loaded[view.name] = framework.view(memories[number], view.dtype, view.shape, steps, begin)
    viewed = {tensor.name for tensor, *_ in views}
    placed: Dict[int, Any] = {}
    for name, array in loaded.items():
        if name in viewed:
            continue
        if id(array) not in placed:
            placed[id(array)] = (array, framework.place(array))
        loaded[name] = placed[id(array)][1]
    return loaded


def packed_strides(shape: Sequence[int]) -> Tuple[int, ...]:
    """Returns the strides of contiguous elements, in elements."""
    strides = [1] * len(shape)
    for axis in range(len(shape) - 1, 0, -1):
        strides[axis - 1] = strides[axis] * shape[axis]
    return tuple(strides)


def _shared(tensors: Sequence[Tensor], all_tensors: Sequence[Optional[Tensor]]) -> Dict[int, Tensor]:
    """Returns the base of each tensor that is to be a view of it: where the views take up the whole base."""
    groups: Dict[int, List[Tensor]] = {}
    for tensor in tensors:
        groups.setdefault(tensor.number if tensor.base is None else tensor.base, []).append(tensor)
    found: Dict[int, Tensor] = {}
    for number, members in groups.items():
        base = all_tensors[number] if number < len(all_tensors) else None
        if base is None or base.base is not None or len(members) < 2:
            continue
        aligned = all(member.base is None or member.base_offset * 8 % member.element_bits == 0 for member in members)
        if aligned and base.element_bits % 8 == 0 and base.nbytes <= sum(member.nbytes for member in members):
            found.update({member.number: base for member in members})
    return found
