// Compares the product of a pair with that of another.
#pragma once

#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::pair {

// Rows of the product A B, for comparison with those of other pairs of the same shape.
class Products {
 public:
  // Computes A B (m x r times r x n), all of its rows or, if that takes too long, evenly spaced ones: 256 at least. `b` is not kept.
  Products(const linalg::Matrix& a, const linalg::Matrix& b);

  // Returns |A' B' - A B| / |A B| in the Frobenius norm over these rows, or |A' B'| if A B is 0 there.
  double difference(const linalg::Matrix& a, const linalg::Matrix& b) const;

 private:
  linalg::Matrix select(const linalg::Matrix& a) const;

  linalg::Index rows_ = 0;   // of A
  linalg::Index count_ = 0;  // that are compared
  linalg::Matrix exact_;
};

}  // namespace bbz::pair
