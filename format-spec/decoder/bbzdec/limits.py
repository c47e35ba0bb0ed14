"""Limits: limits.md."""
from dataclasses import dataclass

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
BITS_64 = 1 << 64


@dataclass(frozen=True)
class Limits:
    """The limits that a caller can set, with their defaults."""
    index: int = 256 * MIB
    chunk: int = 64 * MIB
    metadata: int = 16 * MIB
    group: int = 1 * GIB
    name: int = 4096
    rank: int = 64
    files: int = 1_000_000
    tensors: int = 1_000_000
    chunks: int = 1_000_000_000
    unpacked: int = 1 << 50


def index_list(payload_length):
    """The most bytes that the list of an index with such a payload may have."""
    return MIB + 8 * payload_length


# The limits that are fixed.
CHUNK = 64 * MIB  # that a chunk decodes to, whatever the caller's limit
ZSTD_WINDOW = 64 * MIB
ZSTD_BLOCK = 128 * KIB
WIDTH = 32768  # columns of a lower or polar tensor
PIVOT_EXTENT, PIVOT_RANK = 262_144, 32768  # the extents of a pivot tensor
ROTATION = 8192  # width of a bits-back group
CARRIER_ROWS = 4_194_304
VIEWED = 1 << 50  # bytes of all views
SPAN = 64 * MIB  # bytes of a view whose axes overlap
EXPANSION = 64 * MIB  # bytes of a view, beyond 4 times those of its base
DERIVED = 1 * GIB  # bytes of a polar tensor
GROUP_TENSORS = 4 * GIB  # bytes of all tensors that belong to a group
POLAR_ROWS = 65535
BLOCK_TYPES, BLOCK_FIELDS, BLOCK_BYTES = 1024, 64, 65536
BASES, HINT, CHAIN = 1024, 4096, 16


def rotation_stored(width, bits, carrier_bytes):
    """The fewest stored bytes that may stand for a rotation; `bits` is None if the record lacks it."""
    axes = -(-width * width // 2)
    drawn = 0 if bits is None else -(-bits * (width * (width - 1) // 2) // 8)
    carriers = -(-max(carrier_bytes - 64 * KIB, 0) // 16)
    return max(axes, drawn, carriers)


def polar_stored(rows, rank, derived_bytes, operand_bytes):
    """The fewest stored bytes that may stand for a polar tensor."""
    work = -(-rows * rows * rank // (1 << 18))
    memory = derived_bytes + operand_bytes + 8 * rows * rank
    return max(work, -(-max(memory - 8 * MIB, 0) // 192))


def folders(entries):
    """The most folders that a reader creates for so many files and empty directories."""
    return 1024 + 16 * entries
