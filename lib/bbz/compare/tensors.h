// How two tensors of one name differ, entry by entry.
#pragma once

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::compare {

struct TensorDifference {
  bool identical = false;  // type, shape and bytes
  double largest = 0;      // of the absolute differences; infinite where only one entry is a NaN
  double root_mean_square = 0;
  double norm = 0;  // root mean square of the first tensor's entries
};

// Float tensors are compared as numbers, also where their types differ; an infinity equals itself,
// as does a NaN. Others are only found identical or not (largest is then infinite).
// Errors: kInvalidArgument where the shapes differ; kMalformed where bytes are not the size that
// the info says. Both name the tensor.
Result<TensorDifference> compare_tensors(const TensorInfo& first, Bytes first_bytes,
                                         const TensorInfo& second, Bytes second_bytes);

}  // namespace bbz::compare
