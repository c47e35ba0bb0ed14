// Stored elements as double, and double rounded to a stored type: to nearest, ties to even, in one
// rounding. Internal.
#pragma once

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/tensor/dtype.h"

namespace bbz::bitsback {

// What rounding to a type costs.
struct Precision {
  std::size_t bytes = 0;          // of one element
  int mantissa_bits = 0;          // stored ones
  int least_normal_exponent = 0;  // below 2 to this, the spacing of values no longer shrinks
};

// The types a rotation can be hidden in: F16, BF16, F32. Errors: kUnsupported.
Result<Precision> precision_of(tensor::DType dtype);

// Widens `count` elements at `in`. Infinities and NaN come out as such. Precondition:
// precision_of(dtype) succeeds and count * bytes bytes are there.
void widen(tensor::DType dtype, const std::byte* in, std::size_t count, double* out);

// Rounds `count` values to elements at `out`; a value beyond the type's range becomes infinite.
void narrow(tensor::DType dtype, const double* in, std::size_t count, std::byte* out);

}  // namespace bbz::bitsback
