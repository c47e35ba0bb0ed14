#include "bbz/format/container/index.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"

namespace bbz::container {
namespace {

// The head and the meta of a record, read from a seekable source.
struct StoredRecord {
  std::vector<std::byte> head_and_meta;
  RecordView view;  // its meta points into head_and_meta
};

Result<StoredRecord> read_record_head(io::Source& source, std::uint64_t offset, std::uint64_t id,
                                      const Limits& limits) {
  StoredRecord record;
  std::vector<std::byte>& bytes = record.head_and_meta;
  for (std::size_t need = kLeastRecord; bytes.size() < need;) {
    const std::size_t have = bytes.size();
    bytes.resize(need);
    BBZ_TRY(io::read_exactly(source, offset + have, MutableBytes(bytes).subspan(have)));
    BBZ_ASSIGN(need, head_size(bytes, offset));
  }
  BBZ_ASSIGN(record.view, decode_head(bytes, offset, id, limits));
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
Result<Trailer> read_trailer(io::Source& source, std::uint64_t size, const FileHeader& header,
                             const Limits& limits) {
  if (size < kFileHeaderSize + kTrailerSize) {
    return make_error(Code::kTruncated, "archive of {} bytes: too short to hold a trailer", size);
  }
  const std::uint64_t offset = size - kTrailerSize;
  const auto record = read_record_head(source, offset, header.id, limits);
  if (record.code() == Code::kIo || record.code() == Code::kChecksum) return record.error();
  if (!record.ok() || record->view.head.type != RecordType::kTrailer) {
    return make_error(
        Code::kTruncated,
        "no trailer at offset {}: the archive is cut short or damaged, or bytes were added to it",
        offset);
  }
  return decode_trailer(record->view, header);
}

// Reads and checks the index that the trailer at `trailer_offset` points to.
Result<Index> read_end_index(io::Source& source, const Trailer& trailer,
                             std::uint64_t trailer_offset, const FileHeader& header,
                             const Limits& limits) {
  const std::uint64_t offset = trailer.index_offset();
  const io::ByteRange whole[] = {{offset, trailer.index_length}};
  const auto hint = source.prefetch(whole);
  BBZ_ASSIGN(const StoredRecord record, read_record_head(source, offset, header.id, limits));
  BBZ_TRY(require_type(record.view.head, RecordType::kIndex));
  if (record.view.head.end() != trailer_offset) {
    return make_error(Code::kMalformed,
                      "index at offset {}: it ends at {}, the trailer begins at {}", offset,
                      record.view.head.end(), trailer_offset);
  }
  BBZ_ASSIGN(const IndexMeta meta, decode_end_index_meta(record.view, header, limits));
  if (meta.record_count != trailer.record_count) {
    return make_error(Code::kMalformed, "index at offset {}: {} records, the trailer says {}",
                      offset, meta.record_count, trailer.record_count);
  }
  BBZ_ASSIGN(Index index, read_index(source, record.view.head, meta, trailer_offset));
  index.end = offset;
  return index;
}

}  // namespace

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
    rest = rest.subspan(record.head.entry_size());
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
    BBZ_ASSIGN(opened.trailer, read_trailer(source, *size, opened.header, limits));
    BBZ_ASSIGN(opened.index, read_end_index(source, *opened.trailer, *size - kTrailerSize,
                                            opened.header, limits));
    opened.index.begin = kFileHeaderSize;
    return opened;
  }
  BBZ_ASSIGN(const StoredRecord front,
             read_record_head(source, kFileHeaderSize, opened.header.id, limits));
  BBZ_ASSIGN(const IndexMeta meta, decode_front_index_meta(front.view, opened.header, limits));
  if (use_front) {
    BBZ_ASSIGN(opened.index, read_front_index(source, front.view.head, meta, *size));
    return opened;
  }
  BBZ_ASSIGN(opened.trailer, read_trailer(source, *size, opened.header, limits));
  BBZ_ASSIGN(opened.index,
             read_end_index(source, *opened.trailer, *size - kTrailerSize, opened.header, limits));
  if (!opened.index.meta.same_list(meta)) {
    return make_error(Code::kMalformed,
                      "index at offset {}: it differs from the index at offset {}",
                      front.view.head.offset, *opened.index.end);
  }
  opened.index.begin = front.view.head.end();
  return opened;
}

}  // namespace bbz::container
