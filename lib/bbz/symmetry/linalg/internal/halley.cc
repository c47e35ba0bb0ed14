#include "bbz/symmetry/linalg/internal/halley.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "bbz/parallel/for_each.h"
#include "bbz/parallel/thread_pool.h"
#include "bbz/symmetry/linalg/internal/lapack.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::linalg {
namespace {

using lapack::to_int;

// The Frobenius norm of X^T X - I below which the series leaves an error near 1e-11. Above it, the
// rounding of its float product would move the polar factor, which no later step undoes.
constexpr double kSettled = 3e-4;
// That below which the series takes over if the iteration is in float, which cannot come nearer.
constexpr double kNearInFloat = 0.05;
constexpr int kMostSteps = 6;

template <class Square>
using VectorOf = Eigen::Matrix<typename Square::Scalar, Eigen::Dynamic, 1>;

// Returns about the largest magnitude of an eigenvalue of a symmetric matrix, hardly more and at
// most some per cent less, by power iteration.
template <class Square>
double spectral_radius(const Square& g) {
  using Scalar = typename Square::Scalar;
  constexpr int kSteps = 6;
  VectorOf<Square> v(g.rows());
  // Any start that is in general position: fractions of the multiples of the golden ratio.
  for (Index i = 0; i < v.size(); ++i) {
    const double turn = 0.61803398874989485 * static_cast<double>(i + 1);
    v[i] = static_cast<Scalar>(turn - std::floor(turn) - 0.5);
  }
  double radius = 0;
  for (int step = 0; step < kSteps; ++step) {
    const double size = static_cast<double>(v.norm());
    if (!(size > 0) || !std::isfinite(size)) return step == 0 ? 0.0 : radius;
    v /= static_cast<Scalar>(size);
    v = g * v;
    radius = static_cast<double>(v.norm());
  }
  return radius;
}

// The weights of a step x (a + b x^2) / (1 + c x^2) that brings singular values from [least, 1] as
// near to 1 as one can.
struct Weights {
  double a = 0, b = 0, c = 0;
  explicit Weights(double least) {
    const double square = least * least;
    const double d = std::cbrt(4 * (1 - square) / (square * square));
    const double root = std::sqrt(1 + d);
    a = root + 0.5 * std::sqrt(8 - 4 * d + 8 * (2 - square) / (square * root));
    b = (a - 1) * (a - 1) / 4;
    c = a + b - 1;
  }
  double at(double x) const { return x * (a + b * x * x) / (1 + c * x * x); }
};

// Replaces x by x g^-1, for a symmetric positive definite g, which is used up. Returns false if it is
// not definite.
bool solve(Matrix& g, Matrix& x) {
  if (lapack::potrf_lower(to_int(g.rows()), g.data()) != 0) return false;
  lapack::solve_right(to_int(x.rows()), to_int(x.cols()), g.data(), x.data());
  return true;
}

// The same in float. As in products of floats, the number of threads must not show in the result.
bool solve(FloatMatrix& g, FloatMatrix& x) {
  constexpr Index kPartRows = 256;
  const lapack::OneThread alone;
  if (lapack::potrf_lower(to_int(g.rows()), g.data()) != 0) return false;
  parallel::ThreadPool pool(threads());
  const auto parts = static_cast<std::size_t>((x.rows() + kPartRows - 1) / kPartRows);
  parallel::for_each_index(&pool, parts, [&](std::size_t part) {
    const Index begin = static_cast<Index>(part) * kPartRows;
    const Index count = std::min(kPartRows, x.rows() - begin);
    lapack::solve_right(to_int(count), to_int(x.cols()), g.data(), x.row(begin).data());
  });
  return true;
}

// Iterates until the norm of X^T X - I, which it puts into `gap`, is at most `near`. Returns false if
// that takes too many steps, or if the least singular value seems to be below `least_allowed` of the
// largest.
template <class Square>
bool iterate(Square& x, Square& gap, double least_allowed, double near) {
  using Scalar = typename Square::Scalar;
  Square g = gram(x, Op::kTransposed);
  const double largest = std::sqrt(spectral_radius(g));
  if (!(largest > 0) || !std::isfinite(largest)) return false;
  // A singular value that is a little above 1 comes down all the same.
  constexpr double kBelow = 0.98;
  const double scale = kBelow / largest;
  x *= static_cast<Scalar>(scale);
  g *= static_cast<Scalar>(scale * scale);
  // The estimate below is somewhat too large, the more the more values there are near the least.
  constexpr double kFirstMargin = 0.8, kMargin = 0.9;
  double least = 1.0;
  for (int step = 0; step < kMostSteps; ++step) {
    gap = g;
    gap.diagonal().array() -= Scalar{1};
    const double off = static_cast<double>(gap.norm());
    if (off <= near) return true;
    const double radius = std::min(spectral_radius(gap), 1.0);
    least = std::min(least, (step == 0 ? kFirstMargin : kMargin) * std::sqrt(1.0 - radius));
    if (!(least >= least_allowed)) return false;
    const Weights w(std::min(least, 0.999));
    // X <- (b/c) X + (a - b/c) X (I + c X^T X)^-1
    g *= static_cast<Scalar>(w.c);
    g.diagonal().array() += Scalar{1};
    Square turned = x;
    if (!solve(g, turned)) return false;
    x = static_cast<Scalar>(w.b / w.c) * x + static_cast<Scalar>(w.a - w.b / w.c) * turned;
    least = w.at(least);
    g = gram(x, Op::kTransposed);
  }
  return false;
}

// Applies the series until it leaves nothing. Precondition: X^T X is near I.
void refine(Matrix& x) {
  for (bool settled = false; !settled;) {
    Matrix gap = gram(x, Op::kTransposed);
    gap.diagonal().array() -= 1.0;
    settled = !(gap.norm() > kSettled);
    improve_by_series(x, gap);
  }
}

bool suits(const Matrix& x) {
  return x.rows() == x.cols() && x.rows() >= kLeastHalley && lapack::available();
}

}  // namespace

double improve_by_series(Matrix& x, Matrix& gap, double enough) {
  FloatMatrix correction = gap.cast<float>();
  gap.resize(0, 0);
  const auto size = static_cast<double>(correction.norm());
  double error = 0.375 * size * size;
  if (error <= enough) {
    correction *= -0.5F;
  } else {
    const FloatMatrix square = gram(correction);
    // |G^3| <= |G^2| |G|_2, and |G|_2^2 <= |G^2|.
    error = 0.3125 * std::pow(static_cast<double>(square.norm()), 1.5);
    correction = -0.5F * correction + 0.375F * square;
  }
  FloatMatrix change(x.rows(), x.cols());
  multiply(FloatMatrix(x.cast<float>()), Op::kPlain, correction, Op::kPlain, change);
  x += change.cast<double>();
  return error;
}

bool polarise_by_products(Matrix& x) {
  if (!suits(x)) return false;
  constexpr double kLeast = 1e-3;
  Matrix found = x, gap;
  if (!iterate(found, gap, kLeast, kSettled)) return false;
  improve_by_series(found, gap);
  x.swap(found);
  return true;
}

bool polarise_in_float(Matrix& x) {
  if (!suits(x)) return false;
  constexpr double kLeast = 0.08;
  FloatMatrix found = x.cast<float>(), gap;
  if (!iterate(found, gap, kLeast, kNearInFloat)) return false;
  gap.resize(0, 0);
  Matrix refined = found.cast<double>();
  refine(refined);
  x.swap(refined);
  return true;
}

}  // namespace bbz::linalg
