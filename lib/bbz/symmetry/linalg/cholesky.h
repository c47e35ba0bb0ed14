// Cholesky factorisations of symmetric matrices in double, made of products.
#pragma once

#include <vector>

#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::linalg {

// A = L L^T + rest of a symmetric n x n matrix that has no negative eigenvalue, with pivots chosen
// greedily by the largest remaining diagonal entry: row pivots[k] of L is zero after column k and
// has a non-negative entry there, and these entries do not grow.
struct PivotedCholesky {
  Matrix factor;              // L, n x rank
  std::vector<Index> pivots;  // different rows, one for each column
};
// Returns the first `rank` columns of the factorisation of `a`, of which only the lower triangle is
// read. Columns after the rank of `a` are zero, with any pivots. Uses `a` as work space.
// Precondition: rank <= n.
PivotedCholesky pivoted_cholesky(Matrix& a, Index rank);

// Replaces the columns of x (n x k, k <= n) by orthonormal ones that span the same, by Cholesky
// factorisations of X^T X (Yamamoto et al., "Roundoff error analysis of the CholeskyQR2 algorithm",
// 2015). Once, they are orthonormal up to 2^-52 times the square of the condition of X; twice, up to
// rounding. Returns false, with x unspecified, if they are not independent enough: if the condition
// of X is above some 1e7.
bool orthonormalise(Matrix& x, int times = 2);

// Replaces a symmetric positive definite matrix, of which only the lower triangle is read, by L of
// A = L L^T, with zeros above the diagonal. Returns false, with a unspecified, if it is not definite.
bool factorise(Matrix& a);
// Replaces a lower triangular matrix, with zeros above the diagonal, by its inverse. Returns false,
// with it unspecified, if it is singular.
bool invert_lower(Matrix& lower);

}  // namespace bbz::linalg
