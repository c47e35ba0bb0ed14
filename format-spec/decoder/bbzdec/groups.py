"""Groups and the forms of tensors: records.md, "Group" and "Forms"; symmetry.md, "Lower", "Pivot" and "Polar"."""
from dataclasses import dataclass

import numpy as np

from . import container, dtypes, limits as fixed, pivot
from .errors import ArchiveError, require
from .fields import Fields
from .forms import DENSE, LOWER, PIVOT, POLAR_FORM, RIDER, VIEW

POLAR, BITS_BACK = 2, 3  # methods
METHOD = {POLAR_FORM: POLAR, RIDER: BITS_BACK}  # that a form needs


@dataclass
class Polar:
    """The payload of a polar group."""
    reserved: int
    checksum: int
    digest: bytes
    pivots: np.ndarray

    def tensors(self):
        return 1 if len(self.pivots) else 0


@dataclass
class BitsBack:
    """The payload of a bits-back group."""
    width: int
    carriers: int
    reserved: int
    record: bytes

    def tensors(self):
        return self.carriers


def parse_group(group, payload, header):
    """Group: what is checked as soon as the payload is read. None for an unknown method."""
    fields = Fields(payload, f"group {group.number}")
    if group.method == POLAR:
        rank, reserved, checksum = fields.u32(), fields.u32(), fields.u64()
        digest = fields.take(32) if header.digest_kind == container.SHA256 else b""
        pivots = np.frombuffer(fields.take(2 * rank), "<u2").astype(np.int64)
        fields.end()
        return Polar(reserved, checksum, digest, pivots)
    if group.method == BITS_BACK:
        width, carriers, reserved = fields.u32(), fields.u16(), fields.u16()
        require(carriers >= 1, "malformed", f"group {group.number}: no carriers")
        return BitsBack(width, carriers, reserved, fields.take(fields.left()))
    return None


def check_form(tensor, groups):
    """Forms: what a tensor's record and its group's must agree on before the tensor is decoded."""
    tensor.extensions.check(str(tensor))
    require(tensor.dtype != dtypes.BLOCK or tensor.form not in (LOWER, POLAR_FORM, RIDER, VIEW, PIVOT), "malformed",
            f"{tensor}: form {tensor.form} of blocks")
    if tensor.form in (LOWER, POLAR_FORM, PIVOT):
        check_matrix(tensor, fixed.PIVOT_EXTENT if tensor.form == PIVOT else fixed.WIDTH)
    if tensor.form == LOWER:
        rows, columns = tensor.shape
        stored = lower_elements(rows, columns)
    elif tensor.form == POLAR_FORM:
        require(tensor.shape[0] >= 1, "malformed", f"{tensor}: form polar without rows")
        require(tensor.size <= fixed.DERIVED, "limit", f"{tensor}: {tensor.size} derived bytes")
        require(tensor.dtype in dtypes.BY_NUMBER, "unsupported", f"{tensor}: dtype {tensor.dtype}")
        stored = 0
    elif tensor.form in (DENSE, RIDER):
        stored = tensor.elements
    elif tensor.form == PIVOT:
        stored = pivot.check(tensor)
    elif tensor.form == VIEW:
        check_view(tensor, groups)
        stored = 0
    else:
        raise ArchiveError("unsupported", f"{tensor}: form {tensor.form}")
    require(tensor.stored == stored, "malformed",
            f"{tensor}: {tensor.stored} stored elements, expected {stored}")
    if tensor.form in METHOD:
        group = groups[tensor.group]
        require(group.method == METHOD[tensor.form], "malformed",
                f"{tensor}: its group is of method {group.method}")
        require(tensor.form != POLAR_FORM or group.user == tensor.number, "malformed",
                f"{tensor}: another tensor refers to its group already")


