#include "bbz/symmetry/linalg/cholesky.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

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
    const Eigen::LLT<Eigen::MatrixXd> factor(gram(x, Op::kTransposed));
    if (factor.info() != Eigen::Success) return false;
    // X = Q R, so Q = X R^-1.
    Matrix inverse = Matrix::Identity(x.cols(), x.cols());
    const Matrix upper = factor.matrixU();
    const Vector diagonal = upper.diagonal();
    if (diagonal.size() > 0 && !(diagonal.minCoeff() > kLeastRatio * diagonal.maxCoeff())) {
      return false;
    }
    upper.triangularView<Eigen::Upper>().solveInPlace(inverse);
    x = product(x, inverse);
  }
  return true;
}

}  // namespace bbz::linalg
