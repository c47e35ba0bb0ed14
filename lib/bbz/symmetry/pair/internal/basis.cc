#include "bbz/symmetry/pair/internal/basis.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "bbz/symmetry/linalg/inverse.h"
#include "bbz/symmetry/linalg/product.h"
#include "bbz/symmetry/linalg/rows.h"

namespace bbz::pair {
namespace {

using linalg::Index;
using linalg::Matrix;

// Replaces row rows[column] of the basis by `row`.
void exchange(Index row, Index column, Matrix& coefficients, std::vector<Index>& rows) {
  const double pivot = coefficients(row, column);
  const linalg::Vector by = coefficients.col(column) / pivot;
  Eigen::RowVectorXd change = coefficients.row(row);
  change(column) -= 1.0;
  coefficients.noalias() -= by * change;
  rows[static_cast<std::size_t>(column)] = row;
}

}  // namespace

Matrix select_rows(const linalg::ConstView& a, const std::vector<Index>& rows) {
  Matrix selected(static_cast<Index>(rows.size()), a.cols());
  for (Index k = 0; k < selected.rows(); ++k) {
    selected.row(k) = a.row(rows[static_cast<std::size_t>(k)]);
  }
  return selected;
}

std::optional<Basis> choose_basis(const linalg::ConstView& a) {
  const Index r = a.cols();
  std::vector<Index> rows = linalg::pivot_rows(a);
  Matrix inverse = select_rows(a, rows);
  if (!linalg::invert(inverse)) return std::nullopt;
  Matrix coefficients = linalg::product(a, inverse);
  inverse.resize(0, 0);
  for (Index exchanges = 0; exchanges < r; ++exchanges) {
    Index row = 0, column = 0;
    const double largest = coefficients.cwiseAbs().maxCoeff(&row, &column);
    if (!std::isfinite(largest)) return std::nullopt;
    if (largest <= kMostCoefficient) break;
    exchange(row, column, coefficients, rows);
  }
  // Brings the rows into ascending order, and the columns with them.
  std::vector<Index> order(rows.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::sort(order, {}, [&](Index k) { return rows[static_cast<std::size_t>(k)]; });
  Basis basis;
  basis.coefficients.resize(a.rows(), r);
  for (Index k = 0; k < r; ++k) {
    const Index from = order[static_cast<std::size_t>(k)];
    basis.rows.push_back(rows[static_cast<std::size_t>(from)]);
    basis.coefficients.col(k) = coefficients.col(from);
  }
  return basis;
}

}  // namespace bbz::pair
