"""The container: container.md."""
from dataclasses import dataclass

import xxhash

from . import codecs, limits as fixed
from .errors import ArchiveError, require
from .fields import Fields

MAGIC = bytes.fromhex("89 42 42 5A 0D 0A 1A 0A")
SYNC = bytes.fromhex("C7 62 7A 1E")
HEADER_SIZE, TRAILER_SIZE, TRAILER_META_SIZE = 32, 80, 64
FILE, FILE_END, TENSOR, CHUNK, METADATA, GROUP, INDEX, TRAILER = range(1, 9)
SKIPPABLE, PAYLOAD = 1, 2
FLAGS = {FILE: 0, FILE_END: 0, TENSOR: 0, CHUNK: PAYLOAD, METADATA: SKIPPABLE | PAYLOAD,
         GROUP: PAYLOAD, INDEX: PAYLOAD, TRAILER: 0}
PAYLOAD_LIMIT = {CHUNK: "chunk", METADATA: "metadata", GROUP: "group", INDEX: "index"}
NAMES = {FILE: "file", FILE_END: "file end", TENSOR: "tensor", CHUNK: "chunk",
         METADATA: "metadata", GROUP: "group", INDEX: "index", TRAILER: "trailer"}
XXH3, SHA256 = 1, 2  # digest kinds
AT_END, AT_FRONT = 0, 1  # places of an index


@dataclass(frozen=True)
class Header:
    """The fields of the file header that matter to a reader."""
    minor: int
    front_index: bool
    digest_kind: int


def parse_header(archive):
    """File header: the checks, in order."""
    start = bytes(archive[:HEADER_SIZE])
    magic = start[:len(MAGIC)]
    require(magic and MAGIC.startswith(magic), "not-an-archive", "it does not begin with the magic")
    require(len(start) == HEADER_SIZE, "truncated", f"file header: {len(start)} of 32 bytes")
    fields = Fields(start[len(MAGIC):], "file header")
    major, minor = fields.u16(), fields.u16()
    required, _optional = fields.u32(), fields.u32()
    digest_kind, reserved = fields.u8(), fields.take(3)
    require(fields.u64() == xxhash.xxh3_64_intdigest(start[:24]), "checksum", "file header")
    require(major == 1, "unsupported", f"file header: version {major}.{minor}")
    require(required & ~1 == 0, "unsupported", f"file header: required features {required:#x}")
    require(digest_kind in (XXH3, SHA256), "unsupported", f"file header: digest kind {digest_kind}")
    require(not any(reserved), "unsupported", "file header: reserved bytes are set")
    return Header(minor, bool(required & 1), digest_kind)


@dataclass(frozen=True)
class Record:
    """The head of a record and its meta. `entry` is what an index lists of it."""
    offset: int
    type: int
    flags: int
    meta: bytes
    payload_length: int
    payload_checksum: int
    entry: bytes

    @property
    def payload_offset(self):
        return self.offset + len(SYNC) + 8 + len(self.entry)

    @property
    def end(self):
        return self.payload_offset + self.payload_length

    def __str__(self):
        return f"{NAMES.get(self.type, 'unknown')} record at offset {self.offset}"


def parse_entry(fields, offset, limits):
    """Records: head checks 5 to 8, which entries of an index pass too."""
    begin = fields.at
    kind, flags, meta_length = fields.u8(), fields.u8(), fields.u16()
    length = checksum = 0
    if flags & PAYLOAD:
        length, checksum = fields.u64(), fields.u64()
    meta = fields.take(meta_length)
    record = Record(offset, kind, flags, meta, length, checksum, fields.data[begin:fields.at])
    require(record.end < fixed.BITS_64, "malformed", f"{record}: it ends beyond 64 bits")
    require(flags & ~(SKIPPABLE | PAYLOAD) == 0, "unsupported", f"{record}: reserved flags")
    if kind not in FLAGS:
        require(flags & SKIPPABLE, "unsupported", f"{record}: type {kind}")
        return record
    require(flags == FLAGS[kind], "malformed", f"{record}: flags {flags}, expected {FLAGS[kind]}")
    if kind in PAYLOAD_LIMIT:
        limit = getattr(limits, PAYLOAD_LIMIT[kind])
        require(length <= limit, "limit", f"{record}: payload of {length} bytes, limit {limit}")
    return record


