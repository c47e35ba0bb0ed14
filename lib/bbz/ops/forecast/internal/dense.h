// The size of tensors that are rotated and rounded again.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "bbz/archive/tensor_spec.h"
#include "bbz/codec/codec.h"
#include "bbz/symmetry/gauge/floor.h"
#include "bbz/symmetry/junction/detect.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::forecast {

// The floors, in the order of Sizes.
inline constexpr std::array<gauge::Floor, 3> kFloors = {gauge::Floor::kNone, gauge::Floor::kHalf,
                                                        gauge::Floor::kOne};
// A size in bytes for each floor.
using Sizes = std::array<double, kFloors.size()>;

// Returns the bytes of the payloads of a tensor that is stored as `spec` says.
Result<double> coded_bytes(const TensorSpec& spec, Bytes stored);

// Returns the spec of a dense matrix.
TensorSpec dense_spec(DType dtype, std::uint64_t rows, std::uint64_t cols);

// The rows of a rotated matrix that are computed, spread evenly: all, if `share` is 1. At least so many that
// a sample has about 48 KiB.
std::vector<linalg::Index> sampled_rows(const TensorInfo& info, double share);

// Rounds rows as rotate_member() does, and returns the bytes of their payloads for each floor. Errors:
// kUnsupported if an entry overflows the type.
Result<Sizes> rounded_bytes(const TensorInfo& info, const linalg::Matrix& exact);

// Returns the bytes of the payloads of a member after the rotation `u` of its junction, from some of its
// rows. `exact_bytes` is what the whole takes as it is, if that is known. Errors: those of rounded_bytes().
// Precondition: the member is finite.
Result<Sizes> rotated_bytes(const TensorInfo& info, junction::Role role, Bytes bytes,
                            const linalg::Matrix& u, double share);

// What was found for some tensors, and so holds for others like them.
class Rates {
 public:
  // What is known of a kind of tensors.
  struct Rate {
    double elements = 0;
    Sizes bytes{};
    double squares = 0;  // of bytes[0] for an element, weighted by elements
    double count = 0;    // of tensors
  };

  // Adds a tensor in `role` that takes so many bytes.
  void add(const TensorInfo& info, junction::Role role, const Sizes& bytes);
  // Returns what a tensor takes: as those of its role, type and shape; else as those of its role and its type, or of its type
  // alone. Returns nothing if there is none of these. `error` is its standard error, in bytes.
  std::optional<Sizes> of(const TensorInfo& info, junction::Role role, double& error) const;

 private:
  std::map<std::string, Rate> rates_;
};

}  // namespace bbz::forecast
