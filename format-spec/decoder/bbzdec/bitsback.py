"""Bits-back: bits-back.md. Floating-point arithmetic is float64, which its margins allow."""
from dataclasses import dataclass

import numpy as np
import xxhash

from . import dtypes, limits as fixed
from .arithmetic import Decoder, NumberModel
from .errors import ArchiveError, require
from .fields import Fields

EXPONENT_OF_LEAST_NORMAL = {dtypes.F16: -14, dtypes.BF16: -126, dtypes.F32: -126}
BITS_OFFSET, RECORD_HEADER = 2, 24


def check_limits(group, payload, carriers):
    """Record: the limits on a rotation, before anything else that the parts say of each other."""
    require(payload.width <= fixed.ROTATION, "limit", f"group {group.number}: width {payload.width}")
    bits = payload.record[BITS_OFFSET] if len(payload.record) >= RECORD_HEADER else None
    least = fixed.rotation_stored(payload.width, bits, sum(carrier.size for carrier in carriers))
    stored = group.record.payload_length + sum(carrier.stored_bytes() for carrier in carriers)
    require(stored >= least, "limit", f"group {group.number}: {stored} stored bytes, expected {least}")
    for carrier in carriers:
        fits = carrier.dtype in EXPONENT_OF_LEAST_NORMAL and carrier.dtype == carriers[0].dtype
        require(fits and len(carrier.shape) == 2 and carrier.shape[1] == payload.width, "malformed",
                f"group {group.number}: {carrier} has another dtype or shape than a carrier")
    require(sum(carrier.shape[0] for carrier in carriers) <= fixed.CARRIER_ROWS, "limit",
            f"group {group.number}: too many rows")


@dataclass
class Record:
    """The record: its header, and what its code holds."""
    seed: int
    bits: int
    step: float
    width: int
    columns: int
    riders: int
    checksum: int
    row_exponents: np.ndarray
    listed: np.ndarray
    flags: np.ndarray
    corrections: np.ndarray


def decode(payload, carriers, contents):
    """Returns the riders of a group from the decoded bytes of its carriers, which are checked."""
    columns = sum(carrier.shape[0] for carrier in carriers)
    record = parse_record(payload.record, payload.width, columns)
    y = np.concatenate([as_float64(content, carrier.dtype).reshape(-1, payload.width)
                        for carrier, content in zip(carriers, contents)])
    require(np.isfinite(y).all(), "malformed", "bits-back: a carrier has an element that is not finite")
    return riders_of(record, frame_of(record, y, carriers[0].dtype))


def as_float64(content, dtype):
    """The elements of a carrier."""
    if dtype == dtypes.BF16:
        return (np.frombuffer(content, "<u2").astype("<u4") << 16).view("<f4").astype(np.float64)
    return np.frombuffer(content, "<f2" if dtype == dtypes.F16 else "<f4").astype(np.float64)