def check_view(tensor, groups):
    """Views: what is checked when one is decoded."""
    check_form(tensor.base, groups)
    require(tensor.base.form == DENSE, "malformed", f"{tensor}: a view of {tensor.base}")
    span, nested = 0, True
    for stride, extent in sorted(zip(tensor.strides, tensor.shape)):
        if stride and extent > 1:
            nested = nested and stride > span
            span += (extent - 1) * stride
    within = not tensor.elements or (span + 1) * tensor.bits // 8 <= fixed.SPAN
    require(nested or within, "limit", f"{tensor}: its axes overlap, and it spans {span} elements")
    require(tensor.size <= fixed.EXPANSION + 4 * tensor.base.size, "limit",
            f"{tensor}: {tensor.size} bytes of a base of {tensor.base.size}")


def gather(tensor, base):
    """Views: the elements, which are bytes of the base."""
    if not tensor.elements:
        return b""  # extents and strides may be of any size then
    width = tensor.bits // 8
    places = np.array([tensor.begin])
    for extent, stride in zip(tensor.shape, tensor.strides):
        # The stride of a single index says nothing, and may be anything.
        steps = np.arange(extent) * (stride * width if extent > 1 else 0)
        places = np.add.outer(places, steps).ravel()
    return np.frombuffer(base, np.uint8)[np.add.outer(places, np.arange(width))].tobytes()


def check_matrix(tensor, width):
    """Forms: the axes of a lower, polar or pivot tensor."""
    matrix = (len(tensor.shape) == 2 and tensor.shape[0] < 1 << 31 and tensor.shape[1] >= 1 and
              tensor.bits % 8 == 0)
    require(matrix, "malformed", f"{tensor}: its form needs a matrix of whole bytes")
    require(tensor.shape[1] <= width, "limit", f"{tensor}: {tensor.shape[1]} columns")


def lower_elements(rows, columns):
    """Lower: the elements of so many rows that are stored."""
    square = min(rows, columns)
    return square * (square + 1) // 2 + (rows - square) * columns


def expand_lower(tensor, stored):
    """Lower: the stored elements, and zero bytes right of them."""
    rows, columns = tensor.shape
    element = np.dtype(f"V{tensor.bits // 8}")
    dense = np.zeros((rows, columns), element)
    dense[np.tri(rows, columns, dtype=bool)] = np.frombuffer(stored, element)
    return dense.tobytes()


def tensors_of(group, payload, tensors):
    """Group: the tensors that belong to it, with the checks that all methods share."""
    belong = tensors[group.first:group.first + payload.tensors()]
    require(len(belong) == payload.tensors(), "malformed", f"group {group.number}: tensors are missing")
    size = 0
    for tensor in belong:
        operand = tensor.file is None
        require(tensor.form == DENSE and not tensor.repeats() and not tensor.support
                and operand == (group.method == POLAR), "malformed",
                f"group {group.number}: {tensor} cannot belong to it")
        size += tensor.size
        require(size <= fixed.GROUP_TENSORS, "limit", f"group {group.number}: tensors of {size} bytes")
    return belong


