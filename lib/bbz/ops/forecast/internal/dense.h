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

// What all forecasts of rotated models name often.
using junction::Junction;
using junction::Member;
using junction::Role;
using linalg::Index;
using linalg::Matrix;

// The floors, in the order of Sizes.
inline constexpr std::array<gauge::Floor, 3> kFloors = {gauge::Floor::kNone, gauge::Floor::kHalf,
                                                        gauge::Floor::kOne};
// A size in bytes for each floor.
using Sizes = std::array<double, kFloors.size()>;

// Returns the number of elements of a tensor.
double elements_of(const TensorInfo& info);

// Returns the bytes of the payloads of a tensor that is stored as `spec` says.
Result<double> coded_bytes(const TensorSpec& spec, Bytes stored);

// Returns the spec of a dense matrix.
TensorSpec dense_spec(DType dtype, std::uint64_t rows, std::uint64_t cols);

// Returns bytes that look random, and are the same for the same seed.
std::vector<std::byte> made_up_bytes(std::size_t count, std::uint64_t seed);

// The rows of a rotated matrix that are computed, spread evenly: all, if `share` is 1. At least so many that
// a sample has about 48 KiB.
std::vector<Index> sampled_rows(const TensorInfo& info, double share);

// Rounds rows as rotate_member() does, and returns the bytes of their payloads for each floor. Errors:
// kUnsupported if an entry overflows the type.
Result<Sizes> rounded_bytes(const TensorInfo& info, const Matrix& exact);

// Returns the bytes of the payloads of a member after the rotation `u` of its junction, from some of its
// rows. Errors: those of rounded_bytes(). Precondition: the member is finite.
Result<Sizes> rotated_bytes(const TensorInfo& info, Role role, Bytes bytes, const Matrix& u,
                            double share);

// What was found for some tensors, and so holds for others like them.
class Rates {
 public:
  // Adds a tensor in `role` that takes so many bytes.
  void add(const TensorInfo& info, Role role, const Sizes& bytes);
  // Returns what a tensor takes: as those of its role, type and shape; else as those of its role and its type,
  // or of its type alone. Returns nothing if there is none of these. Unless the tensor itself was
  // `measured`, error() counts it.
  std::optional<Sizes> take(const TensorInfo& info, Role role, bool measured);
  // Returns the standard error of the sum of all sizes that were returned, for each floor, in bytes.
  Sizes error() const;

 private:
  // What is known of a kind of tensors.
  struct Rate {
    double elements = 0;
    Sizes bytes{};
    Sizes squares{};   // of the bytes of an element, weighted by elements
    double count = 0;  // of tensors
    // Of the tensors that were not measured.
    double taken = 0, taken_squares = 0;  // elements of a tensor
  };

  std::map<std::string, Rate> rates_;
};

}  // namespace bbz::forecast
