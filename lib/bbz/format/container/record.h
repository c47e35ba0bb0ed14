// Records, the units of the container. A record is a head, a meta and, for some types, a payload.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/format/container/constants.h"
#include "bbz/format/container/limits.h"

namespace bbz::container {

// The fields of a record's head, without its sync bytes and checksum, and the offset of the record.
struct RecordHead {
  RecordType type{};                   // may be unknown: see is_known()
  std::uint8_t flags = 0;              // kFlagSkippable and kFlagPayload
  std::uint16_t meta_length = 0;       // bytes
  std::uint64_t payload_length = 0;    // bytes; 0 without a payload
  std::uint64_t payload_checksum = 0;  // XXH3-64; 0 without a payload
  std::uint64_t offset = 0;            // of the record in the archive

  // Returns whether the record has a payload, which may be empty.
  bool has_payload() const { return (flags & kFlagPayload) != 0; }
  // Returns the bytes of the head and the meta together.
  std::size_t size() const {
    return kHeadSize + (has_payload() ? kPayloadFields : 0) + meta_length;
  }
  // Returns the offset of the payload in the archive.
  std::uint64_t payload_offset() const { return offset + size(); }
  // Returns the offset at which the next record begins. Does not overflow for a decoded head.
  std::uint64_t end() const { return payload_offset() + payload_length; }
};

// A record without its payload: its head, and a view of its meta.
struct RecordView {
  RecordHead head;  // fields and offset of the record
  Bytes meta;       // head.meta_length bytes, in memory of somebody else
};

// Returns the name of a record type, for example "file end", or "unknown".
std::string_view type_name(RecordType type);
// Returns whether this version of the library knows the type.
bool is_known(RecordType type);

// Returns the head of a record with this content at `offset`, with the flags that the type demands.
// Precondition: `meta` has at most 65,535 bytes.
RecordHead make_head(RecordType type, Bytes meta, Bytes payload, std::uint64_t offset);

// Appends a record's index entry to `out`: its head and its meta, without the seal (sync bytes and
// head checksum) that the head begins with.
void encode_entry(const RecordHead& head, Bytes meta, std::vector<std::byte>& out);

// Decodes the entry at the start of `list`, which describes the record at `offset`. The view's meta
// points into `list`, and entry_size() gives the bytes that the entry takes. Does not check type,
// flags and payload length: see check_fields().
// Errors: kMalformed if the entry is truncated, or if its record ends beyond 2^64.
Result<RecordView> decode_entry(Bytes list, std::uint64_t offset);
// Returns the bytes that a record's index entry takes.
inline std::size_t entry_size(const RecordHead& head) {
  return head.size() - kSealSize;
}

// Appends a record's head and meta to `out`: the seal, then the entry.
void encode_head(const RecordHead& head, Bytes meta, std::vector<std::byte>& out);

// Returns the size in bytes of a record's head and meta together. `head` is the first kHeadSize
// bytes of the record at `offset`; only its sync bytes are checked, so the size is as trustworthy
// as they are. Errors: kMalformed if the sync bytes are missing.
Result<std::size_t> peek_size(Bytes head, std::uint64_t offset);

// Decodes a record's head and meta, which are exactly `bytes`, and checks the head checksum, which
// covers `offset` too. Does not check the sync bytes, nor type, flags and payload length (see
// check_fields()). Errors: kChecksum; those of decode_entry.
Result<RecordView> decode_intact_head(Bytes bytes, std::uint64_t offset);

// Checks a head's type, flags and payload length. The payload of an unknown skippable record has no
// limit. Errors: kMalformed, kUnsupported, kLimit.
Status check_fields(const RecordHead& head, const Limits& limits);

// Runs decode_intact_head() and then check_fields(). Errors: those of both, in that order.
Result<RecordView> decode_head(Bytes bytes, std::uint64_t offset, const Limits& limits);

// Checks a payload against the checksum in its head. Succeeds for a record without a payload.
// Precondition: the payload has the length that the head states. Errors: kChecksum.
Status check_payload(const RecordHead& head, Bytes payload);
// Checks a payload of which the caller has computed the XXH3-64. Errors: kChecksum.
Status check_payload(const RecordHead& head, std::uint64_t computed);

}  // namespace bbz::container
