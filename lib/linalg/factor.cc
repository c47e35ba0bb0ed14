#include "bbz/linalg/factor.h"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>
#include <cmath>
#include <numeric>

#include "bbz/linalg/lapack.h"
#include "bbz/linalg/product.h"

namespace bbz::linalg {
namespace {

using lapack::to_int;
using Columns = Eigen::MatrixXd;  // column-major: the transpose of a Matrix with the same memory

// QR of an m x n matrix in place: R on and above the diagonal; the first `width` columns of Q.
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

// x -= x gap / 2, the product in float: enough where gap is small.
void subtract_half_product(const Matrix& gap, Matrix& x) {
  using Single = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Single a = x.cast<float>(), b = gap.cast<float>();
  Single product(a.rows(), b.cols());
  if (lapack::available()) {
    const int n = to_int(b.cols());
    lapack::gemm({a.data(), n, false}, {b.data(), n, false},
                 lapack::Product<float>{to_int(a.rows()), n, n, 0.5F, 0.0F, product.data(), n});
  } else {
    product.noalias() = 0.5F * a * b;
  }
  x -= product.cast<double>();
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
      out.l.col(i).tail(a.rows() - i) *= -1.0;  // the zeros above stay +0
      out.q.row(i) = -out.q.row(i);
    }
  }
  return out;
}

PivotedR pivoted_r(const ConstView& a) {
  const Index m = a.rows(), n = a.cols();
  PivotedR out{Matrix::Zero(m, n), std::vector<Index>(static_cast<std::size_t>(m))};
  if (m == 0) return out;
  Columns work = a;
  std::vector<Index> order(static_cast<std::size_t>(n));  // order[k]: the column now in place k
  if (lapack::available()) {
    std::vector<int> jpvt(order.size(), 0);
    Vector tau(m);
    lapack::geqp3(to_int(m), to_int(n), work.data(), jpvt.data(), tau.data());
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = jpvt[k] - 1;
  } else {
    const Eigen::ColPivHouseholderQR<Columns> factor(work);
    work = factor.matrixQR();
    for (std::size_t k = 0; k < order.size(); ++k) {
      order[k] = factor.colsPermutation().indices()[static_cast<Index>(k)];
    }
  }
  for (Index k = 0; k < n; ++k) {
    const Index filled = std::min(k + 1, m);
    out.r.col(order[static_cast<std::size_t>(k)]).head(filled) = work.col(k).head(filled);
  }
  for (Index k = 0; k < m; ++k) {
    out.pivots[static_cast<std::size_t>(k)] = order[static_cast<std::size_t>(k)];
    if (work(k, k) < 0) out.r.row(k) = -out.r.row(k);
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
  const Eigen::BDCSVD<Columns> solver(a, Eigen::ComputeThinU | Eigen::ComputeThinV);
  if (solver.info() != Eigen::Success) {
    return not_converged("the singular value decomposition", m, n);
  }
  return Svd{solver.matrixU(), solver.singularValues(), solver.matrixV().transpose()};
}

Matrix orthonormal_columns(const ConstView& a) {
  return qr(a, a.cols()).q;
}

Matrix complete_basis(const ConstView& columns) {
  const Index n = columns.rows(), k = columns.cols();
  Matrix out(n, n);
  out.leftCols(k) = columns;
  if (k < n) out.rightCols(n - k) = qr(columns, n).q.rightCols(n - k);
  return out;
}

Status orthogonalise(Matrix& x) {
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
    // The new error is 3/4 of the square of this one, and terms of higher order.
    const double size = gap.norm();
    const bool last = size < 1e-6;
    if (size < 1e-5) {
      subtract_half_product(gap, x);
    } else {
      Matrix next = x;
      multiply(x, Op::kPlain, gap, Op::kPlain, next, -0.5, 1.0);
      x = std::move(next);
    }
    if (last) return {};
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
