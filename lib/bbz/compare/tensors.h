// Measures how two tensors of one name differ, entry by entry.
#pragma once

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::compare {

// The difference between two tensors.
struct TensorDifference {
  bool identical = false;  // in type, shape and bytes
  double largest = 0;  // largest absolute difference; infinite if only one of two entries is a NaN
  double root_mean_square = 0;  // of the differences
  double norm = 0;              // root mean square of the first tensor's finite entries
};

// Compares two tensors. If both are floats, they are compared as numbers, even if their types
// differ; an infinity equals itself, and a NaN equals a NaN. Other tensors are only found identical
// or not; if not, `largest` is infinite. Errors: kInvalidArgument if the shapes differ; kMalformed
// if the bytes do not have the size that the info implies. Both name the tensor.
Result<TensorDifference> compare_tensors(const TensorInfo& first, Bytes first_bytes,
                                         const TensorInfo& second, Bytes second_bytes);

}  // namespace bbz::compare
