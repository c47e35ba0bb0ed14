"""The container: container.md."""
from dataclasses import dataclass

import xxhash

from . import codecs, limits as fixed
from .errors import ArchiveError, require
from .fields import Fields

MAGIC = bytes.fromhex("89 42 42 5A 0D 0A 1A 0A")
SYNC = bytes.fromhex("C7 62 7A")
HEADER_SIZE, TRAILER_SIZE, TRAILER_META_SIZE = 32, 73, 64
SEAL_SIZE, CHECK_SIZE = 7, 4  # sync and head check; a check32
SHORTEST_RECORD, MOST_META, MOST_PAD = 9, 65535, (1 << 22) - 1
LONGEST_HEAD = SEAL_SIZE + 1 + 5 + 3 + 10 + 10 + MOST_META + CHECK_SIZE
FILE, FILE_END, TENSOR, CHUNK, METADATA, GROUP, INDEX, TRAILER, _, PRIVATE_NAME, BLOCK_TYPE, BASE = range(1, 13)
TYPE_FOLLOWS = 15  # in the place of a type
SKIPPABLE, PAYLOAD, PADDED, EXTENDED = 0x10, 0x20, 0x40, 0x80
FLAGS = {FILE: 0, FILE_END: 0, TENSOR: 0, CHUNK: PAYLOAD, METADATA: SKIPPABLE | PAYLOAD,
         GROUP: PAYLOAD, INDEX: PAYLOAD, TRAILER: 0, PRIVATE_NAME: SKIPPABLE, BLOCK_TYPE: 0,
         BASE: SKIPPABLE}
MAY_HAVE = {TENSOR: PAYLOAD | PADDED | EXTENDED, CHUNK: PADDED | EXTENDED, INDEX: 0, TRAILER: 0}  # other known types: EXTENDED
PAYLOAD_LIMIT = {TENSOR: "chunk", CHUNK: "chunk", METADATA: "metadata", GROUP: "group", INDEX: "index"}
NAMES = {FILE: "file", FILE_END: "file end", TENSOR: "tensor", CHUNK: "chunk",
         METADATA: "metadata", GROUP: "group", INDEX: "index", TRAILER: "trailer",
         PRIVATE_NAME: "private name", BLOCK_TYPE: "block type", BASE: "base"}
XXH3, SHA256 = 1, 2  # digest kinds
AT_END, AT_FRONT = 0, 1  # places of an index


@dataclass(frozen=True)
class Header:
    """The fields of the file header that matter to a reader."""
    minor: int
    front_index: bool
    digest_kind: int
    alignment: int  # in bytes; 0: none
    id: int


def parse_header(archive):
    """File header: the checks, in order."""
    start = bytes(archive[:HEADER_SIZE])
    magic = start[:len(MAGIC)]
    require(magic and MAGIC.startswith(magic), "not-an-archive", "it does not begin with the magic")
    require(len(start) == HEADER_SIZE, "truncated", f"file header: {len(start)} of 32 bytes")
    fields = Fields(start[len(MAGIC):], "file header")
    major, minor, required, _optional = fields.u8(), fields.u8(), fields.u16(), fields.u16()
    digest_kind, alignment, archive_id = fields.u8(), fields.u8(), fields.u64()
    require(fields.u64() == xxhash.xxh3_64_intdigest(start[:24]), "checksum", "file header")
    require(major == 1, "unsupported", f"file header: version {major}.{minor}")
    require(required & ~1 == 0, "unsupported", f"file header: required features {required:#x}")
    require(digest_kind in (XXH3, SHA256), "unsupported", f"file header: digest kind {digest_kind}")
    require(alignment == 0 or 4 <= alignment <= 21, "unsupported",
            f"file header: alignment {alignment}")
    return Header(minor, bool(required & 1), digest_kind, 1 << alignment if alignment else 0,
                  archive_id)


def check32(data, seed=0):
    """Conventions: a check32."""
    return xxhash.xxh3_64_intdigest(data, seed) & 0xFFFFFFFF


@dataclass(frozen=True)
class Record:
    """The head of a record and its meta. `entry` is what an index lists of it."""
    offset: int
    type: int
    flags: int
    meta: bytes
    payload_length: int
    pad_length: int
    entry: bytes

    @property
    def pad_offset(self):
        return self.offset + SEAL_SIZE + len(self.entry) + (CHECK_SIZE if self.flags & PAYLOAD else 0)

    @property
    def payload_offset(self):
        return self.pad_offset + self.pad_length

    @property
    def end(self):
        return self.payload_offset + self.payload_length

    def __str__(self):
        return f"{NAMES.get(self.type, 'unknown')} record at offset {self.offset}"


