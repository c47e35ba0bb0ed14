"""Codecs by their numbers, and raw, constant, zstd and unchanged: codecs.md."""
import math

import zstandard

from . import blockfields, difference, limits as fixed, splitfloat, splitnumber
from .errors import ArchiveError, require

RAW, CONSTANT, ZSTD, SPLIT_FLOAT, CARRIED, SAME, UNCHANGED, DIFFERENCE, SPLIT_NUMBER, FIELDS = range(10)
NEED_BASE = UNCHANGED, DIFFERENCE
IN_FIELDS = RAW, CONSTANT, ZSTD, SPLIT_NUMBER


def decode(codec, payload, dtype, bits, count, size, base=None):
    """Decodes a chunk of `count` elements of `bits` bits.

    Split-float needs the dtype, and so does a form of difference. `base` has the bytes of the
    base's chunk, which the codecs of NEED_BASE need.
    """
    require(size <= fixed.CHUNK, "limit", f"a chunk of {size} bytes")
    if codec == RAW:
        require(len(payload) == size, "malformed", f"raw: {len(payload)} bytes for {size}")
        return bytes(payload)
    if codec == CONSTANT:
        return decode_constant(payload, bits, size)
    if codec == ZSTD:
        return decode_zstd(payload, size)
    if codec == SPLIT_FLOAT:
        return splitfloat.decode(payload, dtype, count, size)
    if codec in NEED_BASE:
        require(base is not None and len(base) == size, "malformed", f"codec {codec} without a base")
    if codec == UNCHANGED:
        require(size and not payload, "malformed", f"unchanged: {len(payload)} bytes for {size}")
        return bytes(base)
    if codec == DIFFERENCE:
        require(payload and len(payload) < size, "malformed",
                f"difference: {len(payload)} bytes for {size}")
        if payload[0] == difference.GENERAL:
            return difference.decode_general(payload, base, decode_zstd)
        return difference.decode_float(payload, dtype, base)
    if codec == SPLIT_NUMBER:
        return splitnumber.decode(payload, size)
    if codec == FIELDS:
        # A field has elements of 1 byte.
        return blockfields.decode(payload, size, IN_FIELDS,
                                  lambda one, part, length: decode(one, part, None, 8, length, length))
    require(codec != CARRIED, "malformed", "codec carried in a tensor of another form than rider")
    require(codec != SAME, "malformed", "codec same as the own codec of a carried chunk")
    raise ArchiveError("unsupported", f"codec {codec}")


def decode_constant(payload, bits, size):
    """Constant."""
    pattern = math.lcm(bits, 8) // 8
    require(len(payload) == pattern, "malformed", f"constant: a pattern of {len(payload)} bytes")
    require(size and size % pattern == 0, "malformed", f"constant: {size} bytes of {pattern} each")
    return bytes(payload) * (size // pattern)


def decode_zstd(payload, size):
    """Zstd: one frame of RFC 8878 that fills the payload."""
    frame = bytes(payload)
    require(frame_length(frame, size) == len(frame), "malformed", "zstd: bytes follow the frame")
    try:
        content = zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise ArchiveError("malformed", f"zstd: {error}") from error
    require(len(content) == size, "malformed", f"zstd: {len(content)} bytes, expected {size}")
    return content


def frame_length(frame, size):
    """The length of a frame, from its header and those of its blocks (RFC 8878, 3.1.1)."""
    at = 0

    def take(count):
        nonlocal at
        require(at + count <= len(frame), "malformed", "zstd: the frame is cut")
        at += count
        return int.from_bytes(frame[at - count:at], "little")

    require(take(4) == 0xFD2FB528, "malformed", "zstd: no frame")
    descriptor = take(1)
    single_segment, has_checksum = descriptor & 0x20, descriptor & 0x04
    require(not descriptor & 0x08, "malformed", "zstd: the reserved bit is set")
    window = 0
    if not single_segment:
        byte = take(1)
        window = (1 << 10 + (byte >> 3)) // 8 * (8 + (byte & 7))
    dictionary = take((0, 1, 2, 4)[descriptor & 3])
    size_bytes = (1 if single_segment else 0, 2, 4, 8)[descriptor >> 6]
    require(size_bytes, "malformed", "zstd: the frame does not tell its content's size")
    content = take(size_bytes) + (256 if size_bytes == 2 else 0)
    require(dictionary == 0, "malformed", f"zstd: the frame needs dictionary {dictionary}")
    require(content == size, "malformed", f"zstd: content of {content} bytes, expected {size}")
    require(max(window, content if single_segment else 0) <= fixed.ZSTD_WINDOW, "malformed",
            "zstd: the window is too large")
    most = min(content if single_segment else window, fixed.ZSTD_BLOCK)
    last = False
    while not last:
        block = take(3)
        last, kind, length = block & 1, block >> 1 & 3, block >> 3
        require(kind != 3, "malformed", "zstd: a block of the reserved type")
        require(length <= most - (kind == 2), "malformed", f"zstd: a block of {length} bytes")
        take(1 if kind == 1 else length)
    take(4 if has_checksum else 0)
    return at
