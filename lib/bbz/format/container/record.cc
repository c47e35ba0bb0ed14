#include "bbz/format/container/record.h"

#include <algorithm>
#include <array>

#include "bbz/base/format.h"
#include "bbz/base/hash.h"
#include "bbz/base/wire.h"

namespace bbz::container {
namespace {

// A record type that this version knows.
struct TypeRow {
  RecordType type;
  std::string_view name;
  std::uint8_t flags;
  std::uint64_t Limits::*payload_limit;  // nullptr for a type without a payload
};

constexpr std::array<TypeRow, 8> kTypes = {{
    {RecordType::kFile, "file", 0, nullptr},
    {RecordType::kFileEnd, "file end", 0, nullptr},
    {RecordType::kTensor, "tensor", 0, nullptr},
    {RecordType::kChunk, "chunk", kFlagPayload, &Limits::chunk_bytes},
    {RecordType::kMetadata, "metadata", kFlagSkippable | kFlagPayload, &Limits::metadata_bytes},
    {RecordType::kGroup, "group", kFlagPayload, &Limits::group_bytes},
    {RecordType::kIndex, "index", kFlagPayload, &Limits::index_bytes},
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
  head.flags = row == nullptr ? kKnownFlags : row->flags;
  head.meta_length = static_cast<std::uint16_t>(meta.size());
  head.offset = offset;
  if (head.has_payload()) {
    head.payload_length = payload.size();
    head.payload_checksum = xxh3_64(payload);
  }
  return head;
}

void encode_entry(const RecordHead& head, Bytes meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(static_cast<std::uint8_t>(head.type));
  w.put(head.flags);
  w.put(head.meta_length);
  if (head.has_payload()) {
    w.put(head.payload_length);
    w.put(head.payload_checksum);
  }
  w.put_bytes(meta);
}

Result<RecordView> decode_entry(Bytes list, std::uint64_t offset) {
  WireReader r(list);
  RecordHead head;
  head.type = static_cast<RecordType>(r.get<std::uint8_t>());
  head.flags = r.get<std::uint8_t>();
  head.meta_length = r.get<std::uint16_t>();
  if (head.has_payload()) {
    head.payload_length = r.get<std::uint64_t>();
    head.payload_checksum = r.get<std::uint64_t>();
  }
  const Bytes meta = r.get_bytes(head.meta_length);
  head.offset = offset;
  if (!r.ok()) {
    return make_error(Code::kMalformed,
                      "record at offset {}: {} bytes are left in the index, too few for its entry",
                      offset, list.size());
  }
  const auto payload_offset = checked_add(offset, head.size());
  if (!payload_offset || !checked_add(*payload_offset, head.payload_length)) {
    return make_error(Code::kMalformed,
                      "record at offset {}: its payload of {} bytes ends beyond 64 bits", offset,
                      head.payload_length);
  }
  return RecordView{head, meta};
}

namespace {

// Returns the checksum of a head. It covers the record's offset, which the head does not store.
std::uint64_t head_checksum(Bytes entry, std::uint64_t offset) {
  std::array<std::byte, sizeof(offset)> place{};
  store_le(place.data(), offset);
  Xxh3Stream hash;
  hash.update(place);
  hash.update(entry);
  return hash.digest64();
}

}  // namespace

void encode_head(const RecordHead& head, Bytes meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put_bytes(std::as_bytes(std::span(kSync)));
  const std::size_t checksum = out.size();
  w.put(std::uint64_t{0});
  const std::size_t entry = out.size();
  encode_entry(head, meta, out);
  store_le(out.data() + checksum, head_checksum(Bytes(out).subspan(entry), head.offset));
}

Result<std::size_t> peek_size(Bytes head, std::uint64_t offset) {
  WireReader r(head);
  const Bytes sync = r.get_bytes(kSync.size());
  if (!std::ranges::equal(sync, std::as_bytes(std::span(kSync)))) {
    return make_error(Code::kMalformed,
                      "no record at offset {}: found {}, expected the sync bytes {}", offset,
                      to_hex(sync), to_hex(std::as_bytes(std::span(kSync))));
  }
  r.get_bytes(kSealSize - kSync.size());
  RecordHead fields;
  fields.type = static_cast<RecordType>(r.get<std::uint8_t>());
  fields.flags = r.get<std::uint8_t>();
  fields.meta_length = r.get<std::uint16_t>();
  return fields.size();
}

Result<RecordView> decode_intact_head(Bytes bytes, std::uint64_t offset) {
  WireReader r(bytes);
  r.get_bytes(kSync.size());
  const auto found = r.get<std::uint64_t>();
  const Bytes entry = r.get_bytes(r.remaining());
  if (const std::uint64_t computed = head_checksum(entry, offset); found != computed) {
    return make_error(Code::kChecksum,
                      "record head at offset {}: checksum {:016x}, computed {:016x}", offset, found,
                      computed);
  }
  return decode_entry(entry, offset);
}

Status check_fields(const RecordHead& head, const Limits& limits) {
  if ((head.flags & ~kKnownFlags) != 0) {
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
  if (row->payload_limit != nullptr && head.payload_length > limits.*row->payload_limit) {
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
  if (!head.has_payload()) return {};
  return check_payload(head, xxh3_64(payload));
}

Status check_payload(const RecordHead& head, std::uint64_t computed) {
  if (!head.has_payload() || computed == head.payload_checksum) return {};
  return make_error(Code::kChecksum,
                    "{} record at offset {}: payload checksum {:016x}, computed {:016x}",
                    type_name(head.type), head.offset, head.payload_checksum, computed);
}

}  // namespace bbz::container
