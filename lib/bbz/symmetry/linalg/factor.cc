#include "bbz/symmetry/linalg/factor.h"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "bbz/symmetry/linalg/cholesky.h"
#include "bbz/symmetry/linalg/internal/halley.h"
#include "bbz/symmetry/linalg/internal/lapack.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::linalg {
namespace {

using lapack::to_int;
using Columns = Eigen::MatrixXd;  // column-major: the transpose of a Matrix with the same memory

// The QR factorisation of an m x n matrix: R, and the first `width` columns of Q.
struct Qr {
  Columns r;  // min(m, n) x n
  Columns q;  // m x width
};

Qr qr(Columns a, Index width) {
  const Index m = a.rows(), n = a.cols(), k = std::min(m, n);
  Qr out{Columns::Zero(k, n), Columns::Identity(m, width)};
  if (k == 0) return out;
  if (!lapack::available()) {
    const Eigen::HouseholderQR<Eigen::Ref<Columns> > factor(a);
    out.r = a.topRows(k).triangularView<Eigen::Upper>();
    out.q.applyOnTheLeft(factor.householderQ());
    return out;
  }
  Vector tau(k);
  lapack::geqrf(to_int(m), to_int(n), a.data(), tau.data());
  out.r = a.topRows(k).triangularView<Eigen::Upper>();
  if (width > 0) {
    const Index known = std::min(k, width);
    out.q.setZero();
    out.q.leftCols(known) = a.leftCols(known);
    lapack::orgqr(to_int(m), to_int(width), to_int(known), out.q.data(), tau.data());
  }
  return out;
}

// Decomposes a square matrix without LAPACK. Eigen's own decomposition takes half a minute to
// compile, so this one uses its eigenvalues of symmetric matrices. The eigenvectors W of M^T M make
// the columns of M W orthogonal, up to an error of a rounding of the largest value squared. The QR
// of M W is therefore diagonal, up to rounding, in those first rows whose diagonal is not far
// below the largest value. The smaller matrix below these rows is the M of the next round.
std::optional<Svd> svd_by_eigenvalues(const Columns& a) {
  // Accepts values down to this part of a round's largest value. The error is then ten roundings.
  constexpr double kAccepted = 0.1;
  const Index n = a.rows();
  Matrix u = Matrix::Identity(n, n), v = Matrix::Identity(n, n), rest = a;
  Vector values = Vector::Zero(n);
  const double negligible =
      rest.cwiseAbs().maxCoeff() * std::numeric_limits<double>::epsilon() / 16;
  for (Index done = 0; done < n;) {
    const Index left = n - done;
    const double scale = rest.cwiseAbs().maxCoeff();
    if (scale <= negligible) break;
    rest /= scale;  // so that no square overflows or vanishes
    const Eigen::SelfAdjointEigenSolver<Columns> solver(Columns(gram(rest, Op::kTransposed)));
    if (solver.info() != Eigen::Success) return std::nullopt;
    const Matrix w = solver.eigenvectors().rowwise().reverse();  // so that values descend
    const Qr factors = qr(product(rest, w), left);
    u.rightCols(left) = product(u.rightCols(left), factors.q);
    v.rightCols(left) = product(v.rightCols(left), w);
    const Vector found = factors.r.diagonal();
    const double least = kAccepted * found.cwiseAbs().maxCoeff();
    Index accepted = 0;
    for (; accepted < left && std::abs(found(accepted)) >= least; ++accepted) {
      if (found(accepted) < 0) u.col(done + accepted) *= -1.0;
      values(done + accepted) = std::abs(found(accepted)) * scale;
    }
    if (accepted == 0) return std::nullopt;
    done += accepted;
    rest = scale * factors.r.bottomRightCorner(n - done, n - done);
  }
  // Sorts, because rounding can exchange neighbours.
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::stable_sort(order, [&](Index i, Index j) { return values(i) > values(j); });
  Svd out{Matrix(n, n), Vector(n), Matrix(n, n)};
  for (Index to = 0; to < n; ++to) {
    const Index from = order[static_cast<std::size_t>(to)];
    out.u.col(to) = u.col(from);
    out.values(to) = values(from);
    out.vt.row(to) = v.col(from).transpose();
  }
  return out;
}

Error not_converged(const char* what, Index rows, Index cols) {
  return error_with_message(Code::kInternal, std::string(what) + " of a " + std::to_string(rows) +
                                                 " x " + std::to_string(cols) +
                                                 " matrix did not converge");
}

}  // namespace

Lq lq(const ConstView& a) {
  // A^T = Q R, so A = R^T Q^T.
  Qr factors = qr(a.transpose(), a.cols());
  Lq out{Matrix::Zero(a.rows(), a.cols()), factors.q.transpose()};
  out.l.leftCols(factors.r.rows()) = factors.r.transpose();
  for (Index i = 0; i < factors.r.rows(); ++i) {
    if (std::signbit(out.l(i, i))) {
      out.l.col(i).tail(a.rows() - i) *= -1.0;  // leaves the zeros above at +0
      out.q.row(i) = -out.q.row(i);
    }
  }
  return out;
}

