"""Block types: records.md, "Block type" and "Tensors of blocks"."""
from dataclasses import dataclass, field

from . import dtypes, limits as fixed
from .errors import require
from .fields import Fields, text
from .limits import BITS_64
from .metas import Extensions, extensions_of

NO_DTYPE = 0  # of a field: bytes that no dtype describes


@dataclass(frozen=True)
class BlockField:
    """A part of a block: so many elements of so many bits."""
    name: str
    dtype: int
    bits: int
    count: int


@dataclass
class BlockType:
    """What the elements of tensors of blocks are; `size` is that of a block in bytes."""
    number: int
    name: str
    values: int
    size: int = 0
    fields: list = field(default_factory=list)
    extensions: Extensions = Extensions()


def take_field(fields):
    """Block type: takes a field. Its name is still bytes."""
    name, dtype = fields.string(), fields.u8()
    known = dtypes.BY_NUMBER.get(dtype)
    if known:
        bits = known.bits
    else:
        bits = 8 if dtype in (NO_DTYPE, dtypes.BLOCK) else fields.u8()
    return BlockField(name, dtype, bits, fields.var())


def name_of(data, where):
    """Block type: the name of it or of a field."""
    require(1 <= len(data) <= 255, "malformed", f"{where}: a name of {len(data)} bytes")
    return text(data, where)


def parse_block_type(record):
    """Block type (type 11)."""
    where = str(record)
    fields = Fields(record.meta, where)
    number, data, values, count = fields.var32(), fields.string(), fields.var32(), fields.var()
    taken = []
    while len(taken) < count:
        taken.append(take_field(fields))
    extensions = extensions_of(fields, record)
    block = BlockType(number, name_of(data, where), values, extensions=extensions)
    require(values >= 1 and taken, "malformed", f"{where}: {values} values in {len(taken)} fields")
    require(len(taken) <= fixed.BLOCK_FIELDS, "limit", f"{where}: {len(taken)} fields")
    names = set()
    for one in taken:
        name = name_of(one.name, where)
        require(name not in names, "malformed", f"{where}: two fields {name!r}")
        names.add(name)
        require(one.dtype != dtypes.BLOCK and one.bits >= 1, "malformed",
                f"{where}: field {name!r} of dtype {one.dtype} and {one.bits} bits")
        require(one.count >= 1, "malformed", f"{where}: field {name!r} without elements")
        require(one.count <= fixed.BLOCK_BYTES * 8, "limit", f"{where}: {one.count} elements")
        block.fields.append(BlockField(name, one.dtype, one.bits, one.count))
    bits = sum(one.count * one.bits for one in block.fields)
    require(bits % 8 == 0, "malformed", f"{where}: {bits} bits are no whole bytes")
    require(bits <= fixed.BLOCK_BYTES * 8, "limit", f"{where}: blocks of {bits // 8} bytes")
    block.size = bits // 8
    return block


def shape_in_values(tensor, block):
    """Tensors of blocks: the shape in values."""
    return tensor.shape[:-1] + [tensor.shape[-1] * block.values]


def check_tensor(record, tensor, block_types):
    """Tensors of blocks: the block type, the bytes of its blocks, and the number of values."""
    if tensor.dtype != dtypes.BLOCK:
        return
    require(tensor.block_type < len(block_types), "malformed",
            f"{record}: block type {tensor.block_type} does not precede it")
    block = block_types[tensor.block_type]
    require(block.size * 8 == tensor.bits, "malformed",
            f"{record}: blocks of {tensor.bits // 8} bytes, those of {block.name!r} have {block.size}")
    values = 1
    for extent in shape_in_values(tensor, block):
        values *= extent
        require(extent < BITS_64 and values < BITS_64, "malformed", f"{record}: too many values")
