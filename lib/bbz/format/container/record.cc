#include "bbz/format/container/record.h"

#include <algorithm>
#include <array>

#include "bbz/base/format.h"
#include "bbz/base/hash.h"
#include "bbz/base/wire.h"

namespace bbz::container {
namespace {

constexpr std::uint8_t kTypeBits = 0x0F;
constexpr std::uint32_t kTypeFollows = 15;  // in the place of a type that is a varint of its own

// A record type that this version knows.
struct TypeRow {
  RecordType type;
  std::string_view name;
  std::uint8_t flags;                    // that it has
  std::uint8_t optional;                 // flags that it may have
  std::uint64_t Limits::*payload_limit;  // nullptr for a type that never has a payload
};

constexpr std::array<TypeRow, 11> kTypes = {{
    {RecordType::kFile, "file", 0, kFlagExtended, nullptr},
    {RecordType::kFileEnd, "file end", 0, kFlagExtended, nullptr},
    {RecordType::kTensor, "tensor", 0, kFlagPayload | kFlagPadded | kFlagExtended,
     &Limits::chunk_bytes},
    {RecordType::kChunk, "chunk", kFlagPayload, kFlagPadded | kFlagExtended, &Limits::chunk_bytes},
    {RecordType::kMetadata, "metadata", kFlagSkippable | kFlagPayload, kFlagExtended,
     &Limits::metadata_bytes},
    {RecordType::kGroup, "group", kFlagPayload, kFlagExtended, &Limits::group_bytes},
    {RecordType::kIndex, "index", kFlagPayload, 0, &Limits::index_bytes},
    {RecordType::kTrailer, "trailer", 0, 0, nullptr},
    {RecordType::kPrivateName, "private name", kFlagSkippable, kFlagExtended, nullptr},
    {RecordType::kBlockType, "block type", 0, kFlagExtended, nullptr},
    {RecordType::kBase, "base", kFlagSkippable, kFlagExtended, nullptr},
}};

const TypeRow* find_type(RecordType type) {
  const auto* row = std::ranges::find(kTypes, type, &TypeRow::type);
  return row == kTypes.end() ? nullptr : row;
}

// The fields of an entry before its meta.
struct EntryFields {
  RecordHead head;  // with the type, the flags and the lengths of meta and payload
  std::uint64_t pad_length = 0;
  // The bytes that they take. If they are cut short, the least number that they can take.
  std::size_t size = 0;
  bool complete = false;
  bool valid = true;  // so far
};

// Reads the next varint of an entry. Returns nothing if it is cut short or not valid.
template <class T>
std::optional<T> get_length(Bytes entry, EntryFields& fields) {
  constexpr std::size_t kLongest = 10;
  const Bytes rest = entry.subspan(fields.size);
  std::size_t size = 0;
  while (size < rest.size() && size < kLongest && rest[size] >= std::byte{0x80}) ++size;
  const bool cut = size == rest.size() && size < kLongest;
  fields.size += std::min(size + 1, kLongest);
  if (cut) return std::nullopt;
  WireReader r(rest);
  const T value = r.get_varint<T>();
  fields.valid = r.ok();
  if (!fields.valid) return std::nullopt;
  return value;
}

// Parses the fields before the meta. Precondition: `entry` is not empty.
EntryFields parse_fields(Bytes entry) {
  EntryFields fields;
  fields.size = 1;
  RecordHead& head = fields.head;
  const auto first = std::to_integer<std::uint8_t>(entry[0]);
  head.flags = first & static_cast<std::uint8_t>(~kTypeBits);
  const bool padded = (head.flags & kFlagPadded) != 0;
  // The least bytes of the fields that come after the one that is being parsed.
  std::size_t after = 1U + (head.has_payload() ? 1 : 0) + (padded ? 1 : 0);
  const auto cut = [&] { return fields.size += after, fields; };

  std::uint32_t type = first & kTypeBits;
  if (type == kTypeFollows) {
    const auto follows = get_length<std::uint32_t>(entry, fields);
    if (!follows) return cut();
    fields.valid = *follows >= kTypeFollows;
    if (!fields.valid) return fields;
    type = *follows;
  }
  head.type = static_cast<RecordType>(type);
  --after;
  const auto meta = get_length<std::uint64_t>(entry, fields);
  if (!meta) return cut();
  fields.valid = *meta <= kMostMeta;
  if (!fields.valid) return fields;
  head.meta_length = static_cast<std::uint16_t>(*meta);
  if (head.has_payload()) {
    --after;
    const auto payload = get_length<std::uint64_t>(entry, fields);
    if (!payload) return cut();
    head.payload_length = *payload;
  }
  if (padded) {
    --after;
    const auto pad = get_length<std::uint64_t>(entry, fields);
    if (!pad) return cut();
    fields.pad_length = *pad;
  }
  fields.complete = true;
  return fields;
}

// Returns the pad of a record so that its payload begins at a multiple of `alignment`. `end` is
// where the payload begins without a pad and its length field.
std::uint32_t pad_to(std::uint64_t end, std::uint64_t alignment) {
  for (std::uint64_t size = 1;; ++size) {
    const std::uint64_t pad = (alignment - (end + size) % alignment) % alignment;
    for (const std::uint64_t candidate : {pad, pad + alignment}) {
      if (varint_size(candidate) == size) return static_cast<std::uint32_t>(candidate);
    }
  }
}

}  // namespace

std::size_t RecordHead::entry_size() const {
  const auto number = static_cast<std::uint32_t>(type);
  std::size_t size = 1 + varint_size(meta_length) + meta_length;
  if (number >= kTypeFollows) size += varint_size(number);
  if (has_payload()) size += varint_size(payload_length);
  if ((flags & kFlagPadded) != 0) size += varint_size(pad_length);
  return size;
}

std::string_view type_name(RecordType type) {
  const TypeRow* row = find_type(type);
  return row == nullptr ? "unknown" : row->name;
}

bool is_known(RecordType type) {
  return find_type(type) != nullptr;
}

RecordHead make_head(RecordType type, Bytes meta, Bytes payload, std::uint64_t offset,
                     std::uint64_t alignment, std::uint8_t more) {
  const TypeRow* row = find_type(type);
  RecordHead head;
  head.type = type;
  const int flags = row == nullptr ? kFlagSkippable | kFlagPayload : row->flags;
  head.flags = static_cast<std::uint8_t>(flags | more);
  head.meta_length = static_cast<std::uint16_t>(meta.size());
  head.offset = offset;
  if (!head.has_payload()) return head;
  head.payload_length = payload.size();
  head.payload_check = check32(payload);
  const bool aligned = head.has_chunk() && alignment != 0 && payload.size() >= alignment;
  if (aligned && head.payload_offset() % alignment != 0) {
    head.pad_length = pad_to(head.payload_offset(), alignment);
    head.flags |= kFlagPadded;
  }
  return head;
}

void encode_entry(const RecordHead& head, Bytes meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  const auto type = static_cast<std::uint32_t>(head.type);
  const bool follows = type >= kTypeFollows;
  w.put(static_cast<std::uint8_t>(head.flags | (follows ? kTypeFollows : type)));
  if (follows) w.put_varint(type);
  w.put_varint(head.meta_length);
  if (head.has_payload()) w.put_varint(head.payload_length);
  if ((head.flags & kFlagPadded) != 0) w.put_varint(head.pad_length);
  w.put_bytes(meta);
}

Result<RecordView> decode_entry(Bytes list, std::uint64_t offset) {
  EntryFields fields = list.empty() ? EntryFields() : parse_fields(list);
  RecordHead& head = fields.head;
  const std::uint64_t pad_length = fields.pad_length;
  if (!fields.complete || list.size() - fields.size < head.meta_length) {
    return make_error(Code::kMalformed,
                      "record at offset {}: its entry is not valid, or longer than {} bytes",
                      offset, list.size());
  }
  const Bytes meta = list.subspan(fields.size, head.meta_length);
  head.offset = offset;
  if (pad_length > kMostPad || (!head.has_payload() && (head.flags & kFlagPadded) != 0)) {
    return make_error(Code::kMalformed,
                      "record at offset {}: a pad of {} bytes before {}, the limit is {}", offset,
                      pad_length, head.has_payload() ? "a payload" : "no payload", kMostPad);
  }
  head.pad_length = static_cast<std::uint32_t>(pad_length);
  const auto payload_offset = checked_add(offset, head.size() + head.pad_length);
  if (!payload_offset || !checked_add(*payload_offset, head.payload_length)) {
    return make_error(Code::kMalformed,
                      "record at offset {}: its payload of {} bytes ends beyond 64 bits", offset,
                      head.payload_length);
  }
  return RecordView{head, meta};
}

void encode_head(const RecordHead& head, Bytes meta, std::uint64_t id,
                 std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put_bytes(std::as_bytes(std::span(kSync)));
  const std::size_t check = out.size();
  w.put(std::uint32_t{0});
  const std::size_t entry = out.size();
  encode_entry(head, meta, out);
  if (head.has_payload()) w.put(head.payload_check.value_or(0));
  store_le(out.data() + check, check32(Bytes(out).subspan(entry), id));
}

Result<std::size_t> head_size(Bytes head, std::uint64_t offset) {
  const Bytes sync = head.first(kSync.size());
  if (!std::ranges::equal(sync, std::as_bytes(std::span(kSync)))) {
    return make_error(Code::kMalformed,
                      "no record at offset {}: found {}, expected the sync bytes {}", offset,
                      to_hex(sync), to_hex(std::as_bytes(std::span(kSync))));
  }
  const Bytes entry = head.subspan(kSealSize);
  const EntryFields fields = parse_fields(entry);
  if (!fields.valid) {
    return make_error(Code::kMalformed,
                      "record at offset {}: its type or a length is not valid: {}", offset,
                      to_hex(entry.first(std::min(fields.size, entry.size()))));
  }
  if (!fields.complete) return kSealSize + fields.size;
  const std::size_t check = fields.head.has_payload() ? kCheckSize : 0;
  return kSealSize + fields.size + fields.head.meta_length + check;
}

Result<RecordView> decode_intact_head(Bytes bytes, std::uint64_t offset, std::uint64_t id) {
  const Bytes checked = bytes.subspan(kSealSize);
  const auto found = load_le<std::uint32_t>(bytes.data() + kSync.size());
  if (const std::uint32_t computed = check32(checked, id); found != computed) {
    return make_error(Code::kChecksum, "record head at offset {}: check {:08x}, computed {:08x}",
                      offset, found, computed);
  }
  BBZ_ASSIGN(RecordView record, decode_entry(checked, offset));
  if (record.head.has_payload()) {
    record.head.payload_check = load_le<std::uint32_t>(checked.last(kCheckSize).data());
  }
  return record;
}

Status check_fields(const RecordHead& head, const Limits& limits) {
  const TypeRow* row = find_type(head.type);
  if (row == nullptr) {
    if ((head.flags & kFlagSkippable) != 0) return {};
    return make_error(Code::kUnsupported, "record at offset {}: unknown type {}", head.offset,
                      static_cast<std::uint32_t>(head.type));
  }
  if ((head.flags & ~row->optional) != row->flags) {
    return make_error(Code::kMalformed, "{} record at offset {}: flags {:#04x}, expected {:#04x}",
                      row->name, head.offset, head.flags, row->flags);
  }
  if (row->payload_limit != nullptr && head.payload_length > limits.*row->payload_limit) {
    return make_error(Code::kLimit, "{} record at offset {}: payload of {} bytes, the limit is {}",
                      row->name, head.offset, head.payload_length, limits.*row->payload_limit);
  }
  return {};
}

Result<RecordView> decode_head(Bytes bytes, std::uint64_t offset, std::uint64_t id,
                               const Limits& limits) {
  BBZ_ASSIGN(const RecordView record, decode_intact_head(bytes, offset, id));
  BBZ_TRY(check_fields(record.head, limits));
  return record;
}

Status check_payload(const RecordHead& head, Bytes payload) {
  if (!head.payload_check) return {};
  return check_payload(head, xxh3_64(payload));
}

Status check_payload(const RecordHead& head, std::uint64_t computed) {
  const auto found = static_cast<std::uint32_t>(computed);
  if (!head.payload_check || found == *head.payload_check) return {};
  return make_error(Code::kChecksum,
                    "{} record at offset {}: payload check {:08x}, computed {:08x}",
                    type_name(head.type), head.offset, *head.payload_check, found);
}

Status check_pad(const RecordHead& head, Bytes pad) {
  const auto wrong = std::ranges::find_if(pad, [](std::byte b) { return b != std::byte{0}; });
  if (wrong == pad.end()) return {};
  return make_error(Code::kMalformed, "{} record at offset {}: a byte of its pad is not zero",
                    type_name(head.type), head.offset);
}

}  // namespace bbz::container