Result<Eigh> eigh(const ConstView& a) {
  const Index n = a.rows();
  if (n == 0) return Eigh{};
  if (!a.allFinite()) return not_converged("the eigendecomposition", n, n);
  Columns vectors = a;
  Vector values(n);
  if (lapack::available()) {
    if (lapack::syevd(to_int(n), vectors.data(), values.data()) != 0) {
      return not_converged("the eigendecomposition", n, n);
    }
  } else {
    const Eigen::SelfAdjointEigenSolver<Columns> solver(vectors);
    if (solver.info() != Eigen::Success) return not_converged("the eigendecomposition", n, n);
    values = solver.eigenvalues();
    vectors = solver.eigenvectors();
  }
  return Eigh{std::move(values), vectors};
}

Result<Svd> svd(const ConstView& a) {
  const Index m = a.rows(), n = a.cols(), k = std::min(m, n);
  if (k == 0) return Svd{Matrix(m, 0), Vector(), Matrix(0, n)};
  if (!a.allFinite()) return not_converged("the singular value decomposition", m, n);
  if (lapack::available()) {
    Columns work = a, u(m, k), vt(k, n);
    Vector values(k);
    if (lapack::gesdd(to_int(m), to_int(n), work.data(), values.data(), u.data(), vt.data()) != 0) {
      return not_converged("the singular value decomposition", m, n);
    }
    return Svd{u, std::move(values), vt};
  }
  // Decomposes R of a tall matrix Q R, and multiplies by Q afterwards. Transposes a wide matrix.
  // Scales, so that no square of an entry overflows or vanishes.
  const double largest = a.cwiseAbs().maxCoeff(), scale = largest > 0 ? largest : 1.0;
  const Matrix scaled = a / scale;
  const Qr factors = qr(m >= n ? Columns(scaled) : Columns(scaled.transpose()), k);
  std::optional<Svd> square = svd_by_eigenvalues(factors.r);
  if (!square) return not_converged("the singular value decomposition", m, n);
  square->values *= scale;
  Matrix outer = product(factors.q, square->u);
  if (m >= n) return Svd{std::move(outer), std::move(square->values), std::move(square->vt)};
  return Svd{square->vt.transpose(), std::move(square->values), outer.transpose()};
}

Matrix orthonormal_columns(const ConstView& a) {
  Matrix x = a;
  if (orthonormalise(x)) return x;
  return qr(a, a.cols()).q;
}

Matrix complete_basis(const ConstView& columns) {
  const Index n = columns.rows(), k = columns.cols();
  Matrix out(n, n);
  out.leftCols(k) = columns;
  if (k < n) out.rightCols(n - k) = qr(columns, n).q.rightCols(n - k);
  return out;
}

Status orthogonalise(Matrix& x, double tolerance) {
  // Below it, the series converges fast.
  constexpr double kSmall = 0.25;
  // The error of a product in float, which no later step corrects: it turns X.
  constexpr double kFloatError = 0x1p-24;
  for (int step = 0; step < 16; ++step) {
    Matrix gap = gram(x, Op::kTransposed);
    gap.diagonal().array() -= 1.0;
    const double off = gap.size() == 0 ? 0.0 : gap.cwiseAbs().maxCoeff();
    if (!(off < 0.5)) {
      return error_with_message(Code::kInvalidArgument,
                                "orthogonalise: expected columns near orthonormal, found an "
                                "inner product off by " +
                                    std::to_string(off));
    }
    const double size = gap.norm();
    if (!(size < kSmall && kFloatError * size <= tolerance)) {
      // The next error is 3/4 of the square of this one, and terms of higher order.
      Matrix next = x;
      multiply(x, Op::kPlain, gap, Op::kPlain, next, -0.5, 1.0);
      x = std::move(next);
      continue;
    }
    const double error = improve_by_series(x, gap, tolerance);
    if (error <= tolerance) return {};
  }
  return error_with_message(Code::kInvalidArgument, "orthogonalise: did not converge");
}

Result<Procrustes> procrustes(const ConstView& a, const ConstView& b) {
  Matrix cross(a.cols(), b.cols());
  multiply(a, Op::kTransposed, b, Op::kPlain, cross);
  BBZ_ASSIGN(const Svd factors, svd(cross));
  Procrustes out{product(factors.u, factors.vt), 0.0};
  Matrix difference = b;
  multiply(a, Op::kPlain, out.u, Op::kPlain, difference, 1.0, -1.0);
  const double norm = b.norm();
  out.distance = norm > 0 ? difference.norm() / norm : difference.norm();
  return out;
}

}  // namespace bbz::linalg
