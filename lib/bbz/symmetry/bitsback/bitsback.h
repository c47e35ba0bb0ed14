// Bits-back for rotations: a junction of a sliced model may be rotated freely, so the rotation is
// drawn from bytes that have to be stored anyway, and those bytes, the riders, need no other place.
//
//   auto plan = plan_junction(d, carriers);               // gate/up or q/k/v, in any basis
//   auto drawn = encode(*plan, carriers, riders);         // riders.size() <= capacity_bytes(*plan)
//   ... store drawn->carriers and drawn->record; rotate the junction's other members by
//   drawn->rotation; do not store the riders ...
//   auto riders = decode(d, stored_carriers, record);     // the same bytes, or an error
//
// The scheme is that of He, Flamich and Hernández-Lobato, "Getting Free Bits Back from Rotational
// Symmetries in LLMs" (arXiv 2410.01309), with another frame in the place of the principal axes:
// the polar factor of Y Wᵀ, where W is a coarsely rounded copy of the carriers in a first, rough
// frame. It is smooth where eigenvalues meet, needs neither signs nor an order of axes, averages
// the rounding of every column, and its error is about that of knowing the unrotated carriers.
//
// Wire format and the argument that every machine decodes the same bytes: format-spec/bits-back.md.
//
// A model is coded from its last layer to its first. When the junction after a block's MLP has been
// drawn, down_proj has its stored bytes: they are the riders of the junction before it, carried by
// gate/up; o_proj's are the riders of the junction before the attention, carried by q/k/v.
#pragma once

#include <span>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/dtype.h"
#include "bbz/base/error.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::bitsback {

// Fences: the widest junction, and the most rows that its carriers may have together. Decoding
// holds about 50 d² bytes, which at the widest are 3.3 GB; no residual stream that was sliced and
// published is wider once sliced.
inline constexpr std::uint64_t kMaxWidth = 8192;
inline constexpr std::uint64_t kMaxColumns = 1 << 22;

// A tensor after the junction, from which the rotation is recovered: [out, d], row-major packed
// elements of F16, BF16 or F32, the same type for all carriers of a junction. Not owned.
struct Carrier {
  DType dtype{};
  Bytes bytes;
};

// The values that a drawn rotation's parameters take: skew entries (2n + 1 - 2^bits) scale 2^-shift
// for n in 0 ... 2^bits - 1.
struct Grid {
  int bits = 0;   // 1 ... 24, payload per degree of freedom
  int scale = 0;  // 128 ... 255
  int shift = 0;  // 0 ... 64

  double step() const;
  double value(std::uint32_t n) const;
};

// What is settled about a junction before anything is drawn. Valid for the carriers it was made
// from.
struct Plan {
  std::uint64_t width = 0;  // d
  std::uint8_t seed = 0;    // of the mixing that makes the first frame, and of the whitening
  Grid grid;
  double expected_noise = 0;                   // standard deviation of the recovered parameters
  std::vector<std::int8_t> row_exponents;      // d: the scale of each row of W, as a power of two
  std::vector<std::int16_t> column_exponents;  // of each carrier row, to bring it to norm 1
  std::vector<std::int8_t> weights;            // W, d for each carrier row
  linalg::Matrix frame;                        // d×d, of the carriers as given
};

// Degrees of freedom of a rotation of `width` axes: d(d-1)/2.
constexpr std::uint64_t degrees_of_freedom(std::uint64_t width) {
  return width < 2 ? 0 : width * (width - 1) / 2;
}

// Payload that a junction takes at `bits` per degree of freedom, and that of a plan.
constexpr std::uint64_t capacity_bits(std::uint64_t width, int bits) {
  return degrees_of_freedom(width) * static_cast<std::uint64_t>(bits);
}
std::uint64_t capacity_bytes(const Plan& plan);

// Bits that the plan is expected to save: the payload less the correction code. An estimate: within
// some per cent of what encode() reaches.
double expected_net_bits(const Plan& plan);

// Measures the carriers of one junction. Errors, each message beginning with the reason:
// kUnsupported "frame: ..." where no rotation can be hidden (d = 1, fewer carrier rows than d, rank
// below d, too little precision), "dtype: ..." for other element types; kMalformed "frame: ..." for
// an element that is not finite; kInvalidArgument for sizes that do not fit.
// Takes about 4 d² n operations for n carrier rows, and memory for 4 d² doubles and n d bytes.
Result<Plan> plan_junction(std::uint64_t width, std::span<const Carrier> carriers);

// Returns how many bytes the stored form of the carriers and the record have together at the least:
// the coordinates follow from them, and what whitened bits follow from has as many; and of each
// row's elements, which a rotation has mixed, as many as there are axes cannot take less than 4
// bits. `record` need not be one that decodes; without a bits field, it has none.
std::uint64_t least_stored_bytes(std::uint64_t width, Bytes record);

// What encode() makes.
struct Drawn {
  // d×d: a carrier W [out, d] is stored as W U. The junction's members before it ([d, in], bias)
  // become Uᵀ W, the shortcut that enters it S U, the one that leaves it Uᵀ S.
  linalg::Matrix rotation;
  std::vector<std::vector<std::byte>> carriers;  // W U rounded to the carriers' type
  std::vector<std::byte> record;                 // what decode() needs beside the stored carriers
  double largest_rounding = 0;                   // of |stored - exact| over all carriers
  double rms_rounding = 0;
};

// Draws the rotation whose bits are `riders` and applies it to the carriers of the plan. Decodes
// what it made before it returns. Precondition: plan came from plan_junction(width, carriers).
// Errors: kInvalidArgument where there are more riders than capacity_bytes(plan); kUnsupported
// "frame: ..." where a rotated element leaves the range of its type or the margins cannot be met.
Result<Drawn> encode(const Plan& plan, std::span<const Carrier> carriers, Bytes riders);

// Recovers the riders from the stored carriers and the record. Bytes that were changed give an
// error, never other riders: kMalformed or kTruncated for a record that breaks a rule of the format
// or does not fit the carriers, kChecksum where the riders differ from those that were drawn.
Result<std::vector<std::byte>> decode(std::uint64_t width, std::span<const Carrier> carriers,
                                      Bytes record);

}  // namespace bbz::bitsback
