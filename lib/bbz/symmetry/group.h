// The payloads of symmetry groups, from which tensors are rebuilt. format-spec/records.md defines
// the fields.
#pragma once

#include <optional>
#include <vector>

#include "bbz/codec/codec.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz::symmetry {

using catalog::Form;
using catalog::GroupMethod;

// The payload for a derived shortcut. If its rank is not 0, the tensor record that directly follows
// the group is its operand, which holds the entries of F.
struct PolarGroup {
  std::vector<std::uint32_t> pivots;     // as many as the rank, below 65,536
  std::uint64_t decoded_checksum = 0;    // XXH3-64 of the derived tensor
  std::optional<Digest> decoded_digest;  // SHA-256 of it, if that is the archive's digest kind
};

// The limit on the bytes of the tensors that belong to a group, which are held in memory together.
inline constexpr std::uint64_t kMaxGroupTensorBytes = std::uint64_t{4} << 30;

// The payload for a rotation that carries riders. The rotation is recovered from the
// `carriers` tensors that directly follow the group record.
struct BitsBackGroup {
  std::uint32_t width = 0;        // of the junction
  std::uint16_t carriers = 0;     // at least 1
  std::vector<std::byte> record;  // the correction code: format-spec/bits-back.md
};

// Returns the payload of a polar group.
std::vector<std::byte> encode_group(const PolarGroup& group);
// Returns the payload of a bits-back group.
std::vector<std::byte> encode_group(const BitsBackGroup& group);

// Decodes the payload of a polar group, which must be consumed exactly. `kind` is that of the file
// header. Errors: kMalformed; kUnsupported if reserved bytes are not 0.
Result<PolarGroup> decode_polar_group(Bytes payload, DigestKind kind);
// Decodes the payload of a bits-back group, whose record is not decoded. Errors: kMalformed;
// kUnsupported if reserved bytes are not 0.
Result<BitsBackGroup> decode_bits_back_group(Bytes payload);

// The head of a payload whose codec is carried. The payload of the codec that it names consists of
// `length` bytes of the group's riders from `offset` on, followed by the rest of this payload.
struct CarriedHead {
  std::uint16_t codec = 0;
  std::uint32_t length = 0;
  std::uint64_t offset = 0;
};
// The number of codec carried in the format.
inline constexpr auto kCodecCarried = static_cast<std::uint16_t>(codec::CodecId::kCarried);
// The bytes of a CarriedHead in a payload.
inline constexpr std::size_t kCarriedHeadSize = 16;

// Appends the head to `out`.
void encode_carried_head(const CarriedHead& head, std::vector<std::byte>& out);
// Decodes the head at the start of a payload. Errors: kMalformed; kUnsupported if reserved bytes
// are not 0.
Result<CarriedHead> decode_carried_head(Bytes payload);

}  // namespace bbz::symmetry
