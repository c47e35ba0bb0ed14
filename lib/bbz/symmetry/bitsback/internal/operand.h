// The carriers of a junction as one matrix. Internal.
#pragma once

#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::bitsback {

using linalg::Matrix;

// What rounding to a stored type costs.
struct Precision {
  std::size_t bytes = 0;  // of one element
  int mantissa_bits = 0;
  int least_normal_exponent = 0;  // below 2 to this, the spacing of values no longer shrinks
};

// The types a rotation can be hidden in: F16, BF16, F32. Errors: kUnsupported.
Result<Precision> precision_of(DType dtype);

// Y: d rows, and one column for each row of each carrier in their order, so that the frame that is
// recovered acts from the left. Views the carriers' bytes and widens some columns at a time, which
// in a block are rows, as they are stored.
class Operand {
 public:
  // Errors: kInvalidArgument where a carrier's bytes do not fill whole rows of d elements, there is
  // no carrier, or the types differ; kUnsupported for a type that precision_of() refuses.
  static Result<Operand> open(std::uint64_t width, std::span<const Carrier> carriers);

  std::size_t width() const { return width_; }
  std::size_t columns() const { return columns_; }
  const Precision& precision() const { return precision_; }

  // Columns first ... first + out.rows() - 1 of Y as the rows of `out`. Precondition: they are
  // there, and a row of `out` has width() elements.
  void fetch(std::size_t first, linalg::View out) const;

  // Errors: kMalformed for the first element that is infinite or not a number, naming it.
  Status require_finite() const;

 private:
  std::size_t width_ = 0;
  std::size_t columns_ = 0;
  Precision precision_;
  std::span<const Carrier> carriers_;
};

// Columns that the loops over an operand take at a time: enough for full speed of the products.
inline constexpr std::size_t kBlockColumns = 512;

// Calls visit(first, count) for consecutive blocks that cover [0, columns).
template <class Visit>
void for_each_block(std::size_t columns, Visit visit) {
  for (std::size_t first = 0; first < columns; first += kBlockColumns) {
    visit(first, std::min(kBlockColumns, columns - first));
  }
}

}  // namespace bbz::bitsback
