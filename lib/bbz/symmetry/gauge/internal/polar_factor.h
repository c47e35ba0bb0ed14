// Computes the rotation that makes a shortcut symmetric, and the factor F of the polar gauge.
#pragma once

#include <vector>

#include "bbz/base/dtype.h"
#include "bbz/base/error.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::gauge {

// Returns the largest difference of an entry of a derived shortcut from the exact rotation, and the
// distance from 1 at which a singular value still counts as 1: four units in the last place of
// numbers just below 1. That is 2^-9 for F16, 2^-6 for BF16, 2^-22 for F32.
double polar_tolerance(DType dtype);

// S U = [P 0] + error, P = I - F F^T, for S of d1 x d2, d1 <= d2.
struct PolarFactor {
  linalg::Matrix u;                   // d2 x d2, orthogonal
  linalg::Matrix factor;              // F, d1 x r; row pivots[k] is zero after column k
  std::vector<std::uint32_t> pivots;  // greedy: the longest remaining row first
};

// Computes the polar decomposition S = P U^T of a shortcut whose singular values are 1 except for a
// few below 1. Slices of an orthogonal matrix have such values: for a slice of a D x D matrix, at
// most d2 - d1 + 2 (D - d2) are below 1. Values within the tolerance of 1 count as 1.
//
// Small and deficient shortcuts take a singular value decomposition. Larger ones take the few
// eigenvectors of I - S S^T whose eigenvalues are not 0, found by subspace iteration from a random
// start (Halko, Martinsson, Tropp 2011), and then steps of linalg::orthogonalise().
//
// Errors: kUnsupported, with the reason, if the singular values are not of this kind or the form
// would save nothing; kInternal if a decomposition does not converge.
// Precondition: s is finite; dtype has a factor_dtype().
Result<PolarFactor> polar_factor(const linalg::ConstView& s, DType dtype);

}  // namespace bbz::gauge
