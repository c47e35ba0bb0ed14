// Records: the unit of the container. A head of fixed size, a meta, a payload.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/container/constants.h"
#include "bbz/container/limits.h"

namespace bbz::container {

// The fixed part of a record, without its sync bytes and head checksum.
struct RecordHead {
  RecordType type{};
  std::uint8_t flags = 0;
  std::uint16_t meta_length = 0;
  std::uint64_t payload_length = 0;
  std::uint64_t offset = 0;  // of the record in the archive
  std::uint64_t payload_checksum = 0;

  std::uint64_t payload_offset() const { return offset + kHeadSize + meta_length; }
  // Where the next record begins. Does not overflow for a head that decode_head accepted.
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

// Appends a head and its meta, with the head checksum, to `out`.
void encode_head(const RecordHead& head, Bytes meta, std::vector<std::byte>& out);

// How long the meta is of which `head` (at least kHeadSize bytes) is the head, or the error of a
// head that lacks the sync bytes. Nothing else has been checked yet.
Result<std::uint16_t> peek_meta_length(Bytes head, std::uint64_t offset);

// Takes a head and its meta that stand at `offset`, when its checksum holds, its offset is that one
// and its end is within 64 bits. `bytes` is exactly the head and the meta. Type, flags and payload
// length are still to be checked. Errors: kChecksum, kMalformed.
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
