// The payloads of symmetry groups: what is stored beside the tensors to put the others together.
// Field by field in format-spec/records.md.
#pragma once

#include <optional>
#include <vector>

#include "bbz/codec/codec.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz::symmetry {

// How a tensor's elements follow from its chunks. The numbers stand in the format.
inline constexpr std::uint8_t kFormLower =
    1;  // the entries right of the diagonal are zero, not stored
inline constexpr std::uint8_t kFormPolar = 2;  // derived from a group's operand; nothing is stored
inline constexpr std::uint8_t kFormRider =
    3;  // dense, but part of its payloads rides in a rotation

// GroupMeta::method.
inline constexpr std::uint8_t kMethodPolar = 2;
inline constexpr std::uint8_t kMethodBitsBack = 3;

// One shortcut that is derived. Where its rank is not 0, the tensor record that directly follows
// the group is its operand, the entries of F.
struct PolarGroup {
  std::vector<std::uint32_t> pivots;     // as many as the rank, below 65,536
  std::uint64_t decoded_checksum = 0;    // XXH3-64 of the derived tensor
  std::optional<Digest> decoded_digest;  // SHA-256 of it, where that is the archive's digest kind
};

// The tensors that belong to a group are held in memory until what follows from them is known.
inline constexpr std::uint64_t kMaxGroupTensorBytes = std::uint64_t{4} << 30;

// One rotation with a payload. The `carriers` tensor records that directly follow the group are
// what it is recovered from.
struct BitsBackGroup {
  std::uint32_t width = 0;        // of the junction
  std::uint16_t carriers = 0;     // at least 1
  std::vector<std::byte> record;  // the correction code: format-spec/bits-back.md
};

std::vector<std::byte> encode_group(const PolarGroup& group);
std::vector<std::byte> encode_group(const BitsBackGroup& group);

// Each takes the payload of a group of its method, which must be taken exactly.
// Errors: kMalformed, kUnsupported for reserved fields.
Result<PolarGroup> decode_polar_group(Bytes payload, DigestKind kind);
Result<BitsBackGroup> decode_bits_back_group(Bytes payload);

// The head of the payload of a chunk whose codec is carried: the codec's own payload is `length`
// bytes of the group's riders from `offset` on, followed by the rest of this payload.
struct CarriedHead {
  std::uint16_t codec = 0;
  std::uint32_t length = 0;
  std::uint64_t offset = 0;
};
inline constexpr auto kCodecCarried = static_cast<std::uint16_t>(codec::CodecId::kCarried);
inline constexpr std::size_t kCarriedHeadSize = 16;

void encode_carried_head(const CarriedHead& head, std::vector<std::byte>& out);
// Errors: kMalformed, kUnsupported.
Result<CarriedHead> decode_carried_head(Bytes payload);

}  // namespace bbz::symmetry
