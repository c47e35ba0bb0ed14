"""The metas of records: records.md. Each function parses all fields, then checks their values."""
import re
from dataclasses import dataclass, field

from . import bases, dtypes, forms, limits as fixed
from .container import EXTENDED, FILE as FILE_RECORD, PAYLOAD, SHA256, TENSOR as TENSOR_RECORD
from .errors import require
from .fields import Fields, text
from .limits import BITS_64

REGULAR, DIRECTORY = 0, 1  # kinds of file
BYTES, TENSOR = 0, 1  # kinds of tensor
# Bits of the byte "more" of a tensor, and the place of a codec or rank that has a field of its own.
PLACED, CHUNKED, FORMED, OPERAND, ELEMENT_BITS, MOVED = (1 << bit for bit in range(6))
FOLLOWS = 7
HAS_DIGEST, ORDERED = 1, 2  # flags of a file end
MODE, TIME, LAYER, STORAGE, LEANING = 1, 2, 3, 5, 6  # extensions
LAYERS = re.compile(r"(?<![^./])(?:layers?|h|blocks?|blk|resblocks|transformer_blocks)[./_]([0-9]+)(?![^./])")
RECORD_TYPES, DTYPES, CODECS, FORMS, METHODS, EXTENSIONS = range(1, 7)  # registries
PRIVATE = range(96, 128)  # numbers of each registry
NAME_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@dataclass(frozen=True)
class Extensions:
    """The numbers of a record's extensions, the first one that is required and not known, and what the known ones say.

    The time is a pair of seconds and nanoseconds.
    """
    numbers: tuple = ()
    unknown: int = None
    mode: int = None
    time: tuple = None
    layer: int = None
    storage: bool = False
    leaning: bytes = None

    def check(self, what):
        """Extensions: what a record declares is unsupported if a required one is not known."""
        require(self.unknown is None, "unsupported", f"{what}: required extension {self.unknown}")


@dataclass(frozen=True)
class Check:
    """Conventions: a check."""
    checksum: int
    digest: bytes


@dataclass
class File:
    """A file; `end` is the offset of its file end."""
    number: int
    kind: int
    path: str
    tensors: list = field(default_factory=list)
    size: int = 0
    digest: bytes = b""
    end: int = 0
    views: list = field(default_factory=list)
    extensions: list = field(default_factory=list)


@dataclass
class Tensor:
    """A tensor; what the catalog adds stands last. `at` is the offset of its record."""
    at: int
    more: int
    kind: int
    dtype: int
    bits: int
    block_type: int = None
    number: int = None
    file: int = None
    offset: int = 0
    form: int = 0
    group: int = None
    stored: int = 0
    chunk_elements: int = 1
    shape: list = field(default_factory=list)
    name: str = ""
    layer: int = None
    extensions: Extensions = Extensions()
    elements: int = 0
    size: int = 0
    chunks: list = field(default_factory=list)
    back: int = None  # of a view, as are its place in the base and its strides
    begin: int = None
    strides: list = None
    base: object = None
    axis: int = None  # of pivots, as is their bitmap
    bitmap: bytes = None
    support: bases.Support = None

    def __str__(self):
        where = f'"{self.name}"' if self.kind == TENSOR else f"of bytes at {self.offset}"
        return f"tensor {self.number} {where}"

    def stored_bytes(self):
        """The bytes of its payloads."""
        return sum(chunk.record.payload_length for chunk in self.chunks)

    def repeats(self):
        """Repeated chunks: whether it has one."""
        return any(chunk.source is not chunk.record for chunk in self.chunks)


@dataclass
class Chunk:
    """A chunk of a tensor, in which record it may be; `size` is that of its decoded bytes.

    `source` is the record with its payload, and `codec` what that is coded by.
    """
    codec: int
    tensor: int
    number: int
    decoded: Check
    extensions: Extensions
    record: object
    count: int = 0
    size: int = 0
    source: object = None


@dataclass
class Metadata:
    """A value's key; `inside` says whether it stands in its file's section."""
    file: int
    key: str
    check: Check
    extensions: Extensions
    record: object
    inside: bool = False


@dataclass
class Group:
    """A group; the tensors that belong to it begin with number `first`, `user` is its polar tensor."""
    number: int
    method: int
    check: Check
    extensions: Extensions
    record: object
    first: int = 0
    user: int = None


@dataclass(frozen=True)
class PrivateName:
    """The name of a private number."""
    registry: int
    number: int
    name: bytes


def extensions_of(fields, record):
    """Extensions: the list that ends the meta of an extended record, and the end of every other."""
    if not record.flags & EXTENDED:
        fields.end()
        return Extensions()
    numbers, unknown, known = [], None, {}
    count = fields.var()
    require(1 <= count <= 255, "malformed", f"{record}: {count} extensions")
    for _ in range(count):
        number, required = divmod(fields.var(), 2)
        content = Fields(fields.take(fields.var()), f"{record}: extension {number}")
        require(not numbers or number > numbers[-1], "malformed", f"{record}: extension {number}")
        numbers.append(number)
        if number in KNOWN:
            name, of, parse = KNOWN[number]
            require(record.type == of and not required, "malformed", f"{record}: extension {name}")
            known[name] = parse(content)
            content.end()
        elif required and unknown is None:
            unknown = number
    fields.end()
    return Extensions(tuple(numbers), unknown, **known)


