"""Codec split-float: codecs.md, "Split-float"."""
from dataclasses import dataclass

import numpy as np

from .errors import require
from .fields import Fields

ESCAPE = 31  # the index of the symbol that stands for all others
SLOTS = 256


@dataclass(frozen=True)
class Layout:
    """The header, and what follows from it and the dtype."""
    top_bits: int
    lanes: int
    tables: int
    row_bits: int
    column_bits: int
    base: int
    width: int
    first: int
    escapes: int
    patches: int
    stream_sizes: list
    key_bits: int
    rest_bits: int


def decode(payload, dtype, n, size):
    """Decodes a chunk of n elements: the parts of the payload, in order."""
    require(dtype.exponent and n and len(payload) < size, "malformed",
            f"split-float: a chunk of {size} bytes of {dtype.name}, a payload of {len(payload)}")
    fields = Fields(payload, "split-float")
    layout = parse_header(fields, dtype)
    tables = [parse_table(fields) for _ in range(layout.tables)]
    rows = -(-(layout.first + n) // layout.width)
    require(rows <= 65536, "malformed", f"split-float: {rows} rows")
    table_bits = (layout.tables - 1).bit_length()
    row_fields = unpack(fields, rows, layout.row_bits + table_bits)
    row_table, row_shift = row_fields & (1 << table_bits) - 1, row_fields >> table_bits
    require((row_table < layout.tables).all(), "malformed", "split-float: a row of no table")
    column_shift = unpack(fields, layout.width, layout.column_bits)

    # The grid: which elements of the chunk are in each row, and where each element is.
    begin = np.maximum(np.arange(rows) * layout.width - layout.first, 0)
    end = np.minimum(np.arange(1, rows + 1) * layout.width - layout.first, n)
    row, column = np.divmod(layout.first + np.arange(n), layout.width)
    origin = layout.base + (row_shift[row] + column_shift[column] << layout.top_bits)

    packed = take_packed(fields, begin, end, row, layout.rest_bits % 8)
    low_bytes = layout.rest_bits // 8
    low = np.frombuffer(fields.take(n * low_bytes), np.uint8).reshape(n, low_bytes)
    streams = [fields.take(length) for length in layout.stream_sizes]
    escapes = np.frombuffer(fields.take(layout.escapes), np.uint8)
    patches = np.frombuffer(fields.take(6 * layout.patches), [("place", "<u4"), ("key", "<u2")])
    states = np.frombuffer(fields.take(2 * layout.lanes), "<u2")
    fields.end()

    symbols = decode_symbols(zip(begin, end, row_table), tables, streams, states, n)
    key = origin + symbols
    escaped = symbols == ESCAPE
    require(np.count_nonzero(escaped) == layout.escapes, "malformed", "split-float: other escapes")
    key[escaped] = origin[escaped] + escapes - 224
    key &= (1 << layout.key_bits) - 1
    apply_patches(key, patches, layout)
    return join(key, packed, low, dtype.bits, layout.rest_bits)


def parse_header(fields, dtype):
    """Payload: the header. What it does not support comes before what is malformed."""
    form = fields.u8()
    require(form == 1, "unsupported", f"split-float: form {form}")
    top_bits, lane_bits, tables, row_bits, column_bits = (fields.u8() for _ in range(5))
    base, width, first, escapes, patches = (
        fields.u16(), fields.u32(), fields.u32(), fields.u32(), fields.u32())
    require(top_bits <= 1, "unsupported", f"split-float: {top_bits} top bits")
    key_bits = dtype.exponent + top_bits
    valid = (3 <= lane_bits <= 8 and 1 <= tables <= 8 and row_bits <= 8 and column_bits <= 8 and
             base >> key_bits == 0 and 1 <= width <= 1 << 26 and first < width)
    require(valid, "malformed", "split-float: a field of the header is out of its range")
    lanes = 1 << lane_bits
    sizes = [fields.u32() for _ in range(max(lanes // 64, 1))]
    return Layout(top_bits, lanes, tables, row_bits, column_bits, base, width, first, escapes,
                  patches, sizes, key_bits, dtype.bits - key_bits)


def parse_table(fields, codec="split-float"):
    """Tables: the index, its frequency and its rank for each slot."""
    count = fields.u8()
    require(1 <= count <= ESCAPE, "malformed", f"{codec}: a table of {count} symbols")
    frequencies = list(fields.take(count))
    require(frequencies[-1] and sum(frequencies) <= SLOTS, "malformed",
            f"{codec}: a table that ends in 0 or whose sum is over 256")
    frequency = np.zeros(ESCAPE + 1, np.int64)
    frequency[:count] = frequencies
    frequency[ESCAPE] = SLOTS - sum(frequencies)
    index = np.empty(SLOTS, np.int64)
    index[159 * np.arange(SLOTS) % SLOTS] = np.repeat(np.arange(ESCAPE + 1), frequency)
    rank = np.empty(SLOTS, np.int64)
    for symbol in range(ESCAPE + 1):
        rank[index == symbol] = np.arange(frequency[symbol])
    return index, frequency[index], rank


def unpack(fields, count, bits, codec="split-float"):
    """Grid: so many fields of so many bits each, from the lowest bit of the first byte upwards."""
    if bits == 0:
        return np.broadcast_to(np.int64(0), count)  # no memory, however many there are
    data = np.frombuffer(fields.take(-(-count * bits // 8)) + bytes(4), np.uint8).astype(np.int64)
    place = np.arange(count) * bits
    left_over = data[count * bits >> 3] >> (count * bits & 7)
    require(left_over == 0, "malformed", f"{codec}: bits are left over after rows or columns")
    return window(data, place) & (1 << bits) - 1


def window(data, place):
    """The 25 or more bits of `data` from each bit place on."""
    byte = place >> 3
    return (data[byte] | data[byte + 1] << 8 | data[byte + 2] << 16 | data[byte + 3] << 24) >> (place & 7)


def take_packed(fields, begin, end, row, bits):
    """Grid: the packed bits of each element; each row begins at a whole byte."""
    used = (end - begin) * bits
    sizes = -(-used // 8)
    data = np.frombuffer(fields.take(int(sizes.sum())) + bytes(4), np.uint8).astype(np.int64)
    starts = np.cumsum(sizes) - sizes
    left_over = (used & 7) != 0
    last = data[(starts + sizes - 1)[left_over]] >> (used & 7)[left_over]
    require(not last.any(), "malformed", "split-float: bits are left over after packed bits")
    place = starts[row] * 8 + (np.arange(len(row)) - begin[row]) * bits
    return window(data, place) & (1 << bits) - 1


def decode_symbols(rows, tables, streams, states, n, codec="split-float"):
    """Decoding of keys: the index of each element's symbol, a step of all lanes at a time."""
    x = states.astype(np.int64)
    require((x >= 256).all(), "malformed", f"{codec}: a state is below 256")
    data = np.frombuffer(b"".join(streams) + bytes(1), np.uint8)
    ends = np.cumsum([len(stream) for stream in streams])
    next_byte = ends - [len(stream) for stream in streams]
    symbols = np.empty(n, np.int64)
    for begin, end, table in rows:
        index, frequency, rank = tables[table]
        for at in range(begin, end, len(x)):
            lane = x[:end - at]  # in the last step of a row, fewer
            slot = lane & 255
            symbols[at:at + len(lane)] = index[slot]
            lane[:] = frequency[slot] * (lane >> 8) + rank[slot]
            low = np.flatnonzero(lane < 256)
            if low.size:
                # In each stream, its lanes take their bytes in ascending order.
                stream = low >> 6
                taken = np.bincount(stream, minlength=len(streams))
                before = np.cumsum(taken) - taken
                place = next_byte[stream] + np.arange(low.size) - before[stream]
                lane[low] = lane[low] << 8 | data.take(place, mode="clip")
                next_byte += taken
    require((next_byte == ends).all() and (x == 256).all(), "malformed",
            f"{codec}: bytes of a stream are missing or left over")
    return symbols


def apply_patches(key, patches, layout):
    """Patches: keys that replace others."""
    place = patches["place"].astype(np.int64)
    valid = (np.diff(place) > 0).all() and (place < len(key)).all()
    require(valid and not (patches["key"] >> layout.key_bits).any(), "malformed",
            "split-float: a patch is out of order or out of range")
    key[place] = patches["key"]


def join(key, packed, low, bits, rest_bits):
    """Elements: the bytes of all elements from their keys and the two parts of their rests."""
    v = key.astype(np.uint64) << np.uint64(rest_bits)
    v |= packed.astype(np.uint64) << np.uint64(8 * low.shape[1])
    for byte in range(low.shape[1]):
        v |= low[:, byte].astype(np.uint64) << np.uint64(8 * byte)
    element = v >> np.uint64(1) | (v & np.uint64(1)) << np.uint64(bits - 1)
    return element.astype(f"<u{bits // 8}").tobytes()
