#include "bbz/format/container/index.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"
#include "bbz/base/zstd_frame.h"

namespace bbz::container {
namespace {

constexpr int kListLevel = 9;  // of zstd
constexpr std::uint64_t kListWindow = std::uint64_t{64} << 20;

// Limits how far a list may expand: many entries without content compress well and take much
// memory. Lists of real archives stay far below, since the checksums of each chunk are 16 bytes of
// noise.
constexpr std::uint64_t kMostRatio = 8;
constexpr std::uint64_t kFreeList = std::uint64_t{1} << 20;

// Returns the longest list that a payload of this length may decode to, in bytes.
std::uint64_t most_list_bytes(std::uint64_t payload_bytes) {
  const auto product = checked_mul(payload_bytes, kMostRatio);
  return product ? checked_add(*product, kFreeList).value_or(*product) : payload_bytes;
}

// The head and the meta of a record, read from a seekable source.
struct StoredRecord {
  std::vector<std::byte> head_and_meta;
  RecordView view;  // its meta points into head_and_meta
};

Result<StoredRecord> read_record_head(io::Source& source, std::uint64_t offset,
                                      const Limits& limits) {
  StoredRecord record;
  record.head_and_meta.resize(kHeadSize);
  BBZ_TRY(io::read_exactly(source, offset, record.head_and_meta));
  BBZ_ASSIGN(const std::size_t head_and_meta, peek_size(record.head_and_meta, offset));
  record.head_and_meta.resize(head_and_meta);
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

// Reads the payload of the index with this head and meta, which must end at or before `end`.
Result<Index> read_index(io::Source& source, const RecordHead& head, const IndexMeta& meta,
                         std::uint64_t end) {
  if (head.end() > end) {
    return make_error(Code::kTruncated, "index at offset {}: it ends at {}, the archive at {}",
                      head.offset, head.end(), end);
  }
  std::vector<std::byte> payload(head.payload_length);
  BBZ_TRY(io::read_exactly(source, head.payload_offset(), payload));
  BBZ_TRY(check_payload(head, payload));
  Index index;
  index.meta = meta;
  BBZ_ASSIGN(index.list, decode_list(head, meta, std::move(payload)));
  return index;
}

// Reads the front index of an archive of `size` bytes for a reader that reads no other index.
Result<Index> read_front_index(io::Source& source, const RecordHead& head, const IndexMeta& meta,
                               std::uint64_t size) {
  BBZ_ASSIGN(Index index, read_index(source, head, meta, size));
  index.begin = head.end();
  if (size - index.begin < meta.tail_length) {
    return make_error(
        Code::kTruncated,
        "archive of {} bytes: too short for the index and trailer at its end, {} bytes", size,
        meta.tail_length);
  }
  index.end = size - meta.tail_length;
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

// Reads and checks the index that the trailer at `trailer_offset` points to.
Result<Index> read_end_index(io::Source& source, const Trailer& trailer,
                             std::uint64_t trailer_offset, const Limits& limits) {
  const std::uint64_t offset = trailer.index_offset;
  const io::ByteRange whole[] = {{offset, trailer.index_length}};
  const auto hint = source.prefetch(whole);
  BBZ_ASSIGN(const StoredRecord record, read_record_head(source, offset, limits));
  BBZ_TRY(require_type(record.view.head, RecordType::kIndex));
  if (record.view.head.end() != trailer_offset) {
    return make_error(Code::kMalformed,
                      "index at offset {}: it ends at {}, the trailer begins at {}", offset,
                      record.view.head.end(), trailer_offset);
  }
  BBZ_ASSIGN(const IndexMeta meta, decode_end_index_meta(record.view, limits));
  if (meta.record_count != trailer.record_count) {
    return make_error(Code::kMalformed, "index at offset {}: {} records, the trailer says {}",
                      offset, meta.record_count, trailer.record_count);
  }
  BBZ_ASSIGN(Index index, read_index(source, record.view.head, meta, trailer_offset));
  index.end = offset;
  return index;
}

}  // namespace

bool IndexMeta::same_list(const IndexMeta& other) const {
  return record_count == other.record_count && list_length == other.list_length &&
         list_checksum == other.list_checksum && tail_length == other.tail_length;
}

void encode_index_meta(const IndexMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(meta.record_count);
  w.put(meta.list_length);
  w.put(meta.list_checksum);
  w.put(meta.tail_length);
  w.put(std::uint8_t{meta.at_front});
  w.put(static_cast<std::uint8_t>(meta.coding));
  w.put(std::uint16_t{0});
  w.put(std::uint32_t{0});
}

Result<IndexMeta> decode_index_meta(const RecordView& record, const Limits& limits) {
  const RecordHead& head = record.head;
  WireReader r(record.meta);
  IndexMeta meta;
  meta.record_count = r.get<std::uint64_t>();
  meta.list_length = r.get<std::uint64_t>();
  meta.list_checksum = r.get<std::uint64_t>();
  meta.tail_length = r.get<std::uint64_t>();
  const auto place = r.get<std::uint8_t>();
  const auto coding = r.get<std::uint8_t>();
  const std::uint32_t reserved = r.get<std::uint16_t>() | r.get<std::uint32_t>();
  if (!r.finished()) {
    return make_error(Code::kMalformed, "index at offset {}: meta of {} bytes, expected {}",
                      head.offset, record.meta.size(), kIndexMetaSize);
  }
  if (place > 1 || coding > static_cast<std::uint8_t>(IndexCoding::kZstd) || reserved != 0) {
    return make_error(Code::kUnsupported,
                      "index at offset {}: place {}, coding {}, reserved bytes {}", head.offset,
                      place, coding, reserved);
  }
  meta.at_front = place == 1;
  meta.coding = static_cast<IndexCoding>(coding);
  if (meta.list_length > limits.index_bytes) {
    return make_error(Code::kLimit, "index at offset {}: a list of {} bytes, the limit is {}",
                      head.offset, meta.list_length, limits.index_bytes);
  }
  if (meta.list_length > most_list_bytes(head.payload_length)) {
    return make_error(
        Code::kLimit, "index at offset {}: a list of {} bytes of a payload of {}, the limit is {}",
        head.offset, meta.list_length, head.payload_length, most_list_bytes(head.payload_length));
  }
  const bool stored = meta.coding == IndexCoding::kStored;
  if (stored ? head.payload_length != meta.list_length
             : head.payload_length >= meta.list_length || meta.at_front) {
    return make_error(
        Code::kMalformed,
        "index at offset {}: a payload of {} bytes cannot hold a list of {} bytes, {}", head.offset,
        head.payload_length, meta.list_length, stored ? "stored" : "as zstd");
  }
  // Every entry is shorter than its record.
  if (!meta.at_front && meta.list_length > head.offset) {
    return make_error(Code::kMalformed,
                      "index at offset {}: a list of {} bytes is longer than all records before it",
                      head.offset, meta.list_length);
  }
  return meta;
}

Result<IndexMeta> decode_front_index_meta(const RecordView& record, const Limits& limits) {
  BBZ_TRY(require_type(record.head, RecordType::kIndex));
  BBZ_ASSIGN(const IndexMeta meta, decode_index_meta(record, limits));
  if (!meta.at_front) {
    return make_error(Code::kMalformed,
                      "index at offset {}: place 0 (at the end), expected 1 (at the front)",
                      record.head.offset);
  }
  return meta;
}

Result<IndexMeta> decode_end_index_meta(const RecordView& record, const Limits& limits) {
  BBZ_ASSIGN(const IndexMeta meta, decode_index_meta(record, limits));
  if (meta.at_front) {
    return make_error(Code::kMalformed,
                      "index at offset {}: place 1 (at the front), expected 0 (at the end)",
                      record.head.offset);
  }
  const std::uint64_t tail = record.head.end() - record.head.offset + kTrailerSize;
  if (meta.tail_length != tail) {
    return make_error(Code::kMalformed,
                      "index at offset {}: a tail of {} bytes, expected {} for it and the trailer",
                      record.head.offset, meta.tail_length, tail);
  }
  return meta;
}

IndexCoding encode_list(Bytes list, std::vector<std::byte>& payload) {
  if (encode_zstd_frame(list, kListLevel, list.size(), payload) &&
      list.size() <= most_list_bytes(payload.size())) {
    return IndexCoding::kZstd;
  }
  payload.assign(list.begin(), list.end());
  return IndexCoding::kStored;
}

Result<std::vector<std::byte>> decode_list(const RecordHead& head, const IndexMeta& meta,
                                           std::vector<std::byte> payload) {
  std::vector<std::byte> list;
  if (meta.coding == IndexCoding::kStored) {
    list = std::move(payload);
  } else {
    list.resize(meta.list_length);
    const Status decoded = decode_zstd_frame(payload, kListWindow, list);
    if (!decoded.ok()) {
      return make_error(decoded.code(), "index at offset {}: {}", head.offset,
                        decoded.error().message);
    }
  }
  if (const std::uint64_t computed = xxh3_64(list); computed != meta.list_checksum) {
    return make_error(Code::kChecksum,
                      "index at offset {}: list checksum {:016x}, computed {:016x}", head.offset,
                      meta.list_checksum, computed);
  }
  return list;
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
                      "trailer at offset {}: bytes after the root digest are not zero", offset);
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
  Bytes rest = index.list;
  std::uint64_t offset = index.begin;
  std::uint64_t count = 0;
  while (!rest.empty()) {
    BBZ_ASSIGN(const RecordView record, decode_entry(rest, offset));
    BBZ_TRY(check_fields(record.head, limits));
    if (record.head.type == RecordType::kIndex || record.head.type == RecordType::kTrailer) {
      return make_error(Code::kMalformed, "index: it lists the {} at offset {}",
                        type_name(record.head.type), offset);
    }
    if (index.end && record.head.end() > *index.end) {
      // For an index at the front, `end` follows from the bytes that are there.
      return make_error(index.meta.at_front ? Code::kTruncated : Code::kMalformed,
                        "{} record at offset {}: it ends at {}, the records at {}",
                        type_name(record.head.type), offset, record.head.end(), *index.end);
    }
    BBZ_TRY(visit(record));
    offset = record.head.end();
    rest = rest.subspan(entry_size(record.head));
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

  if (!opened.header.index_first()) {
    BBZ_ASSIGN(opened.trailer, read_trailer(source, *size, opened.header.digest_kind, limits));
    BBZ_ASSIGN(opened.index, read_end_index(source, *opened.trailer, *size - kTrailerSize, limits));
    opened.index.begin = kFileHeaderSize;
    return opened;
  }
  BBZ_ASSIGN(const StoredRecord front, read_record_head(source, kFileHeaderSize, limits));
  BBZ_ASSIGN(const IndexMeta meta, decode_front_index_meta(front.view, limits));
  if (use_front) {
    BBZ_ASSIGN(opened.index, read_front_index(source, front.view.head, meta, *size));
    return opened;
  }
  BBZ_ASSIGN(opened.trailer, read_trailer(source, *size, opened.header.digest_kind, limits));
  BBZ_ASSIGN(opened.index, read_end_index(source, *opened.trailer, *size - kTrailerSize, limits));
  if (!opened.index.meta.same_list(meta)) {
    return make_error(Code::kMalformed,
                      "index at offset {}: it differs from the index at offset {}",
                      front.view.head.offset, *opened.index.end);
  }
  opened.index.begin = front.view.head.end();
  return opened;
}

}  // namespace bbz::container
