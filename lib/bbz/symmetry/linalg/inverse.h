// Inverses of square matrices and what is made of them, by LU: LAPACK where has_lapack(), Eigen
// otherwise. All expect finite input.
#pragma once

#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::linalg {

// Replaces x by its inverse; false, and x is lost, where that is not finite.
bool invert(Matrix& x);

// Replaces x by its orthogonal polar factor, the orthogonal matrix nearest to it, by Newton's
// iteration, scaled (Higham, "Computing the Polar Decomposition", SIAM J. Sci. Stat. Comput. 7,
// 1986). False, and x is lost, where x is singular.
bool polarise(Matrix& x);

// (I - A)(I + A)^-1, orthogonal for a skew-symmetric A; its own inverse as a map. All NaN where
// I + A is singular, which it is not for a skew-symmetric A.
Matrix cayley(const ConstView& a);

}  // namespace bbz::linalg
