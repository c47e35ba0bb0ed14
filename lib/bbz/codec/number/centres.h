// Finds what the integers of a chunk are about.
#pragma once

#include <cmath>
#include <vector>

#include "bbz/codec/number/source.h"
#include "bbz/codec/split/kernel.h"

namespace bbz::codec::number {

// Returns the mean of integers whose sum is `sum`, rounded to the nearest one. Precondition: count > 0.
inline std::int64_t rounded_mean(std::int64_t sum, std::uint64_t count) {
  const auto n = static_cast<std::int64_t>(count);
  return (2 * sum + (sum < 0 ? -n : n)) / (2 * n);
}

// Finds the centres of integers, which is none if they are about 0, and overwrites `centres`. Each row
// has its own if the means of rows are far apart.
template <class T>
Centres find_centres(const Source<T>& source, const split::Grid& grid,
                     std::vector<std::uint64_t>& centres) {
  centres.clear();
  const int bits = source.model.bits;
  if (bits == 64) return Centres::kNone;  // sums could overflow
  // Integers wrap. So their mean is taken from the value that most are close to: 0, or half of the
  // range, which is what is the middle of integers without a sign.
  const std::uint64_t half = std::uint64_t{1} << (bits - 1);
  std::uint64_t outer = 0;
  for (std::uint64_t i = 0; i < grid.elements; ++i) {
    const std::uint64_t value = source.element(i);
    outer += value < half / 2 || value >= half + half / 2 ? 1 : 0;
  }
  const std::uint64_t origin = 2 * outer >= grid.elements ? 0 : half;
  const auto offset = [&](std::uint64_t i) {
    const std::uint64_t shifted = (source.element(i) - origin + half) & low_mask(bits);
    return static_cast<std::int64_t>(shifted) - static_cast<std::int64_t>(half);
  };
  std::int64_t all = 0;
  std::vector<std::int64_t> means(grid.rows());
  for (std::uint64_t r = 0; r < grid.rows(); ++r) {
    std::int64_t sum = 0;
    for (std::uint64_t i = grid.row_begin(r); i < grid.row_end(r); ++i) sum += offset(i);
    all += sum;
    means[r] = rounded_mean(sum, grid.row_end(r) - grid.row_begin(r));
  }
  const std::int64_t centre = rounded_mean(all, grid.elements);
  std::uint64_t within = 0;
  std::uint64_t between = 0;
  for (std::uint64_t r = 0; r < grid.rows(); ++r) {
    const auto distance = static_cast<std::uint64_t>(std::abs(means[r] - centre));
    between += distance * (grid.row_end(r) - grid.row_begin(r));
    for (std::uint64_t i = grid.row_begin(r); i < grid.row_end(r); ++i) {
      within += static_cast<std::uint64_t>(std::abs(offset(i) - means[r]));
    }
  }
  const auto centre_of = [&](std::int64_t value) {
    return (origin + static_cast<std::uint64_t>(value)) & low_mask(bits);
  };
  // Means of rows pay if they are further apart than a quarter of what is about them.
  if (grid.rows() > 1 && between * 4 > within) {
    for (const std::int64_t mean : means) centres.push_back(centre_of(mean));
    return Centres::kEach;
  }
  if (centre_of(centre) == 0) return Centres::kNone;
  centres.push_back(centre_of(centre));
  return Centres::kOne;
}

}  // namespace bbz::codec::number
