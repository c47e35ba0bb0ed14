// Rows of a matrix that are a good basis of all of its rows.
#pragma once

#include <vector>

#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::linalg {

// Returns r different rows of an m x r matrix, m >= r, that are far from dependent if the matrix has
// full rank: those that Gaussian elimination with partial pivoting takes or, without LAPACK, a pivoted
// QR factorisation. Takes memory for a copy of the matrix. Precondition: a is finite.
std::vector<Index> pivot_rows(const ConstView& a);

}  // namespace bbz::linalg
