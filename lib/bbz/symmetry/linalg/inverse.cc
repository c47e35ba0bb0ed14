#include "bbz/symmetry/linalg/inverse.h"

#include <Eigen/LU>
#include <cmath>
#include <limits>
#include <vector>

#include "bbz/symmetry/linalg/cholesky.h"
#include "bbz/symmetry/linalg/internal/halley.h"
#include "bbz/symmetry/linalg/internal/lapack.h"

namespace bbz::linalg {

bool invert(Matrix& x) {
  if (lapack::available()) {
    // LAPACK reads the memory as the transpose, whose inverse is the transpose of the inverse.
    const int n = static_cast<int>(x.rows());
    if (n == 0) return true;
    std::vector<int> pivots(static_cast<std::size_t>(n));
    if (lapack::getrf(n, n, x.data(), pivots.data()) != 0) return false;
    if (lapack::getri(n, x.data(), pivots.data()) != 0) return false;
  } else {
    x = Eigen::PartialPivLU<Matrix>(x).inverse().eval();
  }
  return x.allFinite();
}

bool polarise(Matrix& x, Accuracy accuracy) {
  if (accuracy == Accuracy::kFloat && polarise_in_float(x)) return true;
  // A condition of some hundreds is far below the limit.
  if (polarise_by_products(x)) return true;
  // A step leaves an error of about half its square: below kSettled, that is none in double.
  constexpr double kSettled = 1e-8;
  constexpr double kScaleUntil = 1e-2;
  constexpr int kMostSteps = 50;
  // Beyond it, rounding decides the result.
  constexpr double kMostCondition = 1e14;
  bool scaled = true;
  for (int step = 0; step < kMostSteps; ++step) {
    Matrix next = x;
    if (!invert(next)) return false;
    const double gamma = scaled ? std::sqrt(next.norm() / x.norm()) : 1.0;
    if (!std::isfinite(gamma) || gamma == 0) return false;
    if (step == 0 && !(x.norm() * next.norm() <= kMostCondition)) return false;
    next.transposeInPlace();
    next = (0.5 * gamma) * x + (0.5 / gamma) * next;
    const double change = (next - x).norm() / next.norm();
    x.swap(next);
    if (!std::isfinite(change)) return false;
    if (change < kSettled) return true;
    if (change < kScaleUntil) scaled = false;
  }
  return false;
}

bool diagonal_of_inverse(Matrix& x, Vector& diagonal) {
  // X = L L^T, so that the inverse is L^-T L^-1.
  if (!factorise(x) || !invert_lower(x)) return false;
  diagonal = x.colwise().squaredNorm().transpose();
  return diagonal.allFinite();
}

Matrix cayley(const ConstView& a) {
  // (I - A)(I + A)^-1 = 2 (I + A)^-1 - I.
  Matrix x = a;
  x.diagonal().array() += 1.0;
  if (!invert(x)) {
    x.setConstant(std::numeric_limits<double>::quiet_NaN());
    return x;
  }
  x *= 2.0;
  x.diagonal().array() -= 1.0;
  return x;
}

}  // namespace bbz::linalg
