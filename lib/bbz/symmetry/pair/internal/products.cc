#include "bbz/symmetry/pair/internal/products.h"

#include <algorithm>

#include "bbz/symmetry/linalg/product.h"

namespace bbz::pair {

using linalg::Index;
using linalg::Matrix;

Products::Products(const Matrix& a, const Matrix& b) : rows_(a.rows()) {
  constexpr double kMostWork = 1e10;  // multiplications
  constexpr double kLeastRows = 256;
  const double row_work = std::max(static_cast<double>(b.size()), 1.0);
  count_ = std::min(rows_, static_cast<Index>(std::max(kMostWork / row_work, kLeastRows)));
  exact_ = linalg::product(select(a), b);
}

double Products::difference(const Matrix& a, const Matrix& b) const {
  Matrix gap = exact_;
  linalg::multiply(select(a), linalg::Op::kPlain, b, linalg::Op::kPlain, gap, 1.0, -1.0);
  const double norm = exact_.norm();
  return norm == 0 ? gap.norm() : gap.norm() / norm;
}

Matrix Products::select(const Matrix& a) const {
  Matrix selected(count_, a.cols());
  for (Index i = 0; i < count_; ++i) selected.row(i) = a.row(i * rows_ / count_);
  return selected;
}

}  // namespace bbz::pair
