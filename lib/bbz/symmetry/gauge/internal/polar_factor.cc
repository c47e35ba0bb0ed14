#include "bbz/symmetry/gauge/internal/polar_factor.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>

#include "bbz/base/format.h"
#include "bbz/symmetry/linalg/cholesky.h"
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
// How far U may be from orthogonal: for types of 16 bits, far less than their rounding changes.
constexpr double kFloatTolerance = 1e-5;
constexpr double kTolerance = 1e-12;

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

// K = I - S S^T, whose eigenvalues are 1 - sigma^2. For a type of 16 bits, whose own rounding is
// far larger than that of float, products with it are float.
class Complement {
 public:
  Complement(const ConstView& s, bool in_float) : in_float_(in_float) {
    if (in_float_) {
      single_ = -linalg::gram(linalg::FloatMatrix(s.cast<float>()));
      single_.diagonal().array() += 1.0F;
    } else {
      exact_ = -linalg::gram(s);
      exact_.diagonal().array() += 1.0;
    }
  }

  bool in_float() const { return in_float_; }
  Index rows() const { return in_float_ ? single_.rows() : exact_.rows(); }
  // Returns a number that the number of eigenvalues other than 0 is hardly below: (sum of
  // eigenvalues)^2 / (sum of their squares).
  double spread() const {
    const double trace = in_float_ ? single_.diagonal().cast<double>().sum() : exact_.trace();
    const double squares =
        in_float_ ? static_cast<double>(single_.squaredNorm()) : exact_.squaredNorm();
    return trace > 0 && squares > 0 ? trace * trace / squares : 0.0;
  }
  // Returns K x.
  Matrix times(const Matrix& x) const {
    return in_float_ ? multiply_in_float(single_, Op::kPlain, x, Op::kPlain)
                     : linalg::product(exact_, x);
  }

  // Returns op(a) op(b), multiplied in float.
  static Matrix multiply_in_float(const linalg::FloatMatrix& a, Op op_a, const Matrix& b, Op op_b) {
    linalg::FloatMatrix out(op_a == Op::kPlain ? a.rows() : a.cols(),
                            op_b == Op::kPlain ? b.cols() : b.rows());
    linalg::multiply(a, op_a, linalg::FloatMatrix(b.cast<float>()), op_b, out);
    return out.cast<double>();
  }

 private:
  bool in_float_;
  linalg::FloatMatrix single_;
  Matrix exact_;
};

// Returns the eigenvectors of K with eigenvalues above `least`, or nothing if there are too many
// for this way to be fast.
Result<std::optional<linalg::Eigh>> leading_eigenvectors(const Complement& k, double least) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  const Index d = k.rows();
  for (auto width = static_cast<Index>(1.15 * k.spread()) + 32; width < d / 2; width += width / 2) {
    Matrix basis(d, width);
    for (double& x : basis.reshaped()) x = normal(random);
    for (int step = 0; step < 2; ++step) {
      basis = k.times(basis);
      // The condition of a product with K is at most that of K, which for a type of 16 bits is the
      // inverse of its rounding: once is enough.
      Matrix start = basis;
      if (!k.in_float() || !linalg::orthonormalise(basis, 1)) {
        basis = linalg::orthonormal_columns(start);
      }
    }
    const Matrix turned = k.times(basis);
    Matrix small(width, width);
    linalg::multiply(basis, Op::kTransposed, turned, Op::kPlain, small);
    BBZ_ASSIGN(const linalg::Eigh inner, linalg::eigh(small));
    if (inner.values[0] > least) continue;  // there may be more outside the subspace
    const Index rank = (inner.values.array() > least).count();
    linalg::Eigh out{inner.values.tail(rank), {}};
    // K applied once more to the vectors of the subspace, which is known already, brings them closer
    // to those of K.
    out.vectors = linalg::product(
        turned, inner.vectors.rightCols(rank) * out.values.cwiseInverse().asDiagonal());
    return std::optional(std::move(out));
  }
  return std::optional<linalg::Eigh>();
}

// Returns the least eigenvalue of K but for the leading ones, about, or 0 if none is negative: by
// power iteration, some vectors at a time. An eigenvalue that matters is many times larger than those
// that rounding leaves.
Result<double> least_eigenvalue(const Complement& k, const linalg::Eigh& leading) {
  constexpr Index kVectors = 16;
  constexpr int kSteps = 4;
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal;
  Matrix basis(k.rows(), kVectors);
  for (double& x : basis.reshaped()) x = normal(random);
  Matrix small(kVectors, kVectors);
  for (int step = 0; step < kSteps; ++step) {
    basis = linalg::orthonormal_columns(basis);
    Matrix inside(leading.vectors.cols(), kVectors);
    linalg::multiply(leading.vectors, Op::kTransposed, basis, Op::kPlain, inside);
    Matrix turned = k.times(basis);
    inside = leading.values.asDiagonal() * inside;
    linalg::multiply(leading.vectors, Op::kPlain, inside, Op::kPlain, turned, -1.0, 1.0);
    linalg::multiply(basis, Op::kTransposed, turned, Op::kPlain, small);
    basis.swap(turned);
  }
  BBZ_ASSIGN(const linalg::Eigh inner, linalg::eigh(small));
  return std::min(0.0, inner.values[0]);
}

