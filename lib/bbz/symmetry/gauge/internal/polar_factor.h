// The rotation that makes a shortcut symmetric, and the factor of what it then lacks of identity.
#pragma once

#include <vector>

#include "bbz/base/dtype.h"
#include "bbz/base/error.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::gauge {

// How far a derived shortcut may be from the exact rotation, in any entry, and how far below 1 a
// singular value still counts as 1: four units in the last place of numbers just below 1. 2^-9 for
// F16, 2^-6 for BF16, 2^-22 for F32.
double polar_tolerance(DType dtype);

// S U = [P 0] + error, P = I - F F^T, for S of d1 x d2, d1 <= d2.
struct PolarFactor {
  linalg::Matrix u;                   // d2 x d2, orthogonal
  linalg::Matrix factor;              // F, d1 x r; row pivots[k] is zero after column k
  std::vector<std::uint32_t> pivots;  // greedy: the longest remaining row first
};

// The polar decomposition S = P U^T of a shortcut whose singular values are 1 but for few below 1,
// as those of a slice of an orthogonal matrix are (at most d2 - d1 + 2 (D - d2) of them for a slice
// of a D x D one). Values within the tolerance of 1 count as 1.
//
// Up to kDense rows, and for deficient shortcuts, by a singular value decomposition. For larger
// ones from the few eigenvectors of I - S S^T that belong to eigenvalues off 0, found by subspace
// iteration from a random start (Halko, Martinsson, Tropp 2011), then the Newton-Schulz iteration.
//
// Errors: kUnsupported, with the reason, where the singular values do not bear it out or the form
// would save nothing; kInternal where a decomposition does not converge.
// Precondition: s is finite; dtype has a factor_dtype().
Result<PolarFactor> polar_factor(const linalg::ConstView& s, DType dtype);

}  // namespace bbz::gauge
