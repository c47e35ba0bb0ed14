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


def take_apart(data):
    """Returns the file header, its fields and each record's entry and payload; None if that fails."""
    records = []

    def take(record):
        records.append((record.entry, bytes(container.payload_of(data, record))))

    try:
        header = container.parse_header(data)
        container.read_by_index(data, header, Limits(), take)
    except ArchiveError:
        return None
    return bytes(data[:container.HEADER_SIZE]), header, records


def put_together(start, header, records):
    """An archive of these records, without an index at the front, whose checksums are all right."""
    start = start[:12] + bytes(1) + start[13:24]
    out = bytearray(start + checksum(start))
    entries = b""
    root = xxhash.xxh3_128() if header.digest_kind == container.XXH3 else hashlib.sha256()

    def append(entry, payload):
        out.extend(container.SYNC + checksum(le(len(out)) + entry) + entry + payload)

    for entry, payload in records:
        has_payload = entry[1] & container.PAYLOAD and len(entry) >= 20
        if has_payload:
            entry = entry[:4] + le(len(payload)) + checksum(payload) + entry[20:]
        append(entry, payload if has_payload else b"")
        entries += entry
        if entry[0] not in (*range(container.FILE, container.GROUP + 1),):
            continue
        meta, stored = (entry[20:], entry[12:20]) if has_payload else (entry[4:], bytes(8))
        if entry[0] == container.CHUNK:
            meta, stored = bytes(2) + meta[2:], bytes(8)
        root.update(entry[:1] + le(len(meta), 2) + meta + stored)

    index = len(out)
    tail = 32 + 40 + len(entries) + container.TRAILER_SIZE
    meta = le(len(records)) + le(len(entries)) + checksum(entries) + le(tail) + bytes(8)
    append(bytes((container.INDEX, 2)) + le(len(meta), 2) + le(len(entries)) + checksum(entries) + meta,
           entries)
    end = len(out) + container.TRAILER_SIZE
    meta = le(index) + le(len(out) - index) + le(len(records)) + le(end) + root.digest().ljust(32, b"\0")
    append(bytes((container.TRAILER, 0)) + le(len(meta), 2) + meta, b"")
    return bytes(out)


def mutate(records, numbers):
    """Changes bytes of a meta or of a payload, or leaves out, doubles or exchanges records."""
    records = list(records)
    if not records:
        return records
    place, other, choice = numbers.randrange(len(records)), numbers.randrange(len(records)), numbers.random()
    entry, payload = records[place]
    if choice < 0.6:
        begin = 20 if entry[1] & container.PAYLOAD else 4
        records[place] = change(entry, min(begin, len(entry) - 1), len(entry), numbers), payload
    elif choice < 0.85 and payload:
        records[place] = entry, change(payload, 0, min(len(payload), numbers.choice((40, 1 << 20))), numbers)
    elif choice < 0.9:
        records.pop(place)
    elif choice < 0.95:
        records.insert(other, records[place])
    else:
        records[place], records[other] = records[other], records[place]
    return records


def change(data, begin, end, numbers):
    """Sets a byte or two to values that are likely to matter, or flips a bit of them."""
    data = bytearray(data)
    for _ in range(numbers.choice(COUNTS)):
        place = numbers.randrange(begin, end)
        flipped = data[place] ^ 1 << numbers.randrange(8)
        data[place] = numbers.choice((*VALUES, numbers.randrange(256), flipped))
    return bytes(data)
