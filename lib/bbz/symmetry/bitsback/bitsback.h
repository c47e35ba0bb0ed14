// Bits-back for rotations. A junction of a sliced model may be rotated freely. So the rotation is
// chosen by bytes that have to be stored anyway: these bytes, the riders, then need no space of
// their own.
//
//   auto plan = plan_junction(d, carriers);               // gate/up or q/k/v, in any basis
//   auto drawn = encode(*plan, carriers, riders);         // riders.size() <= capacity_bytes(*plan)
//   ... store drawn->carriers and drawn->record; rotate the junction's other members by
//   drawn->rotation; do not store the riders ...
//   auto riders = decode(d, stored_carriers, record);     // the same bytes, or an error
//
// The scheme is that of He, Flamich and Hernández-Lobato, "Getting Free Bits Back from Rotational
// Symmetries in LLMs" (arXiv 2410.01309), with another frame than the principal axes: the polar
// factor of Y Wᵀ, in which W is a coarsely rounded copy of the carriers in a first, rough frame.
// This frame is smooth even if eigenvalues coincide, needs neither signs nor an order of axes, and
// averages the rounding of every column. Its error is about as small as if the unrotated carriers
// were known.
//
// A build without BBZ_BITS_BACK has none of it: plan_junction(), encode() and decode() then return
// kUnsupported and name the option, and the rest of an archive is read as ever.
//
// format-spec/bits-back.md defines the format, and argues that every machine decodes the same
// bytes.
//
// A model is coded from its last layer to its first. Once the rotation of the junction after a
// block's MLP is drawn, down_proj has its stored bytes. They are the riders of the junction before
// the MLP, whose carriers are gate and up. Likewise o_proj is the rider of the junction before the
// attention, whose carriers are q, k and v.
#pragma once

#include <span>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/dtype.h"
#include "bbz/base/error.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::bitsback {

// Limits on the width of a junction and on the rows that its carriers have together. Decoding holds
// about 50 d² bytes, which is 3.3 GB for the widest junction. No published sliced model is wider.
inline constexpr std::uint64_t kMaxWidth = 8192;
inline constexpr std::uint64_t kMaxColumns = 1 << 22;

// A tensor after the junction, from which the rotation is recovered: [out, d], row-major, packed
// elements of F16, BF16 or F32. All carriers of a junction have the same dtype. The bytes are not
// owned.
struct Carrier {
  DType dtype{};
  Bytes bytes;
};

// The values of a drawn rotation's parameters: skew entries (2n + 1 - 2^bits) scale 2^-shift for n
// in 0 ... 2^bits - 1.
struct Grid {
  int bits = 0;   // 1 ... 24, payload per degree of freedom
  int scale = 0;  // 128 ... 255
  int shift = 0;  // 0 ... 64

  // Returns the distance between neighbouring values.
  double step() const;
  // Returns value number n.
  double value(std::uint32_t n) const;
};

// The measurements of a junction's carriers before a rotation is drawn. Valid for these carriers
// only.
struct Plan {
  std::uint64_t width = 0;  // d
  std::uint8_t seed = 0;    // of the mixing that makes the rough frame, and of the whitening
  Grid grid;
  double expected_noise = 0;                   // standard deviation of the recovered parameters
  std::vector<std::int8_t> row_exponents;      // d: the scale of each row of W, as a power of two
  std::vector<std::int16_t> column_exponents;  // of each carrier row, to scale it to a norm near 1
  std::vector<std::int8_t> weights;            // W, d for each carrier row
  linalg::Matrix frame;                        // d×d, of the carriers as given
};

// Returns the degrees of freedom of a rotation of `width` axes: d(d-1)/2.
constexpr std::uint64_t degrees_of_freedom(std::uint64_t width) {
  return width < 2 ? 0 : width * (width - 1) / 2;
}

// Returns the payload of a junction at `bits` bits for each degree of freedom, in bits.
constexpr std::uint64_t capacity_bits(std::uint64_t width, int bits) {
  return degrees_of_freedom(width) * static_cast<std::uint64_t>(bits);
}
// Returns the most bytes of riders that a plan can take.
std::uint64_t capacity_bytes(const Plan& plan);

// Estimates the bits that the plan saves, the payload less the correction code, within some per
// cent of the result of encode().
double expected_net_bits(const Plan& plan);

// Returns an error if this build cannot do any of this: kUnsupported, naming the option.
Status check_built();

// Measures the carriers of one junction. Takes about 4 d² n operations for n carrier rows, and
// memory for 4 d² doubles and n d bytes.
// Errors, with messages that begin with the reason: kUnsupported "frame: ..." if no rotation can be
// hidden (d = 1, fewer carrier rows than d, rank below d, too little precision, different dtypes),
// or "dtype: ..." if the dtype is another; kMalformed "frame: ..." if an element is not finite;
// kInvalidArgument if there is no carrier or a carrier has part of a row; kLimit if the width is 0
// or above kMaxWidth, or the carriers have more than kMaxColumns rows.
Result<Plan> plan_junction(std::uint64_t width, std::span<const Carrier> carriers);

// Returns the fewest bytes that the stored carriers and the record can have together. They
// determine the coordinates, whose bits are whitened and do not compress; and at least d² of the
// carriers' elements, which the rotation has mixed, cannot take fewer than 4 bits each. `record`
// need not be valid; if it is shorter than a record's header, it counts as one without coordinates.
std::uint64_t least_stored_bytes(std::uint64_t width, Bytes record);

// The result of encode().
struct Drawn {
  // U, d×d. A carrier W [out, d] is stored as W U. The members before the junction ([d, in], bias)
  // become Uᵀ W, the shortcut that enters it S U, and the shortcut that leaves it Uᵀ S.
  linalg::Matrix rotation;
  std::vector<std::vector<std::byte>> carriers;  // W U rounded to the carriers' type
  std::vector<std::byte> record;                 // needed by decode() beside the stored carriers
  double largest_rounding = 0;                   // largest |stored - exact| over all carriers
  double rms_rounding = 0;
};

// Draws the rotation whose bits are `riders` and applies it to the carriers of the plan. Decodes
// the result before it returns. Precondition: `plan` came from plan_junction(width, carriers).
// Errors: kInvalidArgument if there are more riders than capacity_bytes(plan), or the carriers have
// another number of rows than the plan; kUnsupported "frame: ..." if a rotated element is out of
// the range of its type, or the rotation could not be recovered reliably.
Result<Drawn> encode(const Plan& plan, std::span<const Carrier> carriers, Bytes riders);

// Recovers the riders from the stored carriers and the record. Changed bytes give an error, never
// other riders. Errors: kTruncated, kUnsupported and kMalformed if the record breaks a rule of the
// format; kMalformed if the carriers do not fit it, have an element that is not finite or fix no
// rotation; kChecksum if the riders differ from those that were drawn; kInvalidArgument, kLimit and
// kUnsupported for carriers, as plan_junction().
Result<std::vector<std::byte>> decode(std::uint64_t width, std::span<const Carrier> carriers,
                                      Bytes record);

}  // namespace bbz::bitsback
