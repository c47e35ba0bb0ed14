"""Archives with wrong fields under right checksums: vectors with a few bytes changed, put together again."""
import hashlib

import xxhash

from bbzdec import container
from bbzdec.errors import ArchiveError
from bbzdec.limits import Limits

COUNTS = (1, 1, 1, 2)  # of bytes that are changed
VALUES = (0, 1, 2, 3, 4, 8, 16, 17, 18, 20, 0x7F, 0x80, 0xFF)  # that fields are likely to care about


def le(value, size=8):
    return value.to_bytes(size, "little")


def checksum(data):
    return le(xxhash.xxh3_64_intdigest(data))


def var(value):
    """A number in LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value % 0x80 + 0x80)
        value >>= 7
    return bytes((*out, value))


def take_apart(data):
    """Returns the file header, its fields and the records; None if that fails.

    Of each record, there are its type, its flags, its meta and its payload. Pads are left out.
    """
    records = []

    def take(record):
        payload = bytes(container.payload_of(data, record))
        records.append((record.type, record.flags & ~container.PADDED, record.meta, payload))

    try:
        header = container.parse_header(data)
        container.read_by_index(data, header, Limits(), take)
    except ArchiveError:
        return None
    return bytes(data[:container.HEADER_SIZE]), header, records


def with_check(kind, flags, meta, payload, header):
    """The meta with the check of this payload, if it begins with one and has room for it."""
    size = 8 if header.digest_kind == container.XXH3 else 40
    chunk = kind in (container.TENSOR, container.CHUNK)
    if not flags & container.PAYLOAD or chunk or len(meta) < size:
        return meta
    check = checksum(payload) + hashlib.sha256(payload).digest()
    return check[:size] + meta[size:]


def without_codec(kind, meta):
    """The meta as it is under the root digest."""
    if kind == container.CHUNK:
        return meta[1:]
    if kind != container.TENSOR or not meta:
        return meta
    place = 2 if meta[0] & 16 else 1
    field = place + (1 if meta[0] & 7 == 7 else 0)
    return bytes((meta[0] & 0xF8,)) + meta[1:place] + meta[field:]


def sealed(kind, flags, meta, payload, header):
    """The bytes of a record, and its entry."""
    entry = bytes((min(kind, container.TYPE_FOLLOWS) | flags,))
    entry += var(kind) if kind >= container.TYPE_FOLLOWS else b""
    entry += var(len(meta)) + (var(len(payload)) if flags & container.PAYLOAD else b"") + meta
    check = le(container.check32(payload), 4) if flags & container.PAYLOAD else b""
    seal = container.SYNC + le(container.check32(entry + check, header.id), 4)
    return seal + entry + check + (payload if flags & container.PAYLOAD else b""), entry


def put_together(start, header, records, numbers=None):
    """An archive of these records, without pads, whose checks are all right.

    It has no index at the front, or one that `numbers` may change, if they are given.
    """
    features = 1 if numbers else 0
    start = start[:10] + le(features, 2) + start[12:15] + bytes(1) + start[16:24]
    root = xxhash.xxh3_128() if header.digest_kind == container.XXH3 else hashlib.sha256()
    body, entries = bytearray(), b""
    for kind, flags, meta, payload in records:
        meta = with_check(kind, flags, meta, payload, header)
        record, entry = sealed(kind, flags, meta, payload, header)
        body += record
        entries += entry
        hashed = without_codec(kind, meta)
        flags &= container.SKIPPABLE | container.EXTENDED
        root.update(var(kind) + bytes((flags,)) + var(len(hashed)) + hashed)

    def index(entries, place, change=bytes):
        meta = le(len(records)) + le(len(entries)) + checksum(entries) + le(tail)
        meta = change(meta + le(place, 1) + bytes(7) + le(header.id))
        return sealed(container.INDEX, container.PAYLOAD, meta, entries, header)[0]

    size = container.SEAL_SIZE + 2 + len(var(len(entries))) + 48 + container.CHECK_SIZE + len(entries)
    tail = size + container.TRAILER_SIZE
    out = bytearray(start + checksum(start))
    if numbers:
        out += mutate_front(entries, index, numbers)
    out += body + index(entries, container.AT_END)
    end = len(out) + container.TRAILER_SIZE
    meta = le(size) + le(len(records)) + le(end) + le(header.id) + root.digest().ljust(32, b"\0")
    out += sealed(container.TRAILER, 0, meta, b"", header)[0]
    return bytes(out)


def mutate_front(entries, index, numbers):
    """The index at the front: as it is, or with a changed list, a changed meta, or both."""
    choice = numbers.random()
    if choice > 0.5 and entries:
        entries = change(entries, 0, len(entries), numbers)
    if 0.25 < choice < 0.75:
        return index(entries, container.AT_FRONT, lambda meta: change(meta, 0, len(meta), numbers))
    return index(entries, container.AT_FRONT)


def mutate(records, numbers):
    """Changes a meta, flags or a payload, or leaves out, doubles or exchanges records."""
    records = list(records)
    if not records:
        return records
    place, other, choice = numbers.randrange(len(records)), numbers.randrange(len(records)), numbers.random()
    kind, flags, meta, payload = records[place]
    if choice < 0.45 and meta:
        # The fields of a tensor are before its name and its check.
        end = min(len(meta), numbers.choice((3, 12, 1 << 16)))
        records[place] = kind, flags, change(meta, 0, end, numbers), payload
    elif choice < 0.55 and meta:
        records[place] = kind, flags, shift(meta, numbers), payload
    elif choice < 0.6:
        changed = flags ^ numbers.choice((container.SKIPPABLE, container.EXTENDED, container.PAYLOAD))
        records[place] = numbers.choice((kind, numbers.randrange(130))), changed, meta, payload
    elif choice < 0.85 and payload:
        changed = change(payload, 0, min(len(payload), numbers.choice((40, 1 << 20))), numbers)
        records[place] = kind, flags, meta, changed
    elif choice < 0.9:
        records.pop(place)
    elif choice < 0.95:
        records.insert(other, records[place])
    else:
        records[place], records[other] = records[other], records[place]
    return records


def shift(data, numbers):
    """Inserts or deletes a byte near the beginning, and may flip a bit before it, which may say that it is there."""
    data = bytearray(data)
    place = numbers.randrange(min(len(data), 16))
    flipped = numbers.randrange(place + 1)
    if numbers.random() < 0.7:
        data[flipped] ^= 1 << numbers.randrange(8)
    if numbers.random() < 0.5:
        data.insert(place, numbers.choice(VALUES))
    else:
        del data[place]
    return bytes(data)


def change(data, begin, end, numbers):
    """Sets a byte or two to values that are likely to matter, or flips a bit of them."""
    data = bytearray(data)
    for _ in range(numbers.choice(COUNTS)):
        place = numbers.randrange(begin, end)
        flipped = data[place] ^ 1 << numbers.randrange(8)
        data[place] = numbers.choice((*VALUES, numbers.randrange(256), flipped))
    return bytes(data)