def mode_of(fields):
    """Permissions and time: the permissions."""
    mode = fields.var32()
    require(mode <= 0o777, "malformed", f"{fields.what}: permissions {mode:o}")
    return mode


def time_of(fields):
    """Permissions and time: the time, as a pair of seconds and nanoseconds."""
    half, negative = divmod(fields.var(), 2)
    nanoseconds = fields.var32()
    require(nanoseconds < 1_000_000_000, "malformed", f"{fields.what}: {nanoseconds} nanoseconds")
    return -half - 1 if negative else half, nanoseconds


def stated_layer_of(fields):
    """Extensions: the layer."""
    layer = fields.var32()
    require(layer < 0xFFFFFFFF, "malformed", f"{fields.what}: layer {layer}")
    return layer


# The known extensions: the name, the type of the records that may have it, and what reads its fields.
KNOWN = {MODE: ("mode", FILE_RECORD, mode_of), TIME: ("time", FILE_RECORD, time_of),
         LAYER: ("layer", TENSOR_RECORD, stated_layer_of),
         STORAGE: ("storage", TENSOR_RECORD, lambda fields: True),
         LEANING: ("leaning", TENSOR_RECORD, lambda fields: fields.take(fields.left()))}


def layer_of(name):
    """Layers: the layer that the name of a tensor says."""
    for match in LAYERS.finditer(name):
        if int(match[1]) < 0xFFFFFFFF:
            return int(match[1])
    return None


def check_of(fields, header):
    """Conventions: takes a check."""
    return Check(fields.u64(), digest_of(fields, header))


def check_size(header):
    """Conventions: the bytes of a check."""
    return 8 + (32 if header.digest_kind == SHA256 else 0)


def digest_of(fields, header):
    """Takes the digest that ends a meta or precedes pivots, if the archive's kind is SHA-256."""
    return fields.take(32) if header.digest_kind == SHA256 else b""


def check_path(path, data, where):
    """File: the safety of a path, of which `data` are the bytes."""
    parts = data.split(b"/")
    safe = all(part not in (b"", b".", b"..") and len(part) <= 255 for part in parts)
    safe = safe and not any(byte < 0x20 or byte in b"\x7f\\" for byte in data)
    require(safe, "unsafe-path", f"{where}: the path {path!r} is not safe")


def name_of(data, where, limits):
    """The length of a path or name, then its UTF-8."""
    require(len(data) <= limits.name, "limit", f"{where}: a name of {len(data)} bytes")
    return text(data, where)


def parse_file(record, limits):
    """File (type 1)."""
    fields = Fields(record.meta, str(record))
    number, kind, data = fields.var32(), fields.u8(), fields.string()
    extensions = extensions_of(fields, record)
    require(kind in (REGULAR, DIRECTORY), "unsupported", f"{record}: kind {kind}")
    path = name_of(data, str(record), limits)
    check_path(path, data, str(record))
    return File(number, kind, path, extensions=[extensions])


def parse_file_end(record):
    """File end (type 2). Returns number, tensor count, size, whether it is ordered, digest, extensions."""
    fields = Fields(record.meta, str(record))
    number, count, size, flags = fields.var32(), fields.var32(), fields.var(), fields.u8()
    require(flags & ~(HAS_DIGEST | ORDERED) == 0, "unsupported", f"{record}: flags {flags:#x}")
    digest = fields.take(32) if flags & HAS_DIGEST else b""
    extensions = extensions_of(fields, record)
    ordered = bool(flags & ORDERED)
    require(ordered or not digest, "malformed", f"{record}: a digest of a file that is not ordered")
    return number, count, size, ordered, digest, extensions


