#include "bbz/symmetry/gauge/internal/deviation.h"

#include <algorithm>
#include <cmath>

namespace bbz::gauge {

void Deviation::add(const linalg::ConstView& exact, const linalg::ConstView& stored) {
  if (exact.size() == 0) return;
  largest = std::max(largest, (exact - stored).cwiseAbs().maxCoeff());
  sum_of_squares += (exact - stored).squaredNorm();
  count += static_cast<std::uint64_t>(exact.size());
}

void Deviation::add(const Deviation& other) {
  largest = std::max(largest, other.largest);
  sum_of_squares += other.sum_of_squares;
  count += other.count;
}

double Deviation::root_mean_square() const {
  return count == 0 ? 0.0 : std::sqrt(sum_of_squares / static_cast<double>(count));
}

}  // namespace bbz::gauge
