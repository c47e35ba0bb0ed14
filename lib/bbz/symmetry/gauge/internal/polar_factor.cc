#include "bbz/symmetry/gauge/internal/polar_factor.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>

#include "bbz/base/format.h"
#include "bbz/symmetry/linalg/factor.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::gauge {
namespace {

using linalg::ConstView;
using linalg::Index;
using linalg::Matrix;
using linalg::Op;
using linalg::Vector;

constexpr Index kDense = 768;
constexpr double kLeastSigma = 1e-5;  // the least that the fast way can tell from 0

// The parts of the singular value decomposition S = A diag(sigma) B^T that the polar form needs.
struct Spectrum {
  Matrix thin_u;  // d2 x d1: the first columns of U
  Matrix axes;    // d1 x r: the columns of A whose singular value is below 1
  Vector sigma;   // r
};

Error not_borne_out(double found, double tolerance) {
  return make_error(Code::kUnsupported,
                    "expected singular values of at most 1, found 1 + {:.3g} (tolerance {:.3g})",
                    found, tolerance);
}

Error saves_nothing(Index rank, Index rows) {
  return make_error(Code::kUnsupported,
                    "expected fewer singular values below 1 than rows, found {} of {}", rank, rows);
}

Result<Spectrum> dense_spectrum(const ConstView& s, double tolerance) {
  BBZ_ASSIGN(const linalg::Svd f, linalg::svd(s));
  if (f.values[0] - 1.0 > tolerance) return not_borne_out(f.values[0] - 1.0, tolerance);
  const Index rank = (f.values.array() < 1.0 - tolerance).count();  // the last: values descend
  Spectrum out{Matrix(s.cols(), s.rows()), f.u.rightCols(rank), f.values.tail(rank)};
  linalg::multiply(f.vt, Op::kTransposed, f.u, Op::kTransposed, out.thin_u);
  return out;
}

// Returns the eigenvectors of K = I - S S^T with eigenvalues above `least`, or nothing if there are
// too many for this way to be fast.
Result<std::optional<linalg::Eigh>> leading_eigenvectors(const Matrix& k, double least) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  const Index d = k.rows();
  // Eigenvalues are at most 1, so that their sum is a lower bound on their number.
  const double trace = std::max(0.0, k.trace());
  for (auto width = static_cast<Index>(1.25 * trace) + 32; width < d / 2; width += width / 2) {
    Matrix start(d, width);
    for (double& x : start.reshaped()) x = normal(random);
    Matrix basis = linalg::product(k, start);
    for (int step = 0; step < 2; ++step) {
      basis = linalg::orthonormal_columns(basis);
      start = linalg::product(k, basis);
      if (step == 0) basis.swap(start);
    }
    Matrix small(width, width);
    linalg::multiply(basis, Op::kTransposed, start, Op::kPlain, small);
    BBZ_ASSIGN(const linalg::Eigh inner, linalg::eigh(small));
    if (inner.values[0] > least) continue;  // there may be more outside the subspace
    const Index rank = (inner.values.array() > least).count();
    return std::optional(linalg::Eigh{inner.values.tail(rank),
                                      linalg::product(basis, inner.vectors.rightCols(rank))});
  }
  return std::optional<linalg::Eigh>();
}

// Returns the spectrum, or nothing if this way is not fast for the shortcut.
Result<std::optional<Spectrum>> sparse_spectrum(const ConstView& s, double tolerance) {
  Matrix k = -linalg::gram(s);
  k.diagonal().array() += 1.0;
  BBZ_ASSIGN(const auto leading,
             leading_eigenvectors(k, 1.0 - (1.0 - tolerance) * (1.0 - tolerance)));
  if (!leading) return std::optional<Spectrum>();
  k.resize(0, 0);
  // Sets all singular values of S^T to 1: U = S^T + sum of b (1 - sigma) a^T with b = S^T a /
  // sigma. Slices of an orthogonal matrix have singular values down to nearly 0, for which 1 -
  // eigenvalue cancels. Hence sigma comes from S^T a, and inaccuracies of b are corrected below.
  Matrix b(s.cols(), leading->vectors.cols());
  linalg::multiply(s, Op::kTransposed, leading->vectors, Op::kPlain, b);
  Spectrum out{s.transpose(), leading->vectors, b.colwise().norm().transpose()};
  if (out.sigma.size() > 0 && out.sigma.minCoeff() < kLeastSigma) return std::optional<Spectrum>();
  b = b * ((1.0 - out.sigma.array()) / out.sigma.array()).matrix().asDiagonal();
  linalg::multiply(b, Op::kPlain, out.axes, Op::kTransposed, out.thin_u, 1.0, 1.0);
  if (!linalg::orthogonalise(out.thin_u).ok()) return std::optional<Spectrum>();
  return std::optional(std::move(out));
}

// Sets F = A sqrt(1 - sigma), rotated so that each pivot's row ends at its column.
void set_factor(const Spectrum& spectrum, PolarFactor& out) {
  const Matrix transposed =
      (spectrum.axes * (1.0 - spectrum.sigma.array()).sqrt().matrix().asDiagonal()).transpose();
  linalg::PivotedR r = linalg::pivoted_r(transposed);
  out.factor = r.r.transpose();
  out.pivots.assign(r.pivots.begin(), r.pivots.end());
}

}  // namespace

double polar_tolerance(DType dtype) {
  return std::ldexp(1.0, 1 - dtype_info(dtype).layout.mantissa_bits);
}

Result<PolarFactor> polar_factor(const ConstView& s, DType dtype) {
  const double tolerance = polar_tolerance(dtype);
  if (s.rows() > s.cols() || s.rows() == 0) {
    return make_error(Code::kUnsupported, "expected no more rows than columns, found {} x {}",
                      s.rows(), s.cols());
  }
  std::optional<Spectrum> spectrum;
  if (s.rows() > kDense) {
    BBZ_ASSIGN(spectrum, sparse_spectrum(s, tolerance));
  }
  if (!spectrum) {
    BBZ_ASSIGN(spectrum, dense_spectrum(s, tolerance));
  }
  if (spectrum->sigma.size() >= s.rows()) return saves_nothing(spectrum->sigma.size(), s.rows());
  PolarFactor out;
  set_factor(*spectrum, out);
  out.u = linalg::complete_basis(spectrum->thin_u);
  return out;
}

}  // namespace bbz::gauge
