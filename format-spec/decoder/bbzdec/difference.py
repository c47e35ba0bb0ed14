"""Codec difference: codecs.md, "Difference"."""
import numpy as np

from .errors import require
from .fields import Fields
from .splitfloat import ESCAPE, decode_symbols, parse_table

FLOAT, GENERAL = 1, 2  # the forms
BLOCK = 65536
WHOLE = 255  # the symbol of an element that is stored whole


def decode_float(payload, dtype, base):
    """Form 1: floats. `dtype` is None if it is not known."""
    fields = Fields(payload, "difference")
    form = fields.u8()
    require(form == FLOAT, "unsupported", f"difference: form {form}")
    require(dtype is not None, "unsupported", "difference: form 1 of an unknown dtype")
    require(dtype.exponent and dtype.bits <= 32, "malformed", f"difference: of {dtype.name}")
    bits, mantissa = dtype.bits, dtype.bits - 1 - dtype.exponent
    old = np.frombuffer(base, f"<u{bits // 8}").astype(np.int64)
    exponent = old >> mantissa & (1 << dtype.exponent) - 1

    # The parts of the payload, in order.
    lane_bits, count, live, reference = (fields.u8() for _ in range(4))
    low_size, escape_count, whole_count, patch_count = (fields.u32() for _ in range(4))
    require(3 <= lane_bits <= 8 and 1 <= count <= 8 and live >> count == 0, "malformed",
            "difference: a field of the header is out of its range")
    sizes = [fields.u32() for _ in range(max((1 << lane_bits) // 64, 1))]
    first = np.array([0, *fields.take(count - 1)])
    require((np.diff(first) > 0).all() and first[-1] >> dtype.exponent == 0, "malformed",
            "difference: the exponents of the tables are out of order or out of range")
    alive = [table for table in range(count) if live >> table & 1]
    tables = {table: parse_table(fields, "difference") for table in alive}
    blocks = range(0, len(old), BLOCK)
    counts = np.frombuffer(fields.take(4 * len(alive) * len(blocks)), "<u4")
    low = fields.take(low_size)
    streams = [fields.take(size) for size in sizes]
    escapes = np.frombuffer(fields.take(escape_count), np.uint8)
    whole = np.frombuffer(fields.take(whole_count * bits // 8), f"<u{bits // 8}")
    patches = np.frombuffer(fields.take(patch_count * (4 + bits // 8)),
                            [("place", "<u4"), ("element", f"<u{bits // 8}")])
    states = np.frombuffer(fields.take(2 << lane_bits), "<u2")
    fields.end()

    # Symbols: the elements in the order in which they are decoded, and the run of each table.
    table = np.searchsorted(first, exponent, side="right") - 1
    order = [begin + np.flatnonzero(table[begin:begin + BLOCK] == each)
             for begin in blocks for each in alive]
    require([len(run) for run in order] == counts.tolist(), "malformed", "difference: other counts")
    ends = np.cumsum(counts, dtype=np.int64)
    rows = zip(ends - counts.astype(np.int64), ends, alive * len(blocks))
    index = decode_symbols(rows, tables, streams, states, int(counts.sum()), "difference")
    escaped = index == ESCAPE
    require(np.count_nonzero(escaped) == escape_count, "malformed", "difference: other escapes")
    index[escaped] = escapes.astype(np.int64) - 224 & 255
    symbol = np.zeros(len(old), np.int64)
    if order:
        symbol[np.concatenate(order)] = index

    # Elements.
    changed = (symbol != 0) & (symbol != WHOLE)
    width = np.where(changed, np.clip(reference - exponent, 0, max(bits - 8, 3)), 0)
    folded = (symbol - 1 << width) + take_low(low, width) + 1
    difference = np.where(folded & 1, -(folded + 1 >> 1), folded >> 1)
    new = np.where(changed, turn(turn(old, bits) + difference & (1 << bits) - 1, bits), old)
    require(np.count_nonzero(symbol == WHOLE) == whole_count, "malformed",
            "difference: another number of whole elements")
    new[symbol == WHOLE] = whole
    place = patches["place"].astype(np.int64)
    require((np.diff(place) > 0).all() and (place < len(new)).all(), "malformed",
            "difference: a patch is out of order or out of range")
    new[place] = patches["element"]
    return new.astype(f"<u{bits // 8}").tobytes()


def turn(element, bits):
    """The order of an element, or the element of this order."""
    top = 1 << bits - 1
    return np.where(element & top, element ^ top - 1, element)


def take_low(data, width):
    """The lower bits of each element, of which it has so many."""
    ends = np.cumsum(width)
    used = int(ends[-1])
    require(len(data) == -(-used // 8), "malformed", "difference: another number of lower bits")
    require(not used & 7 or data[-1] >> (used & 7) == 0, "malformed",
            "difference: bits are left over after the lower bits")
    byte = np.frombuffer(bytes(data) + bytes(4), np.uint8).astype(np.int64)
    place = ends - width
    at = place >> 3
    window = byte[at] | byte[at + 1] << 8 | byte[at + 2] << 16 | byte[at + 3] << 24
    return window >> (place & 7) & (1 << width) - 1


def decode_general(payload, base, decode_zstd):
    """Form 2: others."""
    require(len(payload) >= 3, "malformed", "difference: the header is cut")
    operation, width = payload[1], payload[2]
    require(operation <= 1 and width in (1, 2, 4, 8) and len(base) % width == 0, "malformed",
            f"difference: operation {operation}, width {width}")
    planes = np.frombuffer(decode_zstd(payload[3:], len(base)), np.uint8).reshape(width, -1)
    difference = np.ascontiguousarray(planes.T).view(f"<u{width}").reshape(-1)
    old = np.frombuffer(base, f"<u{width}")
    return (old + difference if operation else old ^ difference).tobytes()
