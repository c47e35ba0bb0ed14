// Deriving shortcuts of 16-bit types by integers. Internal.
//
// The factor of such a shortcut has entries that are multiples of 2^-15. Products are then whole
// numbers of 2^-30, and sums of them, over any of the columns and in any order, are below 2^31 of
// these by Cauchy and Schwarz where the squares of no row reach 2: exact as 32-bit integers. The
// numbers are those that float64 gives, faster.
#pragma once

#include <optional>
#include <vector>

#include "bbz/gauge/fixed_kernel.h"
#include "bbz/gauge/polar.h"
#include "bbz/parallel/thread_pool.h"

namespace bbz::gauge {

class FixedFactor {
 public:
  // Nothing where an entry is not a multiple of 2^-15 in [-1, 1), or a row's squares reach 2.
  // Preconditions: check_polar() holds for the form, whose type is F16 or BF16.
  static std::optional<FixedFactor> make(const PolarForm& form, parallel::ThreadPool* pool);

  // round(I - F F^T) into the first rows() columns of `out`, of form.cols columns; both triangles,
  // without marks.
  void write(const FixedKernel& kernel, const PolarForm& form, parallel::ThreadPool* pool,
             MutableBytes out) const;

 private:
  struct alignas(64) Line {
    std::int16_t words[32];
  };

  const std::int16_t* group(std::size_t g) const {
    return lines_[g * pairs_ * (kPairWords / 32)].words;
  }
  void write_tile(const FixedKernel& kernel, bool bf16, std::size_t row, std::size_t group,
                  std::uint64_t cols, MutableBytes out) const;

  std::size_t rows_ = 0;
  std::size_t pairs_ = 0;   // of columns
  std::size_t groups_ = 0;  // of rows
  std::vector<Line> lines_;
};

}  // namespace bbz::gauge
