// Deriving shortcuts of 16-bit types by integers. Internal.
//
// The factor of such a shortcut has entries that are multiples of 2^-15. Products are then whole
// numbers of 2^-30, and sums of them, over any of the columns and in any order, are below 2^31 of
// these by Cauchy and Schwarz where the squares of no row reach 2: exact as 32-bit integers. The
// numbers are those that float64 gives, faster.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "bbz/base/large_buffer.h"
#include "bbz/parallel/thread_pool.h"
#include "bbz/symmetry/gauge/internal/fixed_kernel.h"
#include "bbz/symmetry/gauge/polar.h"

namespace bbz::gauge {

class FixedFactor {
 public:
  // Nothing where an entry is not a multiple of 2^-15 in [-1, 1), or a row's squares reach 2.
  // Preconditions: check_polar() holds for the form, whose type is F16 or BF16; the kernel is one
  // of this machine's.
  static std::optional<FixedFactor> make(const PolarView& form, const FixedKernel& kernel,
                                         parallel::ThreadPool* pool);

  // round(I - F F^T) into the first form.rows columns of `out`, of form.cols columns; both
  // triangles, without marks.
  void write(const PolarView& form, parallel::ThreadPool* pool, MutableBytes out) const;

 private:
  // A row of F, and where its entries lie among those of the form.
  struct Row {
    std::size_t number = 0;
    std::size_t begin = 0;
    std::size_t count = 0;
  };
  struct Block;

  // Sets order_, places_ and tile_pairs_.
  void arrange(const PolarView& form);
  // Fills a group; false where an entry or a row does not fit.
  bool fill_group(Bytes factor, std::size_t g);
  std::int16_t* group(std::size_t g) const {
    return reinterpret_cast<std::int16_t*>(words_.data()) + g * pairs_ * kPairWords;
  }
  std::span<const std::size_t> tiles_of(std::size_t g) const;
  // The rows of a group by the columns of one at or left of it, and their mirror image.
  void compute_square(bool bf16, std::size_t down, std::size_t across, std::uint16_t* direct,
                      std::uint16_t* mirrored) const;
  // The same of windows.
  void write_block(const PolarView& form, std::size_t down, std::size_t across, Block& block,
                   MutableBytes out) const;

  const FixedKernel* kernel_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t pairs_ = 0;   // of columns
  std::size_t groups_ = 0;  // of rows
  LargeBuffer words_;       // of each group, all its pairs
  // Rows that are pivots end early, and need not be multiplied further. A kernel takes eight rows
  // at a time: those that end early come together where a window's rows, which are consecutive ones
  // of F, are ordered by their length, the longest first. The columns of the result are put back
  // into order while they are written.
  std::vector<Row> order_;               // in groups
  std::vector<std::uint16_t> places_;    // of each row of F, within its window
  std::vector<std::size_t> tile_pairs_;  // of each eight rows, before they end
};

}  // namespace bbz::gauge
