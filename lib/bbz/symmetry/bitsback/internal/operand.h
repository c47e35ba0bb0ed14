// The carriers of a junction as one matrix.
#pragma once

#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::bitsback {

using linalg::Matrix;

// The precision of a stored type.
struct Precision {
  std::size_t bytes = 0;  // of one element
  int mantissa_bits = 0;
  int least_normal_exponent = 0;  // below 2 to this, the spacing of values is constant
};

// Returns the precision of F16, BF16 or F32, the types in which a rotation can be hidden. Errors:
// kUnsupported for other types.
Result<Precision> precision_of(DType dtype);

// The matrix Y: d rows, and a column for each row of each carrier in their order, so that the
// recovered frame acts from the left. Views the carriers' bytes, and converts some columns at a
// time. In a block, columns are rows, as they are stored.
class Operand {
 public:
  // Makes the matrix of carriers whose bytes outlive it. Errors: kInvalidArgument if there is no
  // carrier or the bytes of one do not fill whole rows of d elements; kUnsupported if the types
  // differ or precision_of() refuses them; kLimit if the width is 0 or above kMaxWidth, or there
  // are more than kMaxColumns columns.
  static Result<Operand> open(std::uint64_t width, std::span<const Carrier> carriers);

  // Returns d, the number of rows.
  std::size_t width() const { return width_; }
  // Returns the number of columns.
  std::size_t columns() const { return columns_; }
  // Returns the precision of the carriers' type.
  const Precision& precision() const { return precision_; }

  // Loads columns first ... first + out.rows() - 1 of Y as the rows of `out`. Precondition: Y has
  // these columns, and a row of `out` has width() elements.
  void fetch(std::size_t first, linalg::View out) const;

  // Checks that all elements are finite. Errors: kMalformed, naming the first that is not.
  Status require_finite() const;

 private:
  std::size_t width_ = 0;
  std::size_t columns_ = 0;
  Precision precision_;
  std::span<const Carrier> carriers_;
};

// The number of columns that loops over an operand take at a time, enough for fast products.
inline constexpr std::size_t kBlockColumns = 512;

// Calls visit(first, count) for consecutive blocks that cover [0, columns).
template <class Visit>
void for_each_block(std::size_t columns, Visit visit) {
  for (std::size_t first = 0; first < columns; first += kBlockColumns) {
    visit(first, std::min(kBlockColumns, columns - first));
  }
}

}  // namespace bbz::bitsback
