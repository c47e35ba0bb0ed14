// The distance of two products of matrices, and what rounding of the factors makes of it.
#pragma once

#include "bbz/base/dtype.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::compare {

// A product A B of an m x r and an r x n matrix, whose entries were stored in these types; or the
// matrix A alone. Does not own the matrices.
struct Factors {
  const linalg::Matrix* a = nullptr;
  const linalg::Matrix* b = nullptr;  // nullptr: A alone
  DType type_a{};
  DType type_b{};

  linalg::Index rows() const { return a->rows(); }
  linalg::Index cols() const { return b == nullptr ? a->cols() : b->cols(); }
};

// Norms of the difference of two products, in the Frobenius norm where nothing else is said.
struct ProductDistance {
  double distance = 0;
  double norm = 0;         // of the second product
  double largest = 0;      // entry of the difference
  double rounding = 0;     // what rounding makes of the distance
  double of_rounding = 0;  // of the rows and columns: the largest quotient of distance and rounding
};

// Measures two products of the same shape. Rounding is as PairDistance says; to the unit in the last place of an entry
// it adds the error of a product of as many terms in double. Takes some tens of megabytes, and numbers for each
// row and column. Precondition: all entries are finite.
ProductDistance product_distance(const Factors& first, const Factors& second);

// Returns the quotient of a distance and a norm, or the distance if the norm is 0.
double relative(double distance, double norm);

}  // namespace bbz::compare