def parse_entry(fields, offset):
    """Records: head checks 3 and 4. `fields` says by its code what a field that is missing means."""
    begin = fields.at
    first = fields.u8()
    kind, flags = first & 15, first & 0xF0
    if kind == TYPE_FOLLOWS:
        kind = fields.var32()
        require(kind >= TYPE_FOLLOWS, "malformed", f"record at offset {offset}: type {kind} in a var")
    meta_length = fields.var()
    require(meta_length <= MOST_META, "malformed",
            f"record at offset {offset}: a meta of {meta_length} bytes")
    length = fields.var() if flags & PAYLOAD else 0
    pad_length = fields.var() if flags & PADDED else 0
    meta = fields.take(meta_length)
    return Record(offset, kind, flags, meta, length, pad_length, fields.data[begin:fields.at])


def check_fields(record, limits):
    """Records: head checks 6 to 8. Returns the record."""
    kind, flags, length = record.type, record.flags, record.payload_length
    require(record.pad_length <= MOST_PAD, "malformed", f"{record}: a pad of {record.pad_length} bytes")
    require(flags & PAYLOAD or not flags & PADDED, "malformed", f"{record}: padded without a payload")
    require(record.end < fixed.BITS_64, "malformed", f"{record}: it ends beyond 64 bits")
    if kind not in FLAGS:
        require(flags & SKIPPABLE, "unsupported", f"{record}: type {kind}")
        return record
    require(flags & ~MAY_HAVE.get(kind, EXTENDED) == FLAGS[kind], "malformed",
            f"{record}: flags {flags:#x}, expected {FLAGS[kind]:#x}")
    if kind in PAYLOAD_LIMIT:
        limit = getattr(limits, PAYLOAD_LIMIT[kind])
        require(length <= limit, "limit", f"{record}: payload of {length} bytes, limit {limit}")
    return record


def read_head(archive, offset, header, limits):
    """Records: the checks of a head."""
    start = bytes(archive[offset:offset + LONGEST_HEAD])
    where = f"record at offset {offset}"
    require(len(start) >= SHORTEST_RECORD, "truncated", f"{where}: its head is cut")
    require(start[:3] == SYNC, "malformed", f"{where}: found {start[:3].hex()}, expected {SYNC.hex()}")
    fields = Fields(start[SEAL_SIZE:], where, "truncated")
    record = parse_entry(fields, offset)
    fields.take(CHECK_SIZE if record.flags & PAYLOAD else 0)
    computed = check32(fields.data[:fields.at], header.id)
    require(int.from_bytes(start[3:SEAL_SIZE], "little") == computed, "checksum",
            f"record head at offset {offset}")
    return check_fields(record, limits)


def has_chunk(record):
    """Whether a record's payload is a chunk: that of a chunk record, or the first one, in its tensor's."""
    return record.type == CHUNK or (record.type == TENSOR and record.flags & PAYLOAD != 0)


def payload_of(archive, record):
    """Returns a payload that is within the archive, without a check of its checksum."""
    return archive[record.payload_offset:record.end]


def check_payload(archive, record):
    """Records: the payload is there, and has its payload check."""
    require(record.end <= len(archive), "truncated",
            f"{record}: it ends at {record.end}, the archive at {len(archive)}")
    if record.flags & PAYLOAD:
        stored = archive[record.pad_offset - CHECK_SIZE:record.pad_offset]
        require(check32(payload_of(archive, record)) == int.from_bytes(stored, "little"), "checksum",
                f"{record}: payload")


def check_pad(archive, record):
    """Padding: the pad is there, and zero."""
    require(record.payload_offset <= len(archive), "truncated", f"{record}: its pad is cut")
    require(not any(archive[record.pad_offset:record.payload_offset]), "malformed",
            f"{record}: its pad is not zero")


@dataclass(frozen=True)
class IndexMeta:
    """The meta of an index, but for its place and coding."""
    count: int
    list_length: int
    list_checksum: int
    tail_length: int


def parse_index(record, place, header, limits):
    """Index: the checks of the meta, in order. Returns it and whether the list is stored."""
    fields = Fields(record.meta, str(record))
    meta = IndexMeta(fields.u64(), fields.u64(), fields.u64(), fields.u64())
    found, coding, reserved, archive_id = fields.u8(), fields.u8(), fields.take(6), fields.u64()
    fields.end()
    require(found in (AT_END, AT_FRONT) and coding <= 1 and not any(reserved), "unsupported",
            f"{record}: place {found}, coding {coding}, reserved {reserved.hex()}")
    require(meta.list_length <= limits.index, "limit", f"{record}: list of {meta.list_length} bytes")
    require(meta.list_length <= fixed.index_list(record.payload_length), "limit",
            f"{record}: list of {meta.list_length} bytes from {record.payload_length}")
    require(archive_id == header.id, "malformed", f"{record}: id {archive_id:016x}")
    stored = coding == 0
    if stored:
        spare = record.payload_length - meta.list_length
        fits = spare == 0 or (spare > 0 and found == AT_FRONT)
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
    payload = bytes(payload_of(archive, record))
    entries = payload[:meta.list_length] if stored else codecs.decode_zstd(payload, meta.list_length)
    require(not stored or not any(payload[meta.list_length:]), "malformed",
            f"{record}: bytes follow the list")
    require(xxhash.xxh3_64_intdigest(entries) == meta.list_checksum, "checksum", f"{record}: list")
    return entries


