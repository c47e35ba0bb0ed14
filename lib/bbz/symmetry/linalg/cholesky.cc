#include "bbz/symmetry/linalg/cholesky.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "bbz/symmetry/linalg/internal/lapack.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::linalg {
namespace {

// The columns between updates of the whole matrix.
constexpr Index kPanel = 64;

// Reads column p of a symmetric matrix from its lower triangle.
Vector column(const Matrix& a, Index p) {
  Vector out(a.rows());
  out.head(p) = a.row(p).head(p).transpose();
  out.tail(a.rows() - p) = a.col(p).tail(a.rows() - p);
  return out;
}

}  // namespace

PivotedCholesky pivoted_cholesky(Matrix& a, Index rank) {
  const Index n = a.rows();
  PivotedCholesky out{Matrix::Zero(n, rank), {}};
  std::vector<Index> order(static_cast<std::size_t>(n));  // the pivots, then the other rows
  std::iota(order.begin(), order.end(), Index{0});
  Vector left = a.diagonal();
  Matrix panel;
  for (Index begin = 0; begin < rank; begin += kPanel) {
    panel = Matrix::Zero(n, std::min(kPanel, rank - begin));
    for (Index k = 0; k < panel.cols(); ++k) {
      const auto here = order.begin() + begin + k;
      std::iter_swap(here, std::max_element(here, order.end(),
                                            [&](Index i, Index j) { return left[i] < left[j]; }));
      const Index p = *here;
      if (!(left[p] > 0)) continue;  // leaves the column at zero
      Vector next = column(a, p);
      next.noalias() -= panel.leftCols(k) * panel.row(p).head(k).transpose();
      const double pivot = std::sqrt(left[p]);
      next /= pivot;
      for (auto i = order.begin(); i != here; ++i) next[*i] = 0.0;
      next[p] = pivot;
      left -= next.cwiseAbs2();
      panel.col(k) = next;
    }
    out.factor.middleCols(begin, panel.cols()) = panel;
    if (begin + panel.cols() < rank) subtract_gram(panel, a);
  }
  out.pivots.assign(order.begin(), order.begin() + rank);
  return out;
}

bool orthonormalise(Matrix& x, int times) {
  constexpr double kLeastRatio = 1e-7;
  for (int time = 0; time < times; ++time) {
    // X = Q L^T, so Q = X L^-T.
    Matrix lower = gram(x, Op::kTransposed);
    if (!factorise(lower)) return false;
    const Vector diagonal = lower.diagonal();
    if (diagonal.size() > 0 && !(diagonal.minCoeff() > kLeastRatio * diagonal.maxCoeff())) {
      return false;
    }
    if (!invert_lower(lower)) return false;
    Matrix next(x.rows(), x.cols());
    multiply(x, Op::kPlain, lower, Op::kTransposed, next);
    x = std::move(next);
  }
  return true;
}

bool factorise(Matrix& a) {
  if (lapack::available()) {
    if (lapack::potrf_lower(lapack::to_int(a.rows()), a.data()) != 0) return false;
  } else {
    const Eigen::LLT<Matrix> factor(a);
    if (factor.info() != Eigen::Success) return false;
    a = factor.matrixL();
  }
  a.triangularView<Eigen::StrictlyUpper>().setZero();
  return true;
}

bool invert_lower(Matrix& lower) {
  if (lapack::available()) {
    return lapack::trtri_lower(lapack::to_int(lower.rows()), lower.data()) == 0;
  }
  Matrix inverse = Matrix::Identity(lower.rows(), lower.cols());
  lower.triangularView<Eigen::Lower>().solveInPlace(inverse);
  lower = std::move(inverse);
  return lower.allFinite();
}

}  // namespace bbz::linalg
