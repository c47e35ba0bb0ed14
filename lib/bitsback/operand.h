// The carriers of a junction as one matrix. Internal.
#pragma once

#include "bbz/bitsback/bitsback.h"
#include "bbz/bitsback/dense.h"
#include "bbz/bitsback/element.h"

namespace bbz::bitsback {

// Y: d rows, and one column for each row of each carrier in their order, so that the frame that is
// recovered acts from the left. Views the carriers' bytes; widens a range of columns at a time.
class Operand {
 public:
  // Errors: kInvalidArgument where a carrier's bytes do not fill whole rows of d elements, there is
  // no carrier, or the types differ; kUnsupported for a type that precision_of() refuses.
  static Result<Operand> open(std::uint64_t width, std::span<const Carrier> carriers);

  std::size_t width() const { return width_; }
  std::size_t columns() const { return columns_; }
  const Precision& precision() const { return precision_; }

  // Columns first ... first + out.cols() - 1. Precondition: they are there; out has width() rows.
  void fetch(std::size_t first, Block out) const;

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
