// Factorisations in double, by LAPACK if has_lapack(), else by Eigen.
//
// All expect finite input and accept empty and rank-deficient matrices. The results of LAPACK and
// Eigen agree up to rounding and the freedom of the factorisation (signs, order of equals).
#pragma once

#include "bbz/base/error.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::linalg {

// A = L Q of an m x n matrix: L (m x n) is lower trapezoidal with a non-negative diagonal, and
// Q (n x n) is orthogonal.
struct Lq {
  Matrix l;
  Matrix q;
};
// Returns the LQ factorisation of A.
Lq lq(const ConstView& a);

// A = V diag(values) V^T of a symmetric matrix: values ascend, and V's columns are the
// eigenvectors.
struct Eigh {
  Vector values;
  Matrix vectors;
};
// Returns the eigendecomposition of A. Errors: kInternal if the iteration does not converge or A is
// not finite.
Result<Eigh> eigh(const ConstView& a);

// A = U diag(values) V^T, thin: for m x n and k = min(m, n), U is m x k and V^T is k x n; values
// descend.
struct Svd {
  Matrix u;
  Vector values;
  Matrix vt;
};
// Returns the singular value decomposition of A. Errors: kInternal if the iteration does not
// converge or A is not finite.
Result<Svd> svd(const ConstView& a);

// Returns n x k orthonormal columns that span the columns of `a` (n x k, k <= n), if these are
// independent. With orthonormalise() if that succeeds, else Q of a QR factorisation.
Matrix orthonormal_columns(const ConstView& a);

// Returns an orthogonal n x n matrix whose first k columns are `columns` (n x k, orthonormal up to
// rounding).
Matrix complete_basis(const ConstView& columns);

// Replaces x, whose singular values are near 1, by the nearest matrix with orthonormal columns. With
// G = X^T X - I, each step is X <- X (I - G/2 + 3/8 G^2), the first terms of X (X^T X)^(-1/2), which
// leaves an error of about 5/16 G^3. The last error is at most `tolerance` in the Frobenius norm,
// by an estimate that is far too large for matrices without structure. Corrections are multiplied in
// float if the error of that is below the tolerance too; before, steps are X <- X (I - G/2), in
// double, those of Newton and Schulz.
// Errors: kInvalidArgument if X^T X is too far from I (by 0.5 or more in an entry), or the
// iteration does not converge.
Status orthogonalise(Matrix& x, double tolerance = 1e-12);

// The orthogonal U (n x n) that minimises |A U - B| for m x n matrices (Schoenemann 1966), and the
// distance |A U - B| / |B| in the Frobenius norm, or |A U - B| if B is zero.
struct Procrustes {
  Matrix u;
  double distance = 0;
};
// Solves the orthogonal Procrustes problem. Errors: those of svd().
Result<Procrustes> procrustes(const ConstView& a, const ConstView& b);

}  // namespace bbz::linalg
