// Records: the unit of the container. A head of fixed size, a meta, a payload.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/format/container/constants.h"
#include "bbz/format/container/limits.h"

namespace bbz::container {

// What a record's head says, without its sync bytes and checksum, and where the record lies.
struct RecordHead {
  RecordType type{};
  std::uint8_t flags = 0;
  std::uint16_t meta_length = 0;
  std::uint64_t payload_length = 0;    // 0 where there is no payload
  std::uint64_t payload_checksum = 0;  // likewise
  std::uint64_t offset = 0;            // of the record in the archive

  bool has_payload() const { return (flags & kFlagPayload) != 0; }
  // Bytes of the head and the meta together.
  std::size_t size() const {
    return kHeadSize + (has_payload() ? kPayloadFields : 0) + meta_length;
  }
  std::uint64_t payload_offset() const { return offset + size(); }
  // Where the next record begins. Does not overflow for a head that was decoded.
  std::uint64_t end() const { return payload_offset() + payload_length; }
};

// A head with its meta, which lies in somebody else's memory.
struct RecordView {
  RecordHead head;
  Bytes meta;
};

// "chunk", "file end" ...; "record of type N" is for the caller to say of unknown ones.
std::string_view type_name(RecordType type);
bool is_known(RecordType type);

// The head of a record with this content at `offset`. Precondition: `meta` has at most 65,535
// bytes.
RecordHead make_head(RecordType type, Bytes meta, Bytes payload, std::uint64_t offset);

// A record's entry in the index: its head and its meta, without the seal (sync bytes and head
// checksum) that the head begins with.
void encode_entry(const RecordHead& head, Bytes meta, std::vector<std::byte>& out);

// Takes the entry that `list` begins with, of the record at `offset`; the entry is entry_size()
// bytes of it. Type, flags and payload length are still to be checked.
// Errors: kMalformed where the entry is cut, or its record ends beyond 64 bits.
Result<RecordView> decode_entry(Bytes list, std::uint64_t offset);
inline std::size_t entry_size(const RecordHead& head) {
  return head.size() - kSealSize;
}

// Appends a head and its meta to `out`: the seal, then the entry.
void encode_head(const RecordHead& head, Bytes meta, std::vector<std::byte>& out);

// Returns the size in bytes of a record's head and meta together. `head` is the first kHeadSize
// bytes of the record at `offset`; only its sync bytes are checked, so the size is as trustworthy
// as they are. Errors: kMalformed if the sync bytes are missing.
Result<std::size_t> peek_size(Bytes head, std::uint64_t offset);

// Takes a head and its meta, when the checksum says that they belong at `offset`. `bytes` is
// exactly the head and the meta. Type, flags and payload length are still to be checked.
// Errors: kChecksum; those of decode_entry.
Result<RecordView> decode_intact_head(Bytes bytes, std::uint64_t offset);

// The rules for a head's type, flags and payload length.
// Errors: kMalformed, kUnsupported, kLimit.
Status check_fields(const RecordHead& head, const Limits& limits);

// decode_intact_head and check_fields. Errors: those of both, in that order.
Result<RecordView> decode_head(Bytes bytes, std::uint64_t offset, const Limits& limits);

// Errors: kChecksum where `payload` is not what the head promises. Precondition: the length fits.
Status check_payload(const RecordHead& head, Bytes payload);
// The same of a payload whose checksum the caller has computed.
Status check_payload(const RecordHead& head, std::uint64_t computed);

}  // namespace bbz::container
