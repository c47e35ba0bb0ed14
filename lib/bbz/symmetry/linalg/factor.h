// Factorisations in double: LAPACK where has_lapack(), Eigen otherwise.
//
// All expect finite input and accept empty and rank-deficient matrices. Results agree between
// LAPACK and Eigen to rounding, up to what the factorisation leaves free (signs, order of equals).
#pragma once

#include "bbz/base/error.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::linalg {

// A = L Q with L (m x n) lower trapezoidal with a non-negative diagonal and Q (n x n) orthogonal.
struct Lq {
  Matrix l;
  Matrix q;
};
Lq lq(const ConstView& a);

// A P = Q R of an m x n matrix with m <= n, pivots chosen greedily by the largest remaining column
// (Businger and Golub): r (m x n) is upper trapezoidal with a non-negative diagonal that does not
// grow, and its columns stand in their original places: column pivots[k] has its last non-zero
// entry in row k. Q is not formed.
struct PivotedR {
  Matrix r;
  std::vector<Index> pivots;  // m of them
};
PivotedR pivoted_r(const ConstView& a);

// A = V diag(values) V^T of a symmetric matrix, values ascending, eigenvectors in V's columns.
// Errors: kInternal where the iteration does not converge.
struct Eigh {
  Vector values;
  Matrix vectors;
};
Result<Eigh> eigh(const ConstView& a);

// A = U diag(values) V^T, thin: for m x n and k = min(m, n), U is m x k, V^T k x n, values descend.
// Errors: kInternal where the iteration does not converge.
struct Svd {
  Matrix u;
  Vector values;
  Matrix vt;
};
Result<Svd> svd(const ConstView& a);

// Orthonormal columns that span what the columns of a (n x k, k <= n) span: the Q of a thin QR.
Matrix orthonormal_columns(const ConstView& a);

// The n x n orthogonal matrix whose first k columns are `columns` (n x k, orthonormal to rounding).
Matrix complete_basis(const ConstView& columns);

// The nearest orthogonal matrix to one whose singular values are near 1, by Newton and Schulz:
// X <- X (3 I - X^T X) / 2, whose error is squared by every step, until that is below 1e-12 in the
// Frobenius norm. Small corrections are multiplied in float, which is enough for them.
// Errors: kInvalidArgument where X^T X is too far from I for that (0.5 or more in some entry).
Status orthogonalise(Matrix& x);

// The orthogonal U (n x n) that minimises |A U - B| for m x n matrices (Schoenemann 1966), and the
// distance |A U - B| / |B| in the Frobenius norm (|A U - B| where B is zero).
struct Procrustes {
  Matrix u;
  double distance = 0;
};
Result<Procrustes> procrustes(const ConstView& a, const ConstView& b);

}  // namespace bbz::linalg