def parse_tensor(record, header, limits):
    """Tensor (type 3): the rules that it meets alone. Returns it and its first chunk, if it has one."""
    where = str(record)
    fields = Fields(record.meta, where)
    first = fields.u8()
    more = fields.u8() if first & 16 else 0
    require(more < 64, "unsupported", f"{where}: reserved bits {more:#x}")
    kind = BYTES if first & 8 else TENSOR
    codec = fields.u8() if first & 7 == FOLLOWS else first & 7
    dtype = dtypes.U8 if kind == BYTES else fields.u8()
    known = dtypes.BY_NUMBER.get(dtype)
    block_type = None
    bits = known.bits if known else 0
    if more & ELEMENT_BITS and dtype == dtypes.BLOCK:
        bits, block_type = 8 * fields.var32(), fields.var32()
    elif more & ELEMENT_BITS:
        bits = fields.u8()
    tensor = Tensor(record.offset, more, kind, dtype, bits, block_type)
    operand = more & OPERAND
    if more & PLACED:
        tensor.number = fields.var32()
        if not operand:
            tensor.file, tensor.offset = fields.var32(), fields.var()
    if more & CHUNKED:
        tensor.chunk_elements = fields.var()
    form_fields = forms.take(tensor, fields) if more & FORMED else b""
    rank = fields.var() if first >> 5 == FOLLOWS else first >> 5
    require(rank <= limits.rank, "limit", f"{where}: rank {rank}")
    tensor.shape = [fields.var() for _ in range(rank)]
    data = b"" if kind == BYTES else fields.string()
    has_payload = record.flags & PAYLOAD
    decoded = check_of(fields, header) if has_payload else None
    tensor.extensions = extensions_of(fields, record)
    needed = (more or not first & 16) and (first & 7 != FOLLOWS or codec >= FOLLOWS)
    needed = needed and (first >> 5 != FOLLOWS or rank >= FOLLOWS) and (has_payload or codec == 0)
    needed = needed and (kind == TENSOR or (rank == 1 and not operand))
    needed = needed and (not more & MOVED or (more & PLACED and not operand))
    needed = needed and (tensor.form != forms.VIEW or operand)
    require(needed, "malformed", f"{where}: fields that are not needed, or contradict others")
    if more & FORMED:
        forms.parse(tensor, form_fields, where)
    tensor.name = name_of(data, where, limits)
    require(not tensor.extensions.storage or (kind == TENSOR and not operand), "malformed",
            f"{where}: extension storage of bytes, or of an operand")
    tensor.layer = layer_of(tensor.name) if tensor.extensions.layer is None else tensor.extensions.layer
    require(bits >= 1 and bool(more & ELEMENT_BITS) == (known is None), "malformed",
            f"{where}: {bits} bits an element of dtype {dtypes.name_of(dtype)}")
    require(dtype != dtypes.BLOCK or (bits <= 8 * fixed.BLOCK_BYTES and tensor.shape), "malformed",
            f"{where}: blocks of {bits // 8} bytes in a tensor of {len(tensor.shape)} axes")
    if tensor.extensions.leaning is not None:
        tensor.support = bases.support_of(tensor, header, where, limits)
        require(kind == TENSOR and tensor.form == 0 and not operand and has_payload, "malformed",
                f"{where}: it leans, and is bytes, an operand, empty or not dense")
    tensor.elements = 1
    for extent in tensor.shape:
        tensor.elements *= extent
        require(tensor.elements < BITS_64, "malformed", f"{where}: too many elements")
    if not more & FORMED:
        tensor.stored = tensor.elements
    if more & CHUNKED:
        require(1 <= tensor.chunk_elements < tensor.stored, "malformed",
                f"{where}: chunks of {tensor.chunk_elements} elements of {tensor.stored}")
    else:
        tensor.chunk_elements = max(tensor.stored, 1)
    require(bool(has_payload) == (tensor.stored > 0), "malformed",
            f"{where}: {tensor.stored} stored elements, and {'a' if has_payload else 'no'} payload")
    chunk = Chunk(codec, None, 0, decoded, Extensions(), record) if has_payload else None
    return tensor, chunk


def parse_chunk(record, header):
    """Chunk (type 4)."""
    fields = Fields(record.meta, str(record))
    codec, tensor, number, decoded = fields.u8(), fields.var32(), fields.var32(), check_of(fields, header)
    extensions = extensions_of(fields, record)
    require(number >= 1, "malformed", f"{record}: chunk 0 is in the record of its tensor")
    return Chunk(codec, tensor, number, decoded, extensions, record)


def parse_metadata(record, header):
    """Metadata (type 5)."""
    fields = Fields(record.meta, str(record))
    check, file, key = check_of(fields, header), fields.opt32(), fields.string()
    extensions = extensions_of(fields, record)
    require(1 <= len(key) <= 255, "malformed", f"{record}: a key of {len(key)} bytes")
    return Metadata(file, text(key, str(record)), check, extensions, record)


def parse_group(record, header):
    """Group (type 6)."""
    fields = Fields(record.meta, str(record))
    check, number, method = check_of(fields, header), fields.var32(), fields.u8()
    return Group(number, method, check, extensions_of(fields, record), record)


def parse_private_name(record):
    """Private name (type 10). Returns the name and the extensions."""
    fields = Fields(record.meta, str(record))
    name = PrivateName(fields.u8(), fields.var(), fields.string())
    return name, extensions_of(fields, record)


def parse_base(record):
    """Base (type 12)."""
    fields = Fields(record.meta, str(record))
    number, kind = fields.var32(), fields.u8()
    require(kind <= SHA256, "unsupported", f"{record}: root kind {kind}")
    root = fields.take((0, 16, 32)[kind])
    hint = fields.string()
    extensions = extensions_of(fields, record)
    require(len(hint) <= fixed.HINT, "limit", f"{record}: a hint of {len(hint)} bytes")
    return bases.Base(number, kind, root, text(hint, str(record)), extensions)