def read_head(archive, offset, limits):
    """Records: the checks of a head."""
    start = bytes(archive[offset:offset + 16])
    require(len(start) == 16, "truncated", f"record at offset {offset}: its head is cut")
    require(start[:4] == SYNC, "malformed",
            f"record at offset {offset}: found {start[:4].hex()}, expected {SYNC.hex()}")
    size = (32 if start[13] & PAYLOAD else 16) + int.from_bytes(start[14:16], "little")
    head = bytes(archive[offset:offset + size])
    require(len(head) == size, "truncated", f"record at offset {offset}: its meta is cut")
    entry = head[12:]
    computed = xxhash.xxh3_64_intdigest(offset.to_bytes(8, "little") + entry)
    require(int.from_bytes(head[4:12], "little") == computed, "checksum",
            f"record head at offset {offset}")
    return parse_entry(Fields(entry, f"record at offset {offset}"), offset, limits)


def payload_of(archive, record):
    """Returns a payload that is within the archive, without a check of its checksum."""
    return archive[record.payload_offset:record.end]


def check_payload(archive, record):
    """Records: the payload is there, and has its checksum."""
    require(record.end <= len(archive), "truncated",
            f"{record}: it ends at {record.end}, the archive at {len(archive)}")
    if record.flags & PAYLOAD:
        computed = xxhash.xxh3_64_intdigest(payload_of(archive, record))
        require(computed == record.payload_checksum, "checksum", f"{record}: payload")


@dataclass(frozen=True)
class IndexMeta:
    """The meta of an index, but for its place and coding."""
    count: int
    list_length: int
    list_checksum: int
    tail_length: int


def parse_index(record, place, limits):
    """Index: the checks of the meta, in order. Returns it and whether the list is stored."""
    fields = Fields(record.meta, str(record))
    meta = IndexMeta(fields.u64(), fields.u64(), fields.u64(), fields.u64())
    found, coding, reserved = fields.u8(), fields.u8(), fields.take(6)
    fields.end()
    require(found in (AT_END, AT_FRONT) and coding <= 1 and not any(reserved), "unsupported",
            f"{record}: place {found}, coding {coding}, reserved {reserved.hex()}")
    require(meta.list_length <= limits.index, "limit", f"{record}: list of {meta.list_length} bytes")
    require(meta.list_length <= fixed.index_list(record.payload_length), "limit",
            f"{record}: list of {meta.list_length} bytes from {record.payload_length}")
    stored = coding == 0
    if stored:
        fits = record.payload_length == meta.list_length
    else:
        fits = record.payload_length < meta.list_length and found == AT_END
    require(fits, "malformed",
            f"{record}: payload of {record.payload_length} bytes for a list of {meta.list_length}")
    require(found == AT_FRONT or meta.list_length <= record.offset, "malformed",
            f"{record}: the list is longer than the records before it")
    require(found == place, "malformed", f"{record}: place {found}, expected {place}")
    tail = record.end - record.offset + TRAILER_SIZE
    require(place == AT_FRONT or meta.tail_length == tail, "malformed",
            f"{record}: tail of {meta.tail_length} bytes, expected {tail}")
    return meta, stored


def read_list(archive, record, meta, stored):
    """Index: the payload as a list of entries."""
    check_payload(archive, record)
    entries = bytes(payload_of(archive, record))
    if not stored:
        entries = codecs.decode_zstd(entries, meta.list_length)
    require(xxhash.xxh3_64_intdigest(entries) == meta.list_checksum, "checksum", f"{record}: list")
    return entries


@dataclass(frozen=True)
class Trailer:
    """The meta of the trailer, but for the archive's length."""
    index_offset: int
    count: int
    root: bytes


