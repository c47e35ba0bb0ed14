// The pivot gauge of a low-rank pair: one factor of W = A B holds an identity, whose rows or columns
// need not be stored.
//
// W = (A G)(G^-1 B) for every invertible G. With G = A_P^-1, for r rows P of A, A G is the identity in
// these rows, and G^-1 B = A_P B is the same rows of W. Columns of B work in the same way. See Zhao et
// al., "Pivoting Factorization", arXiv 2501.19090; the rows are those of a large volume (Goreinov et
// al., "How to Find a Good Submatrix", 2010), so that no entry of A G is much larger than 1.
#pragma once

#include "bbz/base/error.h"
#include "bbz/base/tensor_info.h"
#include "bbz/symmetry/gauge/floor.h"
#include "bbz/symmetry/gauge/pivot.h"

namespace bbz::pair {

// A pair in the pivot gauge.
struct Pivoted {
  catalog::Pivots pivots;         // rows of A, or columns of B, that hold the identity
  std::vector<std::byte> a;       // all entries of A, in its type
  std::vector<std::byte> b;       // all entries of B, in its type
  gauge::Rounding rounding;       // of the entries that are not of the identity
  double product_difference = 0;  // |A' B' - A B| / |A B| in the Frobenius norm
  double plain_difference = 0;    // the same without a floor
};

// The largest product_difference of a pair, as a multiple of the rounding of an entry (half a unit
// in the last place of 1), without a floor: a factor with nearly dependent rows makes more, and is left
// alone.
inline constexpr double kMostDifference = 8;

// Returns the axis along which a pair of this shape has pivots: 0 for rows of A, 1 for columns of B, or
// nothing if neither are more than the rank. Both save the rank squared, and that of the smaller
// extent makes the smaller error.
std::optional<unsigned> pivot_axis(std::uint64_t out, std::uint64_t in, std::uint64_t rank);

// Returns the pivots of a pair that is in the pivot gauge already: those of A or, if it has none,
// those of B. So packing what was unpacked changes nothing. Precondition: the bytes have the size of
// the tensors.
std::optional<catalog::Pivots> find_pivots(const TensorInfo& a, Bytes a_bytes, const TensorInfo& b,
                                           Bytes b_bytes);

// Brings a pair A [out, rank], B [rank, in] into the pivot gauge. Products are computed in double, and
// each entry is rounded once to its tensor's type (gauge/floor.h). The differences of the product are
// measured on all of its rows or, if that takes too long, on evenly spaced ones. Takes memory for some
// eight times the pair as double.
// Errors, naming the tensor: kMalformed if bytes do not have the size of the tensor; kUnsupported if
// an entry is infinite or NaN, pivot_axis() gives none, the pivots are singular, an entry overflows
// its type, or product_difference is above kMostDifference.
// Preconditions: the types are float types; the shapes fit, without an empty axis.
Result<Pivoted> pivot(const TensorInfo& a, Bytes a_bytes, const TensorInfo& b, Bytes b_bytes,
                      gauge::Floor floor);

}  // namespace bbz::pair
