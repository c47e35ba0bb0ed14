// Inverses of square matrices and functions that use them, with LU factorisations: by LAPACK if
// has_lapack(), else by Eigen. All expect finite input.
#pragma once

#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::linalg {

// Replaces x by its inverse. Returns false, with x unspecified, if that is not finite.
bool invert(Matrix& x);

// How near a result has to be.
enum class Accuracy { kDouble, kFloat };

// Replaces x by its orthogonal polar factor, the orthogonal matrix nearest to it: of a large
// well-conditioned matrix by products (internal/halley.h), else with the scaled Newton iteration
// (Higham, "Computing the Polar Decomposition", SIAM J. Sci. Stat. Comput. 7, 1986). With kFloat,
// the result may be off by 1e-6, but is as orthogonal. Returns false, with x unspecified, if x is
// singular, the product of the Frobenius norms of x and its inverse is above 1e14, or the iteration
// does not converge in 50 steps.
bool polarise(Matrix& x, Accuracy accuracy = Accuracy::kDouble);

// Sets `diagonal` to that of the inverse of a symmetric positive definite x, of which it reads the
// lower triangle. Returns false if x is not definite. Uses x as work space.
bool diagonal_of_inverse(Matrix& x, Vector& diagonal);

// Returns (I - A)(I + A)^-1, which is orthogonal for a skew-symmetric A. The map is its own
// inverse. All entries are NaN if I + A is singular, which cannot happen for a skew-symmetric A.
Matrix cayley(const ConstView& a);

}  // namespace bbz::linalg