def parse_trailer(record, header):
    """Trailer: the checks of the meta, in order."""
    fields = Fields(record.meta, str(record))
    index_offset, index_length = fields.u64(), fields.u64()
    count, length, root = fields.u64(), fields.u64(), fields.take(32)
    fields.end()
    size = 16 if header.digest_kind == XXH3 else 32
    require(not any(root[size:]), "unsupported", f"{record}: bytes after the root digest are set")
    require(length == record.end, "malformed", f"{record}: length {length}, expected {record.end}")
    require(index_offset >= HEADER_SIZE and index_offset + index_length == record.offset,
            "malformed", f"{record}: the index does not end where it begins")
    return Trailer(index_offset, count, root[:size])


def find_trailer(archive, header, limits):
    """Trailer: what a reader that seeks finds in the last 80 bytes."""
    require(len(archive) >= HEADER_SIZE + TRAILER_SIZE, "truncated", "no space for a trailer")
    offset = len(archive) - TRAILER_SIZE
    try:
        record = read_head(archive, offset, limits)
        require(record.type == TRAILER, "truncated", f"no trailer at offset {offset}")
    except ArchiveError as error:
        if error.code == "checksum":
            raise
        raise ArchiveError("truncated", f"no trailer at offset {offset}") from error
    return parse_trailer(record, header)


def read_front_index(archive, limits):
    """Index: the head and the meta of the index at the front."""
    record = read_head(archive, HEADER_SIZE, limits)
    require(record.type == INDEX, "malformed", f"{record}: expected the index at the front")
    return record, *parse_index(record, AT_FRONT, limits)


def read_by_index(archive, header, limits, visit):
    """Opening by the index: calls visit(record) for each record. Returns the root digest stored."""
    offset, front = HEADER_SIZE, None
    if header.front_index:
        record, front, _ = read_front_index(archive, limits)
        offset = record.end
    trailer = find_trailer(archive, header, limits)
    index = read_head(archive, trailer.index_offset, limits)
    require(index.type == INDEX, "malformed", f"{index}: expected the index")
    require(index.end == len(archive) - TRAILER_SIZE, "malformed",
            f"{index}: it does not end where the trailer begins")
    meta, stored = parse_index(index, AT_END, limits)
    require(meta.count == trailer.count, "malformed", f"{index}: other record count than the trailer")
    entries = Fields(read_list(archive, index, meta, stored), f"{index}: list")
    require(front in (None, meta), "malformed", "the two indexes differ")
    count = 0
    while entries.left():
        record = parse_entry(entries, offset, limits)
        require(record.type not in (INDEX, TRAILER), "malformed", f"{index}: it lists the {record}")
        require(record.end <= index.offset, "malformed", f"{record}: it ends within the index")
        visit(record)
        offset = record.end
        count += 1
    require(count == meta.count, "malformed", f"{index}: it lists {count} records")
    require(offset == index.offset, "malformed", f"{index}: the records end at {offset}")
    return trailer.root


def read_in_order(archive, header, limits, visit):
    """Reading front to back: calls visit(record) for each record, which also checks its payload.

    Returns the root digest stored.
    """
    offset, front, front_list = HEADER_SIZE, None, None
    if header.front_index:
        record, front, stored = read_front_index(archive, limits)
        front_list = read_list(archive, record, front, stored)
        offset = record.end
    seen, count = bytearray(), 0
    while True:
        record = read_head(archive, offset, limits)
        if record.type == INDEX:
            break
        require(record.type != TRAILER, "malformed", f"{record}: no index before it")
        seen += record.entry
        require(len(seen) <= limits.index, "limit", f"{record}: the entries exceed the index limit")
        visit(record)
        offset = record.end
        count += 1
    meta, stored = parse_index(record, AT_END, limits)
    require(meta.count == count and meta.list_length == len(seen), "malformed",
            f"{record}: it does not list the {count} records before it")
    require(front in (None, meta), "malformed", "the two indexes differ")
    same = read_list(archive, record, meta, stored) == seen and front_list in (None, seen)
    require(same, "malformed", f"{record}: it does not list the records before it")
    last = read_head(archive, record.end, limits)
    require(last.type == TRAILER, "malformed", f"{last}: expected the trailer")
    trailer = parse_trailer(last, header)
    require(trailer.index_offset == record.offset and trailer.count == count, "malformed",
            f"{last}: another index or record count")
    require(last.end == len(archive), "malformed", f"bytes follow the trailer, from {last.end} on")
    return trailer.root