// Returns the number of singular values so small that dividing by them would show the rounding of
// float.
Index small_ones(const linalg::Eigh& leading) {
  constexpr double kSmallSigma = 0x1p-5;
  return (leading.values.array() > 1.0 - kSmallSigma * kSmallSigma).count();
}

// Applies K once more, in double, to the vectors of small_ones().
void refine_smallest(const ConstView& s, linalg::Eigh& leading) {
  const Index count = small_ones(leading);
  if (count == 0) return;
  auto vectors = leading.vectors.rightCols(count);  // values ascend
  Matrix image(s.cols(), count), turned = vectors;
  linalg::multiply(s, Op::kTransposed, vectors, Op::kPlain, image);
  linalg::multiply(s, Op::kPlain, image, Op::kPlain, turned, -1.0, 1.0);
  vectors = turned.colwise().normalized();
}

// Returns the spectrum, or nothing if this way is not fast for the shortcut.
Result<std::optional<Spectrum>> sparse_spectrum(const ConstView& s, DType dtype) {
  const double tolerance = polar_tolerance(dtype);
  const bool in_float = dtype != DType::kF32;
  std::optional<linalg::Eigh> leading;
  {
    const Complement k(s, in_float);
    BBZ_ASSIGN(leading, leading_eigenvectors(k, 1.0 - (1.0 - tolerance) * (1.0 - tolerance)));
    if (leading) {
      BBZ_ASSIGN(const double least, least_eigenvalue(k, *leading));
      const double above = std::sqrt(1.0 - least) - 1.0;
      if (above > tolerance) return not_borne_out(above, tolerance);
    }
  }
  if (!leading) return std::optional<Spectrum>();
  // Sets all singular values of S^T to 1: U = S^T + sum of b (1 - sigma) a^T with b = S^T a /
  // sigma. Slices of an orthogonal matrix have singular values down to nearly 0, for which 1 -
  // eigenvalue cancels. Hence sigma comes from S^T a, and inaccuracies of b are corrected below.
  const auto multiply = [in_float](const ConstView& a, Op op_a, const Matrix& b,
                                   Op op_b) -> Matrix {
    if (in_float) {
      return Complement::multiply_in_float(linalg::FloatMatrix(a.cast<float>()), op_a, b, op_b);
    }
    Matrix out(op_a == Op::kPlain ? a.rows() : a.cols(), op_b == Op::kPlain ? b.cols() : b.rows());
    linalg::multiply(a, op_a, b, op_b, out);
    return out;
  };
  refine_smallest(s, *leading);
  Matrix b = multiply(s, Op::kTransposed, leading->vectors, Op::kPlain);
  if (in_float) {
    const Index small = small_ones(*leading);
    linalg::multiply(s, Op::kTransposed, leading->vectors.rightCols(small), Op::kPlain,
                     b.rightCols(small));
  }
  Spectrum out{s.transpose(), std::move(leading->vectors), b.colwise().norm().transpose()};
  if (out.sigma.size() > 0 && out.sigma.minCoeff() < kLeastSigma) return std::optional<Spectrum>();
  b = b * ((1.0 - out.sigma.array()) / out.sigma.array()).matrix().asDiagonal();
  out.thin_u += multiply(b, Op::kPlain, out.axes, Op::kTransposed);
  if (!linalg::orthogonalise(out.thin_u, in_float ? kFloatTolerance : kTolerance).ok()) {
    return std::optional<Spectrum>();
  }
  return std::optional(std::move(out));
}

// Sets F = A sqrt(1 - sigma), rotated so that each pivot's row ends at its column.
void set_factor(const Spectrum& spectrum, PolarFactor& out) {
  const Matrix factor = spectrum.axes * (1.0 - spectrum.sigma.array()).sqrt().matrix().asDiagonal();
  Matrix square = linalg::gram(factor);
  linalg::PivotedCholesky turned = linalg::pivoted_cholesky(square, factor.cols());
  out.factor = std::move(turned.factor);
  out.pivots.assign(turned.pivots.begin(), turned.pivots.end());
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
    BBZ_ASSIGN(spectrum, sparse_spectrum(s, dtype));
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
