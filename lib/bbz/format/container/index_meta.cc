// The metas of indexes and of the trailer, and the list of an index.
#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"
#include "bbz/base/zstd_frame.h"
#include "bbz/format/container/index.h"

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

Status check_id(const RecordHead& head, std::uint64_t found, const FileHeader& header) {
  if (found == header.id) return {};
  return make_error(
      Code::kMalformed,
      "{} at offset {}: the id of the archive is {:016x}, the file header has {:016x}",
      type_name(head.type), head.offset, found, header.id);
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
  w.put(meta.id);
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
  meta.id = r.get<std::uint64_t>();
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
  const bool too_long = head.payload_length > meta.list_length && !meta.at_front;
  if (stored ? head.payload_length < meta.list_length || too_long
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

Result<IndexMeta> decode_front_index_meta(const RecordView& record, const FileHeader& header,
                                          const Limits& limits) {
  if (record.head.type != RecordType::kIndex) {
    return make_error(Code::kMalformed, "record at offset {}: type {}, expected the index",
                      record.head.offset, type_name(record.head.type));
  }
  BBZ_ASSIGN(const IndexMeta meta, decode_index_meta(record, limits));
  BBZ_TRY(check_id(record.head, meta.id, header));
  if (!meta.at_front) {
    return make_error(Code::kMalformed,
                      "index at offset {}: place 0 (at the end), expected 1 (at the front)",
                      record.head.offset);
  }
  return meta;
}

Result<IndexMeta> decode_end_index_meta(const RecordView& record, const FileHeader& header,
                                        const Limits& limits) {
  BBZ_ASSIGN(const IndexMeta meta, decode_index_meta(record, limits));
  BBZ_TRY(check_id(record.head, meta.id, header));
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

std::size_t index_head_size(std::uint64_t payload_length) {
  return kSealSize + 1 + varint_size(kIndexMetaSize) + varint_size(payload_length) +
         kIndexMetaSize + kCheckSize;
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
    const Bytes rest = Bytes(list).subspan(meta.list_length);
    if (std::ranges::any_of(rest, [](std::byte b) { return b != std::byte{0}; })) {
      return make_error(Code::kMalformed, "index at offset {}: bytes after its list are not zero",
                        head.offset);
    }
    list.resize(meta.list_length);
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
  w.put(trailer.index_length);
  w.put(trailer.record_count);
  w.put(trailer.archive_length);
  w.put(trailer.id);
  w.put_bytes(Bytes(trailer.root.bytes));
}

Result<Trailer> decode_trailer(const RecordView& record, const FileHeader& header) {
  WireReader r(record.meta);
  Trailer trailer;
  trailer.index_length = r.get<std::uint64_t>();
  trailer.record_count = r.get<std::uint64_t>();
  trailer.archive_length = r.get<std::uint64_t>();
  trailer.id = r.get<std::uint64_t>();
  trailer.root.kind = header.digest_kind;
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
  BBZ_TRY(check_id(record.head, trailer.id, header));
  if (trailer.archive_length != record.head.end()) {
    return make_error(Code::kMalformed, "trailer at offset {}: archive length {}, expected {}",
                      offset, trailer.archive_length, record.head.end());
  }
  if (offset < kFileHeaderSize || trailer.index_length > offset - kFileHeaderSize) {
    return make_error(Code::kMalformed,
                      "trailer at offset {}: an index of {} bytes before it would begin in the "
                      "file header",
                      offset, trailer.index_length);
  }
  return trailer;
}

std::optional<std::uint64_t> stated_id(RecordType type, Bytes meta) {
  constexpr std::size_t kInTrailer = 24;
  constexpr std::size_t kInIndex = 40;
  if (type == RecordType::kTrailer && meta.size() == kTrailerMetaSize) {
    return load_le<std::uint64_t>(meta.data() + kInTrailer);
  }
  if (type == RecordType::kIndex && meta.size() == kIndexMetaSize) {
    return load_le<std::uint64_t>(meta.data() + kInIndex);
  }
  return std::nullopt;
}

}  // namespace bbz::container
