"""The form pivot: records.md, "Pivots"; symmetry.md, "Pivot"."""
import numpy as np

from . import dtypes, limits as fixed
from .errors import require

ONE = {dtypes.F16: 0x3C00, dtypes.BF16: 0x3F80, dtypes.F32: 0x3F800000, dtypes.F64: 0x3FF0 << 48}


def lines(tensor):
    """Pivots: the rows or columns whose bits are set, in ascending order."""
    bits = np.unpackbits(np.frombuffer(tensor.bitmap, np.uint8), bitorder="little")
    return np.flatnonzero(bits)


def check(tensor):
    """Pivots: what is checked when the tensor is decoded. Returns the stored elements."""
    require(tensor.shape[0] <= fixed.PIVOT_EXTENT, "limit", f"{tensor}: {tensor.shape[0]} rows")
    require(tensor.dtype in dtypes.BY_NUMBER, "unsupported", f"{tensor}: dtype {tensor.dtype}")
    require(tensor.dtype in ONE, "malformed", f"{tensor}: form pivot of {dtypes.name_of(tensor.dtype)}")
    require(tensor.axis in (0, 1), "malformed", f"{tensor}: pivots along axis {tensor.axis}")
    extent, rank = tensor.shape[tensor.axis], tensor.shape[1 - tensor.axis]
    require(1 <= rank < extent, "malformed", f"{tensor}: {rank} pivots in an extent of {extent}")
    require(rank <= fixed.PIVOT_RANK, "limit", f"{tensor}: {rank} pivots")
    require(len(tensor.bitmap) == -(-extent // 8), "malformed", f"{tensor}: a bitmap of {len(tensor.bitmap)} bytes")
    found = lines(tensor)
    require(len(found) == rank and found[-1] < extent, "malformed",
            f"{tensor}: {len(found)} pivots, expected {rank} below {extent}")
    return (extent - rank) * rank


def expand(tensor, stored):
    """Pivot: the stored elements, with the identity in the pivots."""
    element = np.dtype(f"<u{tensor.bits // 8}")
    dense = np.zeros(tensor.shape, element)
    pivots = lines(tensor)
    others = np.setdiff1d(np.arange(tensor.shape[tensor.axis]), pivots)
    values = np.frombuffer(stored, element)
    if tensor.axis == 0:
        dense[others] = values.reshape(len(others), -1)
        dense[pivots, np.arange(len(pivots))] = ONE[tensor.dtype]
    else:
        dense[:, others] = values.reshape(-1, len(others))
        dense[np.arange(len(pivots)), pivots] = ONE[tensor.dtype]
    return dense.tobytes()
