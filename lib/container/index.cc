#include "bbz/container/index.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"

namespace bbz::container {
namespace {

// A record read whole from a seekable source, for the two that opening needs.
struct StoredRecord {
  std::vector<std::byte> head_and_meta;
  RecordView view;  // its meta points into head_and_meta
};

Result<StoredRecord> read_record_head(io::Source& source, std::uint64_t offset,
                                      const Limits& limits) {
  StoredRecord record;
  record.head_and_meta.resize(kHeadSize);
  BBZ_TRY(io::read_exactly(source, offset, record.head_and_meta));
  BBZ_ASSIGN(const std::uint16_t meta_length, peek_meta_length(record.head_and_meta, offset));
  record.head_and_meta.resize(kHeadSize + meta_length);
  BBZ_TRY(io::read_exactly(source, offset + kHeadSize,
                           MutableBytes(record.head_and_meta).subspan(kHeadSize)));
  BBZ_ASSIGN(record.view, decode_head(record.head_and_meta, offset, limits));
  return record;
}

Status require_type(const RecordHead& head, RecordType type) {
  if (head.type == type) return {};
  return make_error(Code::kMalformed, "record at offset {}: type {}, expected {}", head.offset,
                    type_name(head.type), type_name(type));
}

// Reads the rest of an index of which `record` is the head and the meta; it must end by `end`.
Result<Index> read_index(io::Source& source, const RecordView& record, std::uint64_t end) {
  const RecordHead& head = record.head;
  Index index;
  BBZ_ASSIGN(index.meta, decode_index_meta(record));
  if (head.end() > end) {
    return make_error(Code::kTruncated, "index at offset {}: it ends at {}, the archive at {}",
                      head.offset, head.end(), end);
  }
  index.payload.resize(head.payload_length);
  BBZ_TRY(io::read_exactly(source, head.payload_offset(), index.payload));
  BBZ_TRY(check_payload(head, index.payload));
  return index;
}

// The front index, as a reader takes it that asks for no more.
Result<Index> read_front_index(io::Source& source, const RecordView& front, std::uint64_t size) {
  BBZ_ASSIGN(Index index, read_index(source, front, size));
  // The index at the end has as many bytes, so that the archive's length says where it begins.
  const std::uint64_t tail = kHeadSize + kIndexMetaSize + index.payload.size() + kTrailerSize;
  index.begin = front.head.end();
  if (size - index.begin < tail) {
    return make_error(Code::kTruncated,
                      "archive of {} bytes: too short for the index and trailer at its end", size);
  }
  index.end = size - tail;
  return index;
}

// Reads and checks the trailer, which ends the archive.
Result<Trailer> read_trailer(io::Source& source, std::uint64_t size, DigestKind kind,
                             const Limits& limits) {
  if (size < kFileHeaderSize + kTrailerSize) {
    return make_error(Code::kTruncated, "archive of {} bytes: too short to hold a trailer", size);
  }
  const std::uint64_t offset = size - kTrailerSize;
  const auto record = read_record_head(source, offset, limits);
  if (record.code() == Code::kIo || record.code() == Code::kChecksum) return record.error();
  if (!record.ok() || record->view.head.type != RecordType::kTrailer) {
    return make_error(
        Code::kTruncated,
        "no trailer at offset {}: the archive is cut short or damaged, or bytes were added to it",
        offset);
  }
  return decode_trailer(record->view, kind);
}

// Reads and checks the index that `trailer`, which lies at `trailer_offset`, points to.
Result<Index> read_end_index(io::Source& source, const Trailer& trailer,
                             std::uint64_t trailer_offset, const Limits& limits) {
  const std::uint64_t offset = trailer.index_offset;
  BBZ_ASSIGN(const StoredRecord record, read_record_head(source, offset, limits));
  BBZ_TRY(require_type(record.view.head, RecordType::kIndex));
  if (record.view.head.end() != trailer_offset) {
    return make_error(Code::kMalformed,
                      "index at offset {}: it ends at {}, the trailer begins at {}", offset,
                      record.view.head.end(), trailer_offset);
  }
  BBZ_ASSIGN(Index index, read_index(source, record.view, trailer_offset));
  if (index.meta.at_front) {
    return make_error(Code::kMalformed, "index at offset {}: it says that it stands at the front",
                      offset);
  }
  if (index.meta.record_count != trailer.record_count) {
    return make_error(Code::kMalformed, "index at offset {}: {} records, the trailer says {}",
                      offset, index.meta.record_count, trailer.record_count);
  }
  index.end = offset;
  return index;
}

// Whether the index at the end is the same as the one at the front, as far as the latter's head
// tells: payloads of one length and one checksum.
Status check_same_index(const RecordView& front, const Index& index) {
  BBZ_ASSIGN(const IndexMeta meta, decode_index_meta(front));
  if (meta.record_count == index.meta.record_count &&
      front.head.payload_length == index.payload.size() &&
      front.head.payload_checksum == xxh3_64(index.payload)) {
    return {};
  }
  return make_error(Code::kMalformed, "index at offset {}: it differs from the index at offset {}",
                    front.head.offset, *index.end);
}

}  // namespace

void encode_index_meta(const IndexMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(meta.record_count);
  w.put(std::uint64_t{meta.at_front ? 1u : 0u});
}

Result<IndexMeta> decode_index_meta(const RecordView& record) {
  WireReader r(record.meta);
  IndexMeta meta;
  meta.record_count = r.get<std::uint64_t>();
  const auto place = r.get<std::uint64_t>();
  if (!r.finished()) {
    return make_error(Code::kMalformed, "index at offset {}: meta of {} bytes, expected {}",
                      record.head.offset, record.meta.size(), kIndexMetaSize);
  }
  if (place > 1) {
    return make_error(Code::kUnsupported, "index at offset {}: reserved bits are set",
                      record.head.offset);
  }
  meta.at_front = place == 1;
  return meta;
}

Result<IndexMeta> decode_front_index_meta(const RecordView& record) {
  BBZ_TRY(require_type(record.head, RecordType::kIndex));
  BBZ_ASSIGN(const IndexMeta meta, decode_index_meta(record));
  if (!meta.at_front) {
    return make_error(Code::kMalformed, "index at offset {}: it says that it stands at the end",
                      record.head.offset);
  }
  return meta;
}

void encode_trailer(const Trailer& trailer, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(trailer.index_offset);
  w.put(trailer.index_length);
  w.put(trailer.record_count);
  w.put(trailer.archive_length);
  w.put_bytes(Bytes(trailer.root.bytes));
}

Result<Trailer> decode_trailer(const RecordView& record, DigestKind kind) {
  WireReader r(record.meta);
  Trailer trailer;
  trailer.index_offset = r.get<std::uint64_t>();
  trailer.index_length = r.get<std::uint64_t>();
  trailer.record_count = r.get<std::uint64_t>();
  trailer.archive_length = r.get<std::uint64_t>();
  trailer.root.kind = kind;
  const Bytes root = r.get_bytes(trailer.root.bytes.size());
  const std::uint64_t offset = record.head.offset;
  if (!r.finished()) {
    return make_error(Code::kMalformed, "trailer at offset {}: meta of {} bytes, expected {}",
                      offset, record.meta.size(), kTrailerMetaSize);
  }
  std::ranges::copy(root, trailer.root.bytes.begin());
  const Bytes unused = Bytes(trailer.root.bytes).subspan(trailer.root.size());
  if (std::ranges::any_of(unused, [](std::byte b) { return b != std::byte{0}; })) {
    return make_error(Code::kUnsupported,
                      "trailer at offset {}: bytes after the root digest are set", offset);
  }
  if (trailer.archive_length != record.head.end()) {
    return make_error(Code::kMalformed, "trailer at offset {}: archive length {}, expected {}",
                      offset, trailer.archive_length, record.head.end());
  }
  if (checked_add(trailer.index_offset, trailer.index_length) != offset ||
      trailer.index_offset < kFileHeaderSize) {
    return make_error(Code::kMalformed,
                      "trailer at offset {}: the index at {} with {} bytes does not end there",
                      offset, trailer.index_offset, trailer.index_length);
  }
  return trailer;
}

Status for_each_record(const Index& index, const Limits& limits,
                       const std::function<Status(const RecordView&)>& visit) {
  Bytes rest = index.payload;
  std::uint64_t offset = index.begin;
  std::uint64_t count = 0;
  while (!rest.empty()) {
    const std::size_t at = index.payload.size() - rest.size();
    if (rest.size() < kHeadSize) {
      return make_error(Code::kMalformed,
                        "index: {} bytes left at byte {} of its payload, a head has {}",
                        rest.size(), at, kHeadSize);
    }
    BBZ_ASSIGN(const std::uint16_t meta_length, peek_meta_length(rest.first(kHeadSize), offset));
    const std::size_t length = kHeadSize + meta_length;
    if (rest.size() < length) {
      return make_error(Code::kMalformed,
                        "index: {} bytes left at byte {} of its payload, the entry has {}",
                        rest.size(), at, length);
    }
    BBZ_ASSIGN(const RecordView record, decode_head(rest.first(length), offset, limits));
    if (record.head.type == RecordType::kIndex || record.head.type == RecordType::kTrailer) {
      return make_error(Code::kMalformed, "index: it lists the {} at offset {}",
                        type_name(record.head.type), offset);
    }
    if (index.end && record.head.end() > *index.end) {
      // Where the index stands at the front, the end is that of the bytes that are there.
      return make_error(index.meta.at_front ? Code::kTruncated : Code::kMalformed,
                        "{} record at offset {}: it ends at {}, the records at {}",
                        type_name(record.head.type), offset, record.head.end(), *index.end);
    }
    BBZ_TRY(visit(record));
    offset = record.head.end();
    rest = rest.subspan(length);
    ++count;
  }
  if (count != index.meta.record_count) {
    return make_error(Code::kMalformed, "index: it lists {} records, its meta says {}", count,
                      index.meta.record_count);
  }
  if (index.end && offset != *index.end) {
    return make_error(Code::kMalformed, "index: the last record ends at offset {}, expected {}",
                      offset, *index.end);
  }
  return {};
}

Result<Opened> open_by_index(io::Source& source, const Limits& limits, bool use_front) {
  const std::optional<std::uint64_t> size = source.size();
  if (!source.seekable() || !size) {
    return make_error(Code::kInvalidArgument,
                      "{}: opening by the index needs a source that can seek", source.name());
  }
  Opened opened;
  std::vector<std::byte> start(std::min<std::uint64_t>(*size, kFileHeaderSize));
  BBZ_TRY(io::read_exactly(source, 0, start));
  BBZ_ASSIGN(opened.header, decode_file_header(start));

  StoredRecord front;
  const bool index_first = opened.header.index_first();
  if (index_first) {
    BBZ_ASSIGN(front, read_record_head(source, kFileHeaderSize, limits));
    BBZ_TRY(decode_front_index_meta(front.view));
    if (use_front) {
      BBZ_ASSIGN(opened.index, read_front_index(source, front.view, *size));
      return opened;
    }
  }
  BBZ_ASSIGN(opened.trailer, read_trailer(source, *size, opened.header.digest_kind, limits));
  BBZ_ASSIGN(opened.index, read_end_index(source, opened.trailer, *size - kTrailerSize, limits));
  if (index_first) BBZ_TRY(check_same_index(front.view, opened.index));
  opened.index.begin = index_first ? front.view.head.end() : kFileHeaderSize;
  return opened;
}

}  // namespace bbz::container
