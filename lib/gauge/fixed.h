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

  // round(I - F F^T) into the first form.rows columns of `out`, of form.cols columns; both
  // triangles, without marks.
  void write(const FixedKernel& kernel, const PolarForm& form, parallel::ThreadPool* pool,
             MutableBytes out) const;

 private:
  struct alignas(64) Pair {  // of columns, in the rows of a group
    std::int16_t words[kPairWords];
  };

  // Where a row's entries lie among those of the form.
  struct Entries {
    std::size_t begin = 0;
    std::size_t count = 0;
  };

  // Fills a group; false where an entry or a row does not fit.
  bool fill_group(Bytes factor, std::span<const Entries> rows, std::size_t g);
  const std::int16_t* group(std::size_t g) const { return words_[g * pairs_].words; }
  void write_tile(const FixedKernel& kernel, bool bf16, std::size_t row, std::size_t group,
                  std::uint64_t cols, MutableBytes out) const;

  std::size_t rows_ = 0;
  std::size_t pairs_ = 0;    // of columns
  std::size_t groups_ = 0;   // of rows
  std::vector<Pair> words_;  // of each group, all its pairs
};

}  // namespace bbz::gauge