def parse_record(data, width, columns):
    """Record: its checks, in order."""
    require(len(data) >= RECORD_HEADER, "truncated", f"bits-back record: {len(data)} of 24 bytes")
    fields = Fields(data, "bits-back record")
    version, seed, bits, scale, shift, reserved = (fields.u8() for _ in range(6))
    d, n, riders, checksum = fields.u16(), fields.u32(), fields.u32(), fields.u64()
    require(version == 1, "unsupported", f"bits-back record: version {version}")
    require(reserved == 0, "unsupported", "bits-back record: the reserved byte is set")
    require((d, n) == (width, columns), "malformed", f"bits-back record: of {d} x {n}")
    require(2 <= d <= n, "malformed", f"bits-back record: {n} rows fix no rotation of width {d}")
    require(1 <= bits <= 24 and 128 <= scale <= 255 and shift <= 64, "malformed",
            f"bits-back record: bits {bits}, scale {scale}, shift {shift}")
    step = scale * 2.0 ** (1 - shift)
    require(step >= 2.0 ** -24 and step * 2.0 ** (bits - 1) <= 4, "malformed",
            f"bits-back record: step {step}")
    freedoms = d * (d - 1) // 2
    require(riders <= bits * freedoms // 8, "malformed", f"bits-back record: {riders} riders")
    code = Decoder(fields.take(fields.left()))
    row_exponents = read_row_exponents(code, d)
    listed, flags = read_listed(code, n + d * n)
    corrections = read_corrections(code, freedoms)
    code.end()
    return Record(seed, bits, step, d, n, riders, checksum, row_exponents, listed, flags, corrections)


def read_row_exponents(code, width):
    """Code: 1."""
    model, exponents, before = NumberModel(), [], 0
    for _ in range(width):
        number = model.read(code)
        before += -(number >> 1) - 1 if number & 1 else number >> 1
        require(-64 <= before <= 64, "malformed", f"bits-back record: row exponent {before}")
        exponents.append(before)
    return np.array(exponents, np.int64)


def read_listed(code, decisions):
    """Code: 2. Returns the numbers of the listed decisions, and their flags."""
    count = NumberModel().read(code)
    require(count <= decisions, "malformed", f"bits-back record: {count} listed decisions")
    typical = decisions // count * 11 // 16 if count else 0
    k = min(typical.bit_length() - 1, 31) if typical else 0
    numbers, flags, number = [], [], -1
    for _ in range(count):
        gap = 0
        while code.raw(1):
            gap += 1 << k
        number += 1 + gap + code.raw(k)
        flags.append(code.raw(1))
        require(number < decisions, "malformed", f"bits-back record: listed decision {number}")
        numbers.append(number)
    return np.array(numbers, np.int64), np.array(flags, np.int64)


def read_corrections(code, freedoms):
    """Code: 3."""
    odd, size, sign = [32768, 0], NumberModel(), [32768, 0]
    corrections = np.empty(freedoms, np.int64)
    for q in range(freedoms):
        o, a = code.bit(odd), size.read(code)
        require(a <= 1 << 29, "malformed", f"bits-back record: a correction of {a} steps")
        corrections[q] = (-2 * a if a and code.bit(sign) else 2 * a) + o
    return corrections


def decide(record, values, most, first):
    """Frame: integers from measured values; `first` is the number of the first decision."""
    decided = np.rint(values)
    begin, end = np.searchsorted(record.listed, (first, first + values.size))
    listed = record.listed[begin:end] - first
    decided.flat[listed] = np.floor(values.flat[listed]) + record.flags[begin:end]
    return np.clip(decided, -most, most)


def mix(x):
    """The finaliser of SplitMix64, on an array of 64-bit words."""
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return x ^ x >> np.uint64(31)


def words(start, count):
    """mix(mix(start) + i) for i below count."""
    return mix(mix(np.array([start], np.uint64)) + np.arange(count, dtype=np.uint64))


def frame_of(record, y, dtype):
    """Frame: 1 to 4. The rows of y are the columns of Y."""
    d, n = record.width, record.columns
    with np.errstate(divide="ignore"):
        norms = np.log2((y * y).sum(axis=1)) / 2
    least = EXPONENT_OF_LEAST_NORMAL[dtype] + (d.bit_length() - 1) // 2
    e = decide(record, np.maximum(norms, least), 1000, 0)
    z = y * np.exp2(-e)[:, None]

    t = words(record.seed + 1, 8 * n)
    place = ((t >> np.uint64(32)) * np.uint64(d) >> np.uint64(32)).astype(np.int64)
    sign = np.where(t & np.uint64(1), -1.0, 1.0)
    times = np.zeros((n, d))  # how often a column is added to a sum
    np.add.at(times, (np.repeat(np.arange(n), 8), place), sign)
    c, r = np.linalg.qr(z.T @ times)
    c = c * np.where(np.diagonal(r) < 0, -1.0, 1.0)

    unit = np.exp2(record.row_exponents)
    w = decide(record, z @ c / unit, 127, n)
    left, singular, right = np.linalg.svd(z.T @ (w * unit))
    with np.errstate(divide="ignore", invalid="ignore"):
        condition = np.linalg.norm(singular) * np.linalg.norm(1 / singular)
    require(condition <= 1e14, "malformed", "bits-back: the carriers fix no rotation")
    return left @ right


def riders_of(record, frame):
    """From the frame to the riders: 1 to 4."""
    identity = np.eye(record.width)
    try:
        p = np.linalg.solve((identity + frame).T, (identity - frame).T).T
    except np.linalg.LinAlgError as error:
        raise ArchiveError("malformed", "bits-back: I + F is singular") from error
    parameters = ((p - p.T) / 2)[np.tril_indices(record.width, -1)]
    x = parameters / record.step + 2.0 ** (record.bits - 1) - 0.5 + record.corrections / 2
    coordinates = np.rint(x)
    on_grid = (abs(x - coordinates) <= 0.5 - 2.0 ** -28 / record.step).all()
    in_range = (coordinates >= 0).all() and (coordinates < 2.0 ** record.bits).all()
    require(on_grid and in_range, "malformed", "bits-back: a parameter is not on the grid")

    bits = coordinates.astype(np.int64)[:, None] >> np.arange(record.bits) & 1
    whitening = words(record.seed + 257, -(-bits.size // 64)).astype("<u8").view(np.uint8)
    payload = bits.reshape(-1).astype(np.uint8) ^ np.unpackbits(whitening, bitorder="little")[:bits.size]
    require(not payload[8 * record.riders:].any(), "malformed", "bits-back: bits after the riders")
    riders = np.packbits(payload[:8 * record.riders], bitorder="little").tobytes()
    require(xxhash.xxh3_64_intdigest(riders) == record.checksum, "checksum", "bits-back: the riders")
    return riders
