// The orthogonal polar factor by products and Cholesky factorisations.
#pragma once

#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::linalg {

// Narrower matrices gain nothing from the functions below.
inline constexpr Index kLeastHalley = 256;

// Replaces x (n x n) by its orthogonal polar factor, with the dynamically weighted Halley iteration
// (Nakatsukasa, Bai, Gygi, "Optimizing Halley's iteration for computing the matrix polar
// decomposition", SIAM J. Matrix Anal. Appl. 31, 2010), in its form with Cholesky factorisations,
// and at the end a series. The result is orthogonal up to about 1e-11. Its distance from the exact
// factor is that of a backward stable algorithm. Returns false, with x unchanged, if this is not
// suited: without LAPACK, for small matrices, or if the condition of x is above some hundreds.
bool polarise_by_products(Matrix& x);

// The same, with all but the end in float, so that the result is within about 1e-6 of the exact
// factor. It is as orthogonal. The number of threads only shows in the rounding of double.
// Takes half the time. Returns false if the condition of x is above
// about ten.
bool polarise_in_float(Matrix& x);

// Applies the first terms of the series of X (I + G)^(-1/2) with G = X^T X - I = `gap`, in which the
// correction is multiplied in float. Returns a bound of the error of the series; the rounding of float
// adds 2^-24 of the norm of G. If one term leaves at most `enough`, 3/8 of the square of the norm of
// G, there is no other; else there are two, which leave 5/16 of its third power. Uses `gap` up.
double improve_by_series(Matrix& x, Matrix& gap, double enough = 0);

}  // namespace bbz::linalg
