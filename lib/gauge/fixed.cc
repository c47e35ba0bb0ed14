#include "bbz/gauge/fixed.h"

#include <atomic>
#include <cstring>

#include "bbz/gauge/frame.h"
#include "bbz/parallel/for_each.h"

namespace bbz::gauge {

using tensor::DType;

std::optional<FixedFactor> FixedFactor::make(const PolarView& form, const FixedKernel& kernel,
                                             parallel::ThreadPool* pool) {
  FixedFactor out;
  out.kernel_ = &kernel;
  out.rows_ = form.rows;
  out.pairs_ = (form.rank() + 1) / 2;
  out.groups_ = (form.rows + kGroupRows - 1) / kGroupRows;
  out.words_ = LargeBuffer(out.groups_ * out.pairs_ * kPairWords * sizeof(std::int16_t));
  std::vector<Entries> rows(form.rows);
  std::size_t begin = 0;
  in_packed_order(form.rows, form.pivots, [&](std::uint64_t i, std::size_t count) {
    rows[i] = {begin, count};
    begin += count;
  });
  std::atomic<bool> fits{true};
  parallel::for_each_index(pool, out.groups_, [&](std::size_t g) {
    if (!out.fill_group(form.factor, rows, g)) fits = false;
  });
  if (!fits) return std::nullopt;
  return out;
}

bool FixedFactor::fill_group(Bytes factor, std::span<const Entries> rows, std::size_t g) {
  constexpr std::size_t kBlock = 32;  // pairs, of which all rows stay in the first cache
  const std::size_t first = g * kGroupRows;
  const std::size_t height = std::min(kGroupRows, rows_ - first);
  const std::size_t width = 2 * pairs_;
  std::vector<std::int16_t> fixed(kGroupRows * width);  // row by row, zero where there is no entry
  bool fits = true;
  for (std::size_t i = 0; i < height; ++i) {
    const auto [begin, count] = rows[first + i];
    fits = kernel_->to_fixed(factor.data() + 2 * begin, count, fixed.data() + i * width) && fits;
  }
  std::int16_t* const words = group(g);
  for (std::size_t block = 0; block < pairs_; block += kBlock) {
    const std::size_t end = std::min(block + kBlock, pairs_);
    for (std::size_t i = 0; i < kGroupRows; ++i) {
      const std::int16_t* const row = fixed.data() + i * width;
      for (std::size_t k = block; k < end; ++k) {
        std::memcpy(words + k * kPairWords + 2 * i, row + 2 * k, 2 * sizeof(std::int16_t));
      }
    }
  }
  return fits;
}

namespace {

// Where a square lies in the output.
struct Place {
  std::byte* begin = nullptr;
  std::size_t stride = 0;  // from row to row, in bytes
  std::size_t height = 0;  // in rows
  std::size_t width = 0;   // in bytes

  // Fetching it while the square is computed takes no time; waiting for it later does.
  void prefetch() const {
    constexpr std::size_t kLine = 64;
    for (std::size_t i = 0; i < height; ++i) {
      std::byte* const row = begin + i * stride;
      for (std::size_t at = 0; at < width; at += kLine) __builtin_prefetch(row + at, 1);
      __builtin_prefetch(row + width - 1, 1);
    }
  }
  void write(const std::uint16_t* square) const {
    for (std::size_t i = 0; i < height; ++i) {
      std::memcpy(begin + i * stride, square + i * kGroupRows, width);
    }
  }
};

}  // namespace

// The rows of a group by the columns of one at or left of it, and their mirror image.
void FixedFactor::write_square(bool bf16, std::size_t down, std::size_t across, std::uint64_t cols,
                               MutableBytes out) const {
  const auto place = [&](std::size_t of_rows, std::size_t of_cols) {
    const std::size_t row = of_rows * kGroupRows, col = of_cols * kGroupRows;
    return Place{out.data() + 2 * (row * cols + col), 2 * cols, std::min(kGroupRows, rows_ - row),
                 2 * std::min(kGroupRows, rows_ - col)};
  };
  const Place direct = place(down, across), mirror = place(across, down);
  direct.prefetch();
  mirror.prefetch();
  std::int32_t sums[kSquareSize];
  std::uint16_t rounded[kSquareSize];
  std::uint16_t mirrored[kSquareSize];
  for (std::size_t i = 0; i < kGroupRows; i += kTileRows) {
    kernel_->multiply(group(down) + 2 * i, group(across), pairs_, sums + i * kGroupRows);
  }
  for (std::int32_t& sum : sums) sum = -sum;
  if (down == across) {
    for (std::size_t i = 0; i < kGroupRows; ++i) sums[i * kGroupRows + i] += 1 << 30;
  }
  kernel_->round(sums, bf16, rounded, mirrored);
  direct.write(rounded);
  if (down != across) mirror.write(mirrored);
}

void FixedFactor::write(const PolarView& form, parallel::ThreadPool* pool, MutableBytes out) const {
  // A block is a few groups of columns, which stay in a core's cache, by some groups of rows.
  constexpr std::size_t kAcross = 4, kDown = 8;
  struct Block {
    std::size_t across = 0, down = 0;
  };
  std::vector<Block> blocks;
  for (std::size_t across = 0; across < groups_; across += kAcross) {
    for (std::size_t down = across; down < groups_; down += kDown) blocks.push_back({across, down});
  }
  parallel::for_each_index(pool, blocks.size(), [&](std::size_t b) {
    const auto [across, down] = blocks[b];
    for (std::size_t i = down; i < std::min(down + kDown, groups_); ++i) {
      for (std::size_t j = across; j < std::min(across + kAcross, i + 1); ++j) {
        write_square(form.dtype == DType::kBF16, i, j, form.cols, out);
      }
    }
  });
}

}  // namespace bbz::gauge
