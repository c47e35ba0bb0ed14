#include "bbz/symmetry/linalg/rows.h"

#include <Eigen/QR>
#include <numeric>
#include <utility>

#include "bbz/symmetry/linalg/internal/lapack.h"

namespace bbz::linalg {

std::vector<Index> pivot_rows(const ConstView& a) {
  const Index m = a.rows(), r = a.cols();
  if (r == 0) return {};
  if (!lapack::available()) {
    const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> factor(a.transpose());
    const auto& columns = factor.colsPermutation().indices();
    return {columns.begin(), columns.begin() + r};
  }
  Eigen::MatrixXd columns = a;
  std::vector<int> swaps(static_cast<std::size_t>(r));
  // A positive INFO says that the matrix is singular, but its pivots are complete.
  lapack::getrf(lapack::to_int(m), lapack::to_int(r), columns.data(), swaps.data());
  std::vector<Index> order(static_cast<std::size_t>(m));
  std::iota(order.begin(), order.end(), Index{0});
  for (std::size_t k = 0; k < swaps.size(); ++k) {
    std::swap(order[k], order[static_cast<std::size_t>(swaps[k] - 1)]);  // LAPACK counts from 1
  }
  order.resize(static_cast<std::size_t>(r));
  return order;
}

}  // namespace bbz::linalg