@dataclass(frozen=True)
class Trailer:
    """The meta of the trailer, but for the archive's length and id."""
    index_length: int
    count: int
    root: bytes


def parse_trailer(record, header):
    """Trailer: the checks of the meta, in order."""
    fields = Fields(record.meta, str(record))
    index_length, count, length = fields.u64(), fields.u64(), fields.u64()
    archive_id, root = fields.u64(), fields.take(32)
    fields.end()
    size = 16 if header.digest_kind == XXH3 else 32
    require(not any(root[size:]), "unsupported", f"{record}: bytes after the root digest are set")
    require(archive_id == header.id, "malformed", f"{record}: id {archive_id:016x}")
    require(length == record.end, "malformed", f"{record}: length {length}, expected {record.end}")
    require(index_length <= record.offset - HEADER_SIZE, "malformed",
            f"{record}: the index begins within the file header")
    return Trailer(index_length, count, root[:size])


def find_trailer(archive, header, limits):
    """Trailer: what a reader that seeks finds in the last 73 bytes."""
    require(len(archive) >= HEADER_SIZE + TRAILER_SIZE, "truncated", "no space for a trailer")
    offset = len(archive) - TRAILER_SIZE
    try:
        record = read_head(archive, offset, header, limits)
        require(record.type == TRAILER, "truncated", f"no trailer at offset {offset}")
    except ArchiveError as error:
        if error.code == "checksum":
            raise
        raise ArchiveError("truncated", f"no trailer at offset {offset}") from error
    return parse_trailer(record, header)


def read_front_index(archive, header, limits):
    """Index: the head and the meta of the index at the front."""
    record = read_head(archive, HEADER_SIZE, header, limits)
    require(record.type == INDEX, "malformed", f"{record}: expected the index at the front")
    return record, *parse_index(record, AT_FRONT, header, limits)


def read_by_index(archive, header, limits, visit):
    """Opening by the index: calls visit(record) for each record. Returns the root digest stored."""
    offset, front = HEADER_SIZE, None
    if header.front_index:
        record, front, _ = read_front_index(archive, header, limits)
        offset = record.end
    trailer = find_trailer(archive, header, limits)
    index = read_head(archive, len(archive) - TRAILER_SIZE - trailer.index_length, header, limits)
    require(index.type == INDEX, "malformed", f"{index}: expected the index")
    require(index.end == len(archive) - TRAILER_SIZE, "malformed",
            f"{index}: it does not end where the trailer begins")
    meta, stored = parse_index(index, AT_END, header, limits)
    require(meta.count == trailer.count, "malformed", f"{index}: other record count than the trailer")
    entries = Fields(read_list(archive, index, meta, stored), f"{index}: list")
    require(front in (None, meta), "malformed", "the two indexes differ")
    count = 0
    while entries.left():
        record = check_fields(parse_entry(entries, offset), limits)
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
        record, front, stored = read_front_index(archive, header, limits)
        front_list = read_list(archive, record, front, stored)
        offset = record.end
    seen, count = bytearray(), 0
    while True:
        record = read_head(archive, offset, header, limits)
        if record.type == INDEX:
            break
        require(record.type != TRAILER, "malformed", f"{record}: no index before it")
        seen += record.entry
        require(len(seen) <= limits.index, "limit", f"{record}: the entries exceed the index limit")
        visit(record)
        offset = record.end
        count += 1
    meta, stored = parse_index(record, AT_END, header, limits)
    require(meta.count == count and meta.list_length == len(seen), "malformed",
            f"{record}: it does not list the {count} records before it")
    require(front in (None, meta), "malformed", "the two indexes differ")
    same = read_list(archive, record, meta, stored) == seen and front_list in (None, seen)
    require(same, "malformed", f"{record}: it does not list the records before it")
    last = read_head(archive, record.end, header, limits)
    require(last.type == TRAILER, "malformed", f"{last}: expected the trailer")
    trailer = parse_trailer(last, header)
    same = trailer.index_length == record.end - record.offset and trailer.count == count
    require(same, "malformed",
            f"{last}: another index or record count")
    require(last.end == len(archive), "malformed", f"bytes follow the trailer, from {last.end} on")
    return trailer.root
