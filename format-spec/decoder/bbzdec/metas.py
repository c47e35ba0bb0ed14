"""The metas of records: records.md. Each function parses all fields, then checks their values."""
from dataclasses import dataclass, field

from . import dtypes
from .container import SHA256
from .errors import require
from .fields import Fields, text

REGULAR, DIRECTORY = 0, 1  # kinds of file
BYTES, TENSOR = 0, 1  # kinds of tensor


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


@dataclass
class Tensor:
    """A tensor; what the catalog adds stands last. `at` is the offset of its record."""
    at: int
    number: int
    file: int
    offset: int
    kind: int
    dtype: int
    bits: int
    form: int
    layer: int
    group: int
    stored: int
    chunk_elements: int
    shape: list
    name: str
    elements: int = 0
    size: int = 0
    chunks: list = field(default_factory=list)

    def __str__(self):
        where = f'"{self.name}"' if self.kind == TENSOR else f"of bytes at {self.offset}"
        return f"tensor {self.number} {where}"

    def stored_bytes(self):
        """The bytes of its payloads."""
        return sum(chunk.record.payload_length for chunk in self.chunks)


@dataclass
class Chunk:
    """A chunk of a tensor; `size` is that of its decoded bytes."""
    codec: int
    checksum: int
    tensor: int
    number: int
    first: int
    count: int
    digest: bytes
    record: object
    size: int = 0


@dataclass
class Metadata:
    """A value's key; `inside` says whether it stands in its file's section."""
    file: int
    key: str
    digest: bytes
    record: object
    inside: bool = False


@dataclass
class Group:
    """A group; the tensors that belong to it begin with number `first`, `user` is its polar tensor."""
    number: int
    method: int
    digest: bytes
    record: object
    first: int = 0
    user: int = None


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
    fields.end()
    require(kind in (REGULAR, DIRECTORY), "unsupported", f"{record}: kind {kind}")
    path = name_of(data, str(record), limits)
    check_path(path, data, str(record))
    return File(number, kind, path)


def parse_file_end(record):
    """File end (type 2). Returns the number, the tensor count, the size and the digest."""
    fields = Fields(record.meta, str(record))
    number, count, size, length = fields.var32(), fields.var32(), fields.var(), fields.u8()
    require(length in (0, 32), "malformed", f"{record}: a digest of {length} bytes")
    digest = fields.take(length)
    fields.end()
    return number, count, size, digest


def parse_tensor(record, limits):
    """Tensor (type 3): the rules that it meets alone, without its sizes."""
    where = str(record)
    fields = Fields(record.meta, where)
    number, file, offset = fields.var32(), fields.opt32(), fields.var()
    kind, dtype, bits, form = fields.u8(), fields.u8(), fields.u8(), fields.u8()
    layer, group = fields.opt32(), fields.opt32()
    stored, chunk_elements, rank = fields.var(), fields.var(), fields.var()
    require(rank <= limits.rank, "limit", f"{where}: rank {rank}")
    shape = [fields.var() for _ in range(rank)]
    data = fields.string()
    fields.end()
    name = name_of(data, where, limits)
    require(kind in (BYTES, TENSOR), "unsupported", f"{where}: kind {kind}")
    known = dtypes.BY_NUMBER.get(dtype)
    require(bits >= 1 and (known is None or bits == known.bits), "malformed",
            f"{where}: {bits} bits an element of dtype {dtypes.name_of(dtype)}")
    require(chunk_elements >= 1, "malformed", f"{where}: chunks of no elements")
    require(kind == TENSOR or (dtype == dtypes.U8 and rank == 1 and not name), "malformed",
            f"{where}: kind bytes with another dtype, another rank or a name")
    return Tensor(record.offset, number, file, offset, kind, dtype, bits, form, layer, group, stored,
                  chunk_elements, shape, name)


def parse_chunk(record, header):
    """Chunk (type 4)."""
    fields = Fields(record.meta, str(record))
    codec, checksum = fields.u16(), fields.u64()
    tensor, number, first, count = fields.var32(), fields.var32(), fields.var(), fields.var32()
    digest = digest_of(fields, header)
    fields.end()
    return Chunk(codec, checksum, tensor, number, first, count, digest, record)


def parse_metadata(record, header):
    """Metadata (type 5)."""
    fields = Fields(record.meta, str(record))
    file, key = fields.opt32(), fields.string()
    digest = digest_of(fields, header)
    fields.end()
    require(1 <= len(key) <= 255, "malformed", f"{record}: a key of {len(key)} bytes")
    return Metadata(file, text(key, str(record)), digest, record)


def parse_group(record, header):
    """Group (type 6)."""
    fields = Fields(record.meta, str(record))
    number, method = fields.var32(), fields.u8()
    digest = digest_of(fields, header)
    fields.end()
    return Group(number, method, digest, record)
