// Derives shortcuts of 16-bit types with integers.
//
// The factor of such a shortcut usually has entries that are multiples of 2^-15 in [-1, 1).
// Products are then multiples of 2^-30. If the squares of every row sum to less than 2, sums of
// products, over any columns and in any order, are below 2 in size (Cauchy-Schwarz), and so exact
// as 32-bit integers. The results are those of float64, faster.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "bbz/base/large_buffer.h"
#include "bbz/parallel/thread_pool.h"
#include "bbz/symmetry/gauge/internal/fixed_kernel.h"
#include "bbz/symmetry/gauge/polar.h"

namespace bbz::gauge {

// A factor F as integers, arranged for a kernel.
class FixedFactor {
 public:
  // Converts the factor of a form, on the pool's threads too if `pool` is not null. Returns nothing
  // if an entry is not a multiple of 2^-15 in [-1, 1), or if the squares of a row sum to 2 or more.
  // Preconditions: check_polar() succeeds for the form, whose dtype is F16 or BF16; this machine
  // can run the kernel.
  static std::optional<FixedFactor> make(const PolarView& form, const FixedKernel& kernel,
                                         parallel::ThreadPool* pool);

  // Writes round(I - F F^T), both triangles, without marks, into the first form.rows columns of
  // `out`, which has form.cols columns.
  void write(const PolarView& form, parallel::ThreadPool* pool, MutableBytes out) const;

 private:
  // A row of F: its number, and the range of its entries in the form's factor.
  struct Row {
    std::size_t number = 0;
    std::size_t begin = 0;
    std::size_t count = 0;
  };
  struct Block;

  // Sets order_, places_ and tile_pairs_.
  void arrange(const PolarView& form);
  // Fills a group. Returns false if an entry or a row does not fit.
  bool fill_group(Bytes factor, std::size_t g);
  std::int16_t* group(std::size_t g) const {
    return reinterpret_cast<std::int16_t*>(words_.data()) + g * pairs_ * kPairWords;
  }
  std::span<const std::size_t> tiles_of(std::size_t g) const;
  // Computes the square of the rows of group `down` and the columns of group `across`, which is at
  // or left of it, and the mirror image.
  void compute_square(bool bf16, std::size_t down, std::size_t across, std::uint16_t* direct,
                      std::uint16_t* mirrored) const;
  // Writes the block of the rows of window `down` and the columns of window `across`, and its
  // mirror image.
  void write_block(const PolarView& form, std::size_t down, std::size_t across, Block& block,
                   MutableBytes out) const;

  const FixedKernel* kernel_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t pairs_ = 0;   // of columns
  std::size_t groups_ = 0;  // of rows
  LargeBuffer words_;       // of each group, all its pairs
  // Rows of pivots end early, and are multiplied only up to their end. Since a kernel takes eight
  // rows at a time, each window, which holds consecutive rows of F, orders its rows by length, the
  // longest first. The columns of the result are put back in order when they are written.
  std::vector<Row> order_;               // in groups
  std::vector<std::uint16_t> places_;    // of each row of F, within its window
  std::vector<std::size_t> tile_pairs_;  // of each eight rows, before they end
};

}  // namespace bbz::gauge
