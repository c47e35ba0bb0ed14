// Measures the rounding of a rotated tensor.
#pragma once

#include <cstdint>

#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::gauge {

// Sums up the differences between stored entries and the exact rotation.
struct Deviation {
  double largest = 0;
  double sum_of_squares = 0;
  std::uint64_t count = 0;

  // Adds the differences between two matrices of the same shape.
  void add(const linalg::ConstView& exact, const linalg::ConstView& stored);
  // Adds the differences that `other` sums up.
  void add(const Deviation& other);
  // Returns the root of the mean of the squared differences, or 0 if there are none.
  double root_mean_square() const;
};

}  // namespace bbz::gauge
