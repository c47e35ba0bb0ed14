"""Codec split-number: codecs.md, "Split-number"."""
from dataclasses import dataclass

import numpy as np

from .errors import require
from .fields import Fields
from .splitfloat import ESCAPE, decode_symbols, parse_table, unpack

FLOAT, INTEGER, FIRST, SECOND, SCALED = KINDS = range(5)
BITS = {FLOAT: (8, 16, 32, 64), INTEGER: (4, 8, 16, 32, 64), FIRST: (8, 16, 32, 64),
        SECOND: (8, 16, 32, 64), SCALED: (16, 32)}
MINUS_ZERO, WHOLE = 1, 255  # the symbols that are no keys, with 0
BELOW = 63  # the first symbol of a key below the origin
U64 = np.uint64


@dataclass(frozen=True)
class Layout:
    """The header, and what follows from it and the size of the chunk."""
    kind: int
    bits: int
    mantissa: int
    precision: int
    top_bits: int
    sign_bits: int
    lanes: int
    tables: int
    row_bits: int
    column_bits: int
    floor_bits: int
    base: int
    centres: int
    floor: int
    width: int
    first: int
    low_bytes: int
    escapes: int
    wholes: int
    stream_sizes: list
    n: int

    @property
    def whole_bytes(self):
        return -(-self.bits // 8)

    @property
    def places(self):
        """M: the bits of a magnitude below its class."""
        return self.mantissa if self.kind == FLOAT else 15 if self.kind == SCALED else self.bits - 1


def decode(payload, size):
    """Decodes a chunk of so many bytes: the parts of the payload, in order."""
    fields = Fields(payload, "split-number")
    layout = parse_header(fields, size)
    tables = [parse_table(fields, "split-number") for _ in range(layout.tables)]
    rows = -(-(layout.first + layout.n) // layout.width)
    require(rows <= 65536, "malformed", f"split-number: {rows} rows")
    table_bits = (layout.tables - 1).bit_length()
    row_fields = unpack(fields, rows, layout.row_bits + layout.floor_bits + table_bits, "split-number")
    row_table = row_fields & (1 << table_bits) - 1
    row_shift = row_fields >> table_bits & (1 << layout.row_bits) - 1
    row_floor = layout.floor + (row_fields >> table_bits + layout.row_bits)
    require((row_table < layout.tables).all(), "malformed", "split-number: a row of no table")
    column_shift = unpack(fields, layout.width, layout.column_bits, "split-number")
    centre = take_centres(fields, layout, rows)
    scale = np.frombuffer(fields.take(4 * rows if layout.kind == SCALED else 0), "<f4")
    require((np.isfinite(scale) & (scale > 0)).all(), "malformed",
            "split-number: a scale is not finite, or not greater than 0")
    low = fields.take(layout.low_bytes)
    streams = [fields.take(length) for length in layout.stream_sizes]
    escapes = np.frombuffer(fields.take(layout.escapes), np.uint8).astype(np.int64)
    whole = take_elements(fields, layout, layout.wholes)
    states = np.frombuffer(fields.take(2 * layout.lanes), "<u2")
    fields.end()

    # Symbols.
    begin = np.maximum(np.arange(rows) * layout.width - layout.first, 0)
    end = np.minimum(np.arange(1, rows + 1) * layout.width - layout.first, layout.n)
    symbol = decode_symbols(zip(begin, end, row_table), tables, streams, states, layout.n, "split-number")
    escaped = symbol == ESCAPE
    require(np.count_nonzero(escaped) == len(escapes), "malformed", "split-number: other escapes")
    symbol[escaped] = escapes - 224 & 255

    # Values and elements.
    row, column = np.divmod(layout.first + np.arange(layout.n), layout.width)
    shift = row_shift[row] + column_shift[column]
    sign, magnitude = take_magnitudes(layout, symbol, shift, row_floor[row], low)
    value = centre[row] + np.where(sign == 1, U64(0) - magnitude, magnitude)
    is_whole = symbol == WHOLE
    require(np.count_nonzero(is_whole) == len(whole), "malformed", "split-number: other whole elements")
    if layout.kind == FLOAT:
        below = U64((1 << layout.bits - 1) - 1)
        element = sign << U64(layout.bits - 1) | magnitude & below
    elif layout.kind == INTEGER:
        element = value
    elif layout.kind == SCALED:
        element = scaled(layout, value, scale[row])
        element[symbol == MINUS_ZERO] = 1 << layout.bits - 1
    else:
        return join(summed(layout, value, is_whole, whole), layout.bits)
    element[is_whole] = whole
    return join(element, layout.bits)


def parse_header(fields, size):
    """Payload: the header. What it does not support comes before what is malformed."""
    payload_size = fields.left()
    form = fields.u8()
    require(form == 1, "unsupported", f"split-number: form {form}")
    kind = fields.u8()
    require(kind in KINDS, "unsupported", f"split-number: kind {kind}")
    require(size and payload_size < size, "malformed",
            f"split-number: a payload of {payload_size} bytes for {size}")
    bits, mantissa, precision, top_bits, sign_bits, lane_bits = (fields.u8() for _ in range(6))
    tables, row_bits, column_bits, floor_bits = (fields.u8() for _ in range(4))
    base, centres, floor = fields.u16(), fields.u8(), fields.u8()
    width, first, low_bytes, escapes, wholes = (fields.u32() for _ in range(5))
    require(bits in BITS[kind] and size * 8 % bits == 0, "malformed",
            f"split-number: elements of {bits} bits of kind {kind}, a chunk of {size} bytes")
    mantissas = {FLOAT: range(1, bits - 1), INTEGER: (0,), FIRST: (0, 1), SECOND: (0, 1),
                 SCALED: (23,) if bits == 32 else (7, 10)}
    valid = (mantissa in mantissas[kind] and precision <= 63 and top_bits <= 3 and sign_bits <= 1 and
             3 <= lane_bits <= 8 and 1 <= tables <= 8 and row_bits <= 8 and column_bits <= 8 and
             floor_bits <= 8 and row_bits + floor_bits <= 13 and centres <= (2 if kind in (INTEGER, SCALED) else 0) and
             1 <= width <= 1 << 26 and first < width)
    require(valid, "malformed", "split-number: a field of the header is out of its range")
    lanes = 1 << lane_bits
    sizes = [fields.u32() for _ in range(max(lanes // 64, 1))]
    return Layout(kind, bits, mantissa, precision, top_bits, sign_bits, lanes, tables, row_bits, column_bits,
                  floor_bits, base, centres, floor, width, first, low_bytes, escapes, wholes, sizes,
                  size * 8 // bits)


def take_elements(fields, layout, count):
    """Payload: so many elements or centres, in whole bytes. The bits above an element must be zero."""
    data = np.frombuffer(fields.take(count * layout.whole_bytes), f"<u{layout.whole_bytes}").astype(U64)
    require(layout.bits >= 8 or not (data >> U64(layout.bits)).any(), "malformed",
            "split-number: an element has bits above its own")
    return data


def take_centres(fields, layout, rows):
    """Payload: the centre of each row."""
    count = (0, 1, rows)[layout.centres]
    if layout.kind == SCALED:
        centre = np.frombuffer(fields.take(2 * count), "<u2").astype(U64)
    else:
        centre = take_elements(fields, layout, count)
    return np.broadcast_to(centre if count else U64(0), rows)


def take_magnitudes(layout, symbol, shift, floor, low):
    """Symbols: the sign and the magnitude of each element; both are 0 if it is whole."""
    top_bits, sign_bits, places = layout.top_bits, layout.sign_bits, layout.places
    coded = (symbol > MINUS_ZERO) & (symbol != WHOLE)
    origin = layout.base + (shift << top_bits + sign_bits)
    key = origin + np.where(symbol < BELOW, symbol - 2, symbol - 255) & 0xFFFF
    x = key >> top_bits + sign_bits
    lead = np.minimum(x, places)
    depth = np.minimum(np.minimum(lead, layout.precision), np.maximum(x - floor, 0))
    below = np.maximum(depth - top_bits, 0)
    lower = take_low(low, np.where(coded, 1 - sign_bits + below, 0))
    if sign_bits:
        sign = (key & 1).astype(U64)
    else:
        sign, lower = lower & U64(1), lower >> U64(1)

    top = (key >> sign_bits & (1 << top_bits) - 1).astype(U64)
    fraction = top << to_shift(lead - top_bits) >> to_shift(top_bits - lead)
    fraction += lower << to_shift(lead - depth)
    whole = np.where(x < places, U64(1) << to_shift(lead), to_shift(x - places + 1) << U64(places))
    magnitude = np.where(coded, whole + fraction, U64(0))
    return np.where(coded, sign, (symbol == MINUS_ZERO).astype(U64)), magnitude


def to_shift(number):
    """Numbers as those of 64 bits without a sign, which shifts need; what is below 0 is 0."""
    return np.maximum(number, 0).astype(U64)


def take_low(data, width):
    """Symbols: the lower bits of each element, of which it has so many: 0 to 64."""
    ends = np.cumsum(width)
    used = int(ends[-1])
    require(len(data) == -(-used // 8), "malformed", "split-number: another number of lower bits")
    require(not used & 7 or data[-1] >> (used & 7) == 0, "malformed",
            "split-number: bits are left over after the lower bits")
    byte = np.frombuffer(bytes(data) + bytes(9), np.uint8)
    place = ends - width
    at, bit = place >> 3, to_shift(place & 7)
    window = np.zeros(len(width), U64)
    for number in range(8):
        window |= byte[at + number].astype(U64) << U64(8 * number)
    # The ninth byte is shifted in two steps: by 64 at once is no shift.
    window = window >> bit | byte[at + 8].astype(U64) << U64(63) - bit << U64(1)
    return np.where(width > 0, window & U64((1 << 64) - 1) >> to_shift(64 - np.maximum(width, 1)), U64(0))


def summed(layout, value, is_whole, whole):
    """Numbers: the elements of kinds 2 and 3, a width of the grid at a time."""
    mask, top = U64((1 << layout.bits) - 1), U64(1 << layout.bits - 1)

    def turn(element):
        """The order of an element, or the element of this order."""
        if not layout.mantissa:
            return element
        return np.where(element & top, element ^ top - U64(1), element)

    element = np.empty(layout.n, U64)
    before = np.cumsum(is_whole) - is_whole
    above = more_above = np.zeros(min(layout.width, layout.n), U64)
    for begin in range(0, layout.n, layout.width):
        run = slice(begin, begin + layout.width)
        count = len(value[run])
        expected = above[:count]
        if layout.kind == SECOND and begin >= 2 * layout.width:
            expected = U64(2) * expected - more_above[:count]
        order = expected + value[run] & mask
        element[run] = turn(order)
        here = np.flatnonzero(is_whole[run])
        element[run][here] = whole[before[run][here]]
        above, more_above = turn(element[run]), above
    return element


def scaled(layout, value, scale):
    """Numbers: the elements of kind 4, by the arithmetic of numpy, which is that of IEEE 754."""
    number = (value & U64(0xFFFF)).astype(np.uint16).view(np.int16).astype(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        product = number * scale.astype(np.float32)
        if layout.mantissa == 10:
            return product.astype(np.float16).view(np.uint16).astype(U64)
    bits = product.view(np.uint32).astype(U64)
    if layout.mantissa == 23:
        return bits
    # To BF16: what is below the upper 16 bits rounds them, ties to even. There are no NaN.
    return bits + U64(0x7FFF) + (bits >> U64(16) & U64(1)) >> U64(16)


def join(element, bits):
    """Elements: the bytes of all of them."""
    if bits == 4:
        pairs = element.astype(np.uint8).reshape(-1, 2) & 15
        return (pairs[:, 0] | pairs[:, 1] << 4).tobytes()
    return element.astype(f"<u{bits // 8}").tobytes()