def check_polar_cost(group, polar, derived, operand):
    """Limits: derived work and memory, before the operand is decoded."""
    rank, rows, size, stored = len(polar.pivots), 0, 0, group.record.payload_length
    if operand:
        rows = min(-(-(operand.elements + rank * (rank - 1) // 2) // rank), fixed.POLAR_ROWS)
        size = operand.size
        stored += operand.stored_bytes()
    least = fixed.polar_stored(rows, rank, derived.size, size)
    require(stored >= least, "limit", f"{derived}: {stored} stored bytes, expected {least}")


def derive_polar(tensor, polar, operand, factor):
    """Polar: the tensor's bytes from its group and the bytes of the operand, the factor."""
    wanted = {dtypes.F16: dtypes.F16, dtypes.BF16: dtypes.F16, dtypes.F32: dtypes.F32}.get(tensor.dtype)
    require(wanted, "malformed", f"{tensor}: form polar of {dtypes.name_of(tensor.dtype)}")
    require(operand is None or operand.dtype == wanted, "malformed", f"{operand}: dtype of a factor")
    rows, columns = tensor.shape
    rank, pivots = len(polar.pivots), polar.pivots
    require(1 <= rows <= min(columns, fixed.POLAR_ROWS) and rank <= rows, "malformed",
            f"{tensor}: form polar of rank {rank}")
    bits = dtypes.BY_NUMBER[wanted].bits
    marks = 16 + rank * (16 + bits) if rank else 0
    require(marks <= rows * (rows - 1) // 2, "malformed", f"{tensor}: no space for the marks")
    require((pivots < rows).all() and len(set(pivots.tolist())) == rank, "malformed",
            f"{tensor}: a pivot is out of range or occurs twice")
    elements = rank * rows - rank * (rank - 1) // 2
    require(len(factor) * 8 == elements * bits, "malformed", f"{tensor}: a factor of other size")
    values = np.frombuffer(factor, f"<f{bits // 8}").astype(np.float64)
    f = unpack_factor(values, rows, pivots)
    check_factor(tensor, f, 2.0 ** (-15 if wanted == dtypes.F16 else -25))
    lower = np.concatenate([identity_less_product(f, begin, tensor.dtype)
                            for begin in range(0, rows, 256)])
    square = np.tril(lower) | np.tril(lower, -1).T
    add_marks(square, mark_string(rank, pivots, factor, bits))
    dense = np.zeros((rows, columns), square.dtype)
    dense[:, :rows] = square
    return dense.tobytes()


def unpack_factor(values, rows, pivots):
    """Polar: F from its elements; row pivots[k] has k + 1 of them, and every other row all."""
    rank = len(pivots)
    f = np.zeros((rows, rank))
    at = 0
    for k, pivot in enumerate(pivots):
        f[pivot, :k + 1] = values[at:at + k + 1]
        at += k + 1
    others = np.setdiff1d(np.arange(rows), pivots)
    f[others] = values[at:].reshape(len(others), rank)
    return f


def check_factor(tensor, f, grid):
    """Polar: the entries of F and its rows."""
    finite = np.isfinite(f).all()
    require(finite and (abs(f) <= 2).all() and (f / grid == np.rint(f / grid)).all(), "malformed",
            f"{tensor}: an entry of the factor is over 2 or no multiple of {grid}")
    require(((f * f).sum(axis=1) <= 2).all(), "malformed",
            f"{tensor}: the squares of a row of the factor sum to more than 2")


def identity_less_product(f, begin, dtype):
    """Decoding: 256 rows of P in the tensor's type. Each sum is exact in float64, in any order."""
    part = f[begin:begin + 256]
    p = np.eye(len(part), len(f), begin) - part @ f.T
    if dtype == dtypes.F16:
        return p.astype("<f2").view("<u2")
    if dtype == dtypes.F32:
        return p.astype("<f4").view("<u4")
    # BF16: round float64 to 8 significant bits, ties to even; all results are normal numbers.
    stored = p.view(np.uint64)
    odd = stored >> np.uint64(45) & np.uint64(1)
    rounded = (stored + np.uint64((1 << 44) - 1) + odd) >> np.uint64(45) << np.uint64(45)
    return (rounded.view(np.float64).astype("<f4").view("<u4") >> 16).astype("<u2")


def mark_string(rank, pivots, factor, bits):
    """Marks: the bits of the string, as numbers 0 and 1."""
    if rank == 0:
        return np.zeros(0, np.uint8)
    ends = np.cumsum(np.arange(1, rank + 1)) - 1  # where F(p(k), k) is in the factor
    entries = np.frombuffer(factor, f"<u{bits // 8}")[ends]
    fields = b"".join(int(pivot).to_bytes(2, "little") + entry.tobytes()
                      for pivot, entry in zip(pivots, entries))
    return np.unpackbits(np.frombuffer(rank.to_bytes(2, "little") + fields, np.uint8),
                         bitorder="little")


def add_marks(square, marks):
    """Marks: exclusive or with bit 0 of the strict upper triangle, row by row."""
    at = 0
    for row in range(len(square)):
        part = marks[at:at + len(square) - row - 1]
        square[row, row + 1:row + 1 + len(part)] ^= part
        at += len(part)
