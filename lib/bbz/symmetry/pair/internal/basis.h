// Chooses rows of a matrix in whose terms all others have small coefficients.
#pragma once

#include <optional>
#include <vector>

#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::pair {

// Returns a matrix of the given rows of `a`.
linalg::Matrix select_rows(const linalg::ConstView& a, const std::vector<linalg::Index>& rows);

// Rows of a matrix A (m x r), and A in terms of them.
struct Basis {
  std::vector<linalg::Index> rows;  // r of them, ascending
  linalg::Matrix coefficients;      // A A_P^-1, m x r: the identity in the rows `rows`
};

// The largest coefficient that is left: exchanging a row for one with a larger one makes the volume
// larger by as much.
inline constexpr double kMostCoefficient = 1.2;

// Chooses r rows of A, m >= r, whose volume no exchange of a row makes larger by more than
// kMostCoefficient (maxvol: Goreinov et al., 2010), or stops after r exchanges. Returns nothing if A_P is singular in double.
// Precondition: A is finite.
std::optional<Basis> choose_basis(const linalg::ConstView& a);

}  // namespace bbz::pair
