// Measures how two tensors of one name differ, entry by entry.
#pragma once

#include <functional>
#include <vector>

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

// Loads a part of a tensor: whole elements from byte `offset` on, as many as are loaded best at once;
// none if the tensor has no bytes. Called with 0 first, and then with the offset after each part.
using LoadPart = std::function<Result<std::vector<std::byte>>(std::uint64_t offset)>;

// Compares two tensors part by part, and holds one part of each. If both are floats, they are compared as numbers, even if their types
// differ; an infinity equals itself, and a NaN equals a NaN. Other tensors are only found identical
// or not; if not, `largest` is infinite. Errors: kInvalidArgument if the shapes in values differ; kMalformed
// if the bytes do not have the size that the info implies, both naming the tensor; those of the
// loads.
Result<TensorDifference> compare_tensors(const TensorInfo& first, const LoadPart& load_first,
                                         const TensorInfo& second, const LoadPart& load_second);

}  // namespace bbz::compare
