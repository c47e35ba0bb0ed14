"""Parts of tensors: what an index means, and how to read no more than it needs."""

from __future__ import annotations

import operator
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple, Union

from bbz._contents import Contents, Tensor

#: Bytes that are decoded at a time beside the result.
_BLOCK_BYTES = 16 << 20


class Axis(NamedTuple):
    """Elements first, first + step, ... of an axis, `size` of them; `keep` is false if one index was given."""

    first: int
    size: int
    step: int
    keep: bool


def normalize(index: Any, shape: Sequence[int]) -> Optional[List[Axis]]:
    """Returns the elements that an index of ints, slices and one "..." selects on each axis.

    Slices reach beyond the ends as those of lists do. Returns None for anything else, and for what is out of
    range, which the framework is asked about then.
    """
    parts = list(index) if isinstance(index, tuple) else [index]
    dots = [place for place, part in enumerate(parts) if part is Ellipsis]
    if len(dots) > 1 or len(parts) - len(dots) > len(shape):
        return None
    missing = [slice(None)] * (len(shape) - len(parts) + len(dots))
    if dots:
        parts[dots[0] : dots[0] + 1] = missing
    else:
        parts += missing
    axes = []
    for part, size in zip(parts, shape):
        if isinstance(part, slice):
            try:
                first, last, step = part.indices(size)
            except (TypeError, ValueError):
                return None
            if step <= 0:
                return None
            axes.append(Axis(first, len(range(first, last, step)), step, True))
        elif isinstance(part, int) and not isinstance(part, bool) and -size <= part < size:
            axes.append(Axis(part % size, 1, 1, False))
        else:
            return None
    return axes


def read_part(contents: Contents, tensor: Tensor, axes: Sequence[Axis], framework: Any) -> Any:
    """Reads the selected elements, and decodes only the rows that they are in, a block of rows at a time."""
    shape = [axis.size for axis in axes]
    result = framework.empty(tensor.dtype, shape)
    if 0 not in shape:
        _fill(result, contents, tensor, axes, framework)
    return result.reshape([axis.size for axis in axes if axis.keep])


def _fill(result: Any, contents: Contents, tensor: Tensor, axes: Sequence[Axis], framework: Any) -> None:
    item = tensor.element_bits // 8
    steps = [_product(tensor.shape[place + 1 :]) for place in range(len(axes))]  # elements from one index to the next
    outer = next((place for place, axis in enumerate(axes) if axis.size > 1), len(axes))
    partial = [place for place, axis in enumerate(axes) if axis.size != tensor.shape[place]]
    last = partial[-1] if partial else 0  # all axes behind it are whole
    if outer == len(axes) or outer > last or (outer == last and axes[last].step == 1):  # the elements lie together
        start = sum(axis.first * step for axis, step in zip(axes[: last + 1], steps))
        contents.read(tensor.number, _product(result.shape) * item, framework.address(result), start * item, result)
        return
    # Axes before `outer` select one element each, so that all that is needed lies in a run of rows of `outer`.
    start = sum(axis.first * step for axis, step in zip(axes[:outer], steps))
    rows, row = axes[outer], steps[outer]
    into = result.reshape(list(result.shape)[outer:])
    inside = tuple(
        slice(axis.first, axis.first + (axis.size - 1) * axis.step + 1, axis.step) for axis in axes[outer + 1 :]
    )
    for begin, count, stride in _blocks(rows, row * item, tensor):
        span = (count - 1) * stride + 1
        block = framework.empty(tensor.dtype, [span, *tensor.shape[outer + 1 :]])
        first = start + (rows.first + begin * rows.step) * row
        contents.read(tensor.number, span * row * item, framework.address(block), first * item, block)
        into[begin : begin + count] = block[(slice(None, None, stride),) + inside]


def _blocks(axis: Axis, row_bytes: int, tensor: Tensor) -> List[Tuple[int, int, int]]:
    """Returns the first row, the number of rows and their step for each read along an axis."""
    chunk = tensor.nbytes // max(1, tensor.chunk_count)
    if axis.step * row_bytes >= 2 * chunk:  # each row has chunks of its own
        return [(begin, 1, 1) for begin in range(axis.size)]
    rows = max(1, _BLOCK_BYTES // max(1, axis.step * row_bytes))
    return [(begin, min(rows, axis.size - begin), axis.step) for begin in range(0, axis.size, rows)]


def _product(sizes: Sequence[int]) -> int:
    product = 1
    for size in sizes:
        product *= size
    return product


def strict(index: Any, shape: Sequence[int], fail: Callable[[str], Exception]) -> List[Axis]:
    """Returns the elements that an index selects by the rules that safetensors has for numpy.

    Those are stricter than numpy's: slices lie within the tensor, and neither lists nor None are indices.
    """
    if isinstance(index, list):
        if index or not shape or not shape[0]:
            raise fail("lists are no indices here")
        return [Axis(0, 0, 1, True)] + [Axis(0, size, 1, True) for size in shape[1:]]
    parts = list(index) if isinstance(index, tuple) else [index]
    for place, part in enumerate(parts):
        if part is not Ellipsis and not isinstance(part, slice) and not _is_integer(part):
            raise fail(f"index {part!r} at position {place}, expected a slice, an int or an ellipsis")
    dots = [place for place, part in enumerate(parts) if part is Ellipsis]
    if len(dots) > 1:
        raise fail("only one ellipsis is allowed in an index")
    for part in parts:
        if isinstance(part, slice):
            _bound(part.start, 0), _bound(part.stop, 0), operator.index(1 if part.step is None else part.step)
    if len(parts) - len(dots) > len(shape):
        raise fail(f"{len(parts) - len(dots)} indices for a tensor with {len(shape)} axes")
    given = len(parts)
    missing = [slice(None)] * (len(shape) - len(parts) + len(dots))
    if dots:
        parts[dots[0] : dots[0] + 1] = missing
    elif parts:
        parts += missing
    else:
        return [Axis(0, size, 1, True) for size in shape]
    implied = len(shape) if dots else given  # axes from here on were not named, so that they are not checked
    return [
        Axis(0, size, 1, True) if place >= implied else _strict_axis(part, size, place, fail)
        for place, (part, size) in enumerate(zip(parts, shape))
    ]


def _is_integer(part: Any) -> bool:
    return hasattr(part, "__index__") and not getattr(part, "shape", ())


def _strict_axis(part: Any, size: int, place: int, fail: Callable[[str], Exception]) -> Axis:
    if not isinstance(part, slice):
        number = operator.index(part)
        if not -size <= number < size:
            raise fail(f"index {number} is out of bounds for axis {place} of size {size}")
        return Axis(number % size, 1, 1, False)
    first, last, step = (_bound(part.start, 0), _bound(part.stop, size), 1 if part.step is None else operator.index(part.step))
    if step <= 0:
        raise fail(f"the step of a slice is {step}, expected more than 0")
    if first >= size or last > size:
        raise fail(f"slice {first}:{last} is out of bounds for axis {place} of size {size}")
    if last < first:
        raise fail(f"slice {first}:{last} ends before it begins")
    return Axis(first, len(range(first, last, step)), step, True)


def _bound(value: Union[int, None, Any], default: int) -> int:
    if value is None:
        return default
    number = operator.index(value)
    if number < 0:
        raise OverflowError("the bounds of a slice must not be negative here")
    return number
