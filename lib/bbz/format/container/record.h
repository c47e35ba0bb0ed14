// Records, the units of the container. A record is a head, which includes its meta, and for some
// types a pad and a payload.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/format/container/constants.h"
#include "bbz/format/container/limits.h"

namespace bbz::container {

// The fields of a record's head, without its sync bytes and head check, and the offset of the
// record.
struct RecordHead {
  RecordType type{};                 // may be unknown: see is_known()
  std::uint8_t flags = 0;            // kFlagSkippable, kFlagPayload, kFlagPadded, kFlagExtended
  std::uint16_t meta_length = 0;     // bytes
  std::uint32_t pad_length = 0;      // bytes; 0 without a pad
  std::uint64_t payload_length = 0;  // bytes; 0 without a payload
  // The check32 of the payload. nullopt without a payload, and for a record that an index lists:
  // an index does not have it.
  std::optional<std::uint32_t> payload_check;
  std::uint64_t offset = 0;  // of the record in the archive

  // Returns whether the record has a payload, which may be empty.
  bool has_payload() const { return (flags & kFlagPayload) != 0; }
  // Returns whether the payload is a chunk of a tensor: that of a chunk record, or chunk 0, which is
  // in the tensor's own record.
  bool has_chunk() const {
    return has_payload() && (type == RecordType::kTensor || type == RecordType::kChunk);
  }
  // Returns whether the meta ends with extensions.
  bool is_extended() const { return (flags & kFlagExtended) != 0; }
  // Returns the bytes that the record's index entry takes.
  std::size_t entry_size() const;
  // Returns the bytes of the head, the meta included.
  std::size_t size() const { return kSealSize + entry_size() + (has_payload() ? kCheckSize : 0); }
  // Returns the offset of the payload in the archive.
  std::uint64_t payload_offset() const { return offset + size() + pad_length; }
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

// Returns the head of a record with this content at `offset`, with the flags that the type demands
// and those of `more`: kFlagExtended, and kFlagPayload for a tensor with a chunk. If `alignment` is
// not 0 and the payload of a chunk is not shorter, the record is padded so that its payload begins at
// a multiple of it. Precondition: `meta` has at most kMostMeta bytes.
RecordHead make_head(RecordType type, Bytes meta, Bytes payload, std::uint64_t offset,
                     std::uint64_t alignment = 0, std::uint8_t more = 0);

// Appends a record's index entry to `out`: what the head has between its seal (sync bytes and head
// check) and the payload check.
void encode_entry(const RecordHead& head, Bytes meta, std::vector<std::byte>& out);

// Decodes the entry at the start of `list`, which describes the record at `offset`. The view's meta
// points into `list`, and RecordHead::entry_size() gives the bytes that the entry takes. Checks what
// must hold for every record, but not what depends on the type: see check_fields(). Errors:
// kMalformed.
Result<RecordView> decode_entry(Bytes list, std::uint64_t offset);

// Appends a record's head to `out`. `id` is that of the archive. Precondition: the head has a
// payload check if it has a payload.
void encode_head(const RecordHead& head, Bytes meta, std::uint64_t id, std::vector<std::byte>& out);

// Returns how many bytes the head at `offset` has at least. `head` are its first bytes, at least
// kLeastRecord: if there are as many as the result, they are the whole head, and its size is
// exact; otherwise, the caller gets so many and asks again. The size is as trustworthy as the sync
// bytes, which are checked. The result is at most kLongestHead. Errors: kMalformed if the sync bytes
// are missing, or a field before the meta is not valid.
Result<std::size_t> head_size(Bytes head, std::uint64_t offset);

// Decodes the head that is exactly `bytes`, and checks its head check. `id` is that of the archive.
// Does not check the sync bytes, nor what depends on the type (see check_fields()). Errors:
// kChecksum; those of decode_entry. Precondition: bytes.size() is the result of head_size().
Result<RecordView> decode_intact_head(Bytes bytes, std::uint64_t offset, std::uint64_t id);

// Checks a head's type, flags and payload length. The payload of an unknown skippable record has no
// limit. Errors: kMalformed, kUnsupported, kLimit.
Status check_fields(const RecordHead& head, const Limits& limits);

// Runs decode_intact_head() and then check_fields(). Errors: those of both, in that order.
Result<RecordView> decode_head(Bytes bytes, std::uint64_t offset, std::uint64_t id,
                               const Limits& limits);

// Checks a payload against the payload check in its head. Succeeds for a record without a payload,
// and for a head that comes from an index. Precondition: the payload has the length that the head
// states. Errors: kChecksum.
Status check_payload(const RecordHead& head, Bytes payload);
// Checks a payload of which the caller has computed the XXH3-64. Errors: kChecksum.
Status check_payload(const RecordHead& head, std::uint64_t computed);

// Checks that the bytes of a pad are zero. Errors: kMalformed, naming the record.
Status check_pad(const RecordHead& head, Bytes pad);

}  // namespace bbz::container
