#include "bbz/container/record.h"

#include <algorithm>
#include <array>

#include "bbz/base/format.h"
#include "bbz/base/hash.h"
#include "bbz/base/wire.h"

namespace bbz::container {
namespace {

// One row for each type that this version knows.
struct TypeRow {
  RecordType type;
  std::string_view name;
  std::uint8_t flags;
  std::uint64_t Limits::*payload_limit;  // nullptr: no payload allowed
};

constexpr std::array<TypeRow, 8> kTypes = {{
    {RecordType::kFile, "file", 0, nullptr},
    {RecordType::kFileEnd, "file end", 0, nullptr},
    {RecordType::kTensor, "tensor", 0, nullptr},
    {RecordType::kChunk, "chunk", 0, &Limits::chunk_bytes},
    {RecordType::kMetadata, "metadata", kFlagSkippable, &Limits::metadata_bytes},
    {RecordType::kGroup, "group", 0, &Limits::group_bytes},
    {RecordType::kIndex, "index", 0, &Limits::index_bytes},
    {RecordType::kTrailer, "trailer", 0, nullptr},
}};

const TypeRow* find_type(RecordType type) {
  const auto* row = std::ranges::find(kTypes, type, &TypeRow::type);
  return row == kTypes.end() ? nullptr : row;
}

}  // namespace

std::string_view type_name(RecordType type) {
  const TypeRow* row = find_type(type);
  return row == nullptr ? "unknown" : row->name;
}

bool is_known(RecordType type) {
  return find_type(type) != nullptr;
}

RecordHead make_head(RecordType type, Bytes meta, Bytes payload, std::uint64_t offset) {
  const TypeRow* row = find_type(type);
  RecordHead head;
  head.type = type;
  head.flags = row == nullptr ? kFlagSkippable : row->flags;
  head.meta_length = static_cast<std::uint16_t>(meta.size());
  head.payload_length = payload.size();
  head.offset = offset;
  head.payload_checksum = xxh3_64(payload);
  return head;
}

void encode_head(const RecordHead& head, Bytes meta, std::vector<std::byte>& out) {
  const std::size_t begin = out.size();
  WireWriter w(out);
  w.put_bytes(std::as_bytes(std::span(kSync)));
  w.put(static_cast<std::uint8_t>(head.type));
  w.put(head.flags);
  w.put(head.meta_length);
  w.put(head.payload_length);
  w.put(head.offset);
  w.put(head.payload_checksum);
  Xxh3Stream hash;
  hash.update(Bytes(out).subspan(begin));
  hash.update(meta);
  w.put(hash.digest64());
  w.put_bytes(meta);
}

Result<std::uint16_t> peek_meta_length(Bytes head, std::uint64_t offset) {
  const Bytes sync = head.first(kSync.size());
  if (!std::ranges::equal(sync, std::as_bytes(std::span(kSync)))) {
    return make_error(Code::kMalformed,
                      "no record at offset {}: found {}, expected the sync bytes {}", offset,
                      to_hex(sync), to_hex(std::as_bytes(std::span(kSync))));
  }
  return load_le<std::uint16_t>(head.data() + kSync.size() + 2);
}

Result<RecordView> decode_intact_head(Bytes bytes, std::uint64_t offset) {
  WireReader r(bytes);
  r.get_bytes(kSync.size());
  RecordHead head;
  head.type = static_cast<RecordType>(r.get<std::uint8_t>());
  head.flags = r.get<std::uint8_t>();
  head.meta_length = r.get<std::uint16_t>();
  head.payload_length = r.get<std::uint64_t>();
  head.offset = r.get<std::uint64_t>();
  head.payload_checksum = r.get<std::uint64_t>();
  const auto found = r.get<std::uint64_t>();
  const Bytes meta = r.get_bytes(head.meta_length);
  if (!r.finished()) {
    return make_error(Code::kInternal,
                      "record at offset {}: {} bytes given for a head and a meta of {}", offset,
                      bytes.size(), head.meta_length);
  }
  Xxh3Stream hash;
  hash.update(bytes.first(kHeadSize - sizeof(found)));
  hash.update(meta);
  if (found != hash.digest64()) {
    return make_error(Code::kChecksum,
                      "record head at offset {}: checksum {:016x}, computed {:016x}", offset, found,
                      hash.digest64());
  }
  if (head.offset != offset) {
    return make_error(Code::kMalformed, "record at offset {}: it says that it lies at offset {}",
                      offset, head.offset);
  }
  const auto payload_offset = checked_add(offset, kHeadSize + meta.size());
  if (!payload_offset || !checked_add(*payload_offset, head.payload_length)) {
    return make_error(Code::kMalformed,
                      "record at offset {}: its payload of {} bytes ends beyond 64 bits", offset,
                      head.payload_length);
  }
  return RecordView{head, meta};
}

Status check_fields(const RecordHead& head, const Limits& limits) {
  if ((head.flags & ~kFlagSkippable) != 0) {
    return make_error(Code::kUnsupported, "record at offset {}: reserved flags {:#04x} are set",
                      head.offset, head.flags);
  }
  const TypeRow* row = find_type(head.type);
  if (row == nullptr) {
    if ((head.flags & kFlagSkippable) != 0) return {};
    return make_error(Code::kUnsupported, "record at offset {}: unknown type {}", head.offset,
                      static_cast<int>(head.type));
  }
  if (head.flags != row->flags) {
    return make_error(Code::kMalformed, "{} record at offset {}: flags {:#04x}, expected {:#04x}",
                      row->name, head.offset, head.flags, row->flags);
  }
  if (row->payload_limit == nullptr) {
    if (head.payload_length != 0) {
      return make_error(Code::kMalformed,
                        "{} record at offset {}: payload of {} bytes, expected none", row->name,
                        head.offset, head.payload_length);
    }
  } else if (head.payload_length > limits.*row->payload_limit) {
    return make_error(Code::kLimit, "{} record at offset {}: payload of {} bytes, the limit is {}",
                      row->name, head.offset, head.payload_length, limits.*row->payload_limit);
  }
  return {};
}

Result<RecordView> decode_head(Bytes bytes, std::uint64_t offset, const Limits& limits) {
  BBZ_ASSIGN(const RecordView record, decode_intact_head(bytes, offset));
  BBZ_TRY(check_fields(record.head, limits));
  return record;
}

Status check_payload(const RecordHead& head, Bytes payload) {
  return check_payload(head, xxh3_64(payload));
}

Status check_payload(const RecordHead& head, std::uint64_t computed) {
  if (computed == head.payload_checksum) return {};
  return make_error(Code::kChecksum,
                    "{} record at offset {}: payload checksum {:016x}, computed {:016x}",
                    type_name(head.type), head.offset, head.payload_checksum, computed);
}

}  // namespace bbz::container
