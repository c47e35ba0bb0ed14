// What rounding did to a rotated tensor.
#pragma once

#include <cstdint>

#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::gauge {

// How far stored entries are from the exact rotation.
struct Deviation {
  double largest = 0;
  double sum_of_squares = 0;
  std::uint64_t count = 0;

  // Both of the same shape.
  void add(const linalg::ConstView& exact, const linalg::ConstView& stored);
  void add(const Deviation& other);
  double root_mean_square() const;
};

}  // namespace bbz::gauge
