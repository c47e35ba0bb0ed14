#include "bbz/symmetry/gauge/internal/fixed.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <numeric>

#include "bbz/parallel/for_each.h"
#include "bbz/parallel/object_pool.h"
#include "bbz/symmetry/gauge/internal/frame.h"

namespace bbz::gauge {

constexpr std::size_t kGroupTiles = kGroupRows / kTileRows;

std::optional<FixedFactor> FixedFactor::make(const PolarView& form, const FixedKernel& kernel,
                                             parallel::ThreadPool* pool) {
  FixedFactor out;
  out.kernel_ = &kernel;
  out.rows_ = form.rows;
  out.pairs_ = divide_up(form.rank(), 2);
  out.groups_ = divide_up(form.rows, kGroupRows);
  out.words_ = LargeBuffer(out.groups_ * out.pairs_ * kPairWords * sizeof(std::int16_t));
  out.arrange(form);
  std::atomic<bool> fits{true};
  parallel::for_each_index(pool, out.groups_, [&](std::size_t g) {
    if (!out.fill_group(form.factor, g)) fits = false;
  });
  if (!fits) return std::nullopt;
  return out;
}

void FixedFactor::arrange(const PolarView& form) {
  order_.resize(rows_);
  std::size_t begin = 0;
  in_packed_order(rows_, form.pivots, [&](std::uint64_t i, std::size_t count) {
    order_[i] = {i, begin, count};
    begin += count;
  });
  places_.resize(divide_up(rows_, kWindowRows) * kWindowRows);
  tile_pairs_.assign(groups_ * kGroupTiles, 0);
  for (std::size_t first = 0; first < rows_; first += kWindowRows) {
    const auto window = std::span(order_).subspan(first, std::min(kWindowRows, rows_ - first));
    std::ranges::stable_sort(window, std::greater(), &Row::count);
    for (std::size_t i = 0; i < window.size(); ++i) {
      places_[window[i].number] = static_cast<std::uint16_t>(i);
      if (i % kTileRows == 0) tile_pairs_[(first + i) / kTileRows] = divide_up(window[i].count, 2);
    }
  }
}

std::span<const std::size_t> FixedFactor::tiles_of(std::size_t g) const {
  return std::span(tile_pairs_).subspan(g * kGroupTiles, kGroupTiles);
}

bool FixedFactor::fill_group(Bytes factor, std::size_t g) {
  constexpr std::size_t kBlock = 32;  // pairs, whose rows all stay in the first cache
  const std::size_t first = g * kGroupRows;
  const std::size_t height = std::min(kGroupRows, rows_ - first);
  const std::size_t width = 2 * pairs_;
  std::vector<std::int16_t> fixed(kGroupRows * width);  // row by row, padded with zeros
  bool fits = true;
  for (std::size_t i = 0; i < height; ++i) {
    const Row& row = order_[first + i];
    const std::byte* const entries = factor.data() + 2 * row.begin;
    fits = kernel_->to_fixed(entries, row.count, fixed.data() + i * width) && fits;
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

// The products of two windows, both ways. Rows and columns are in the order of order_.
struct FixedFactor::Block {
  static constexpr std::size_t kSize = kWindowRows * kWindowRows;
  LargeBuffer words{2 * kSize * sizeof(std::uint16_t)};
  // Rows of the lower window.
  std::uint16_t* const direct = reinterpret_cast<std::uint16_t*>(words.data());
  // Rows of the upper window, if it is another one.
  std::uint16_t* const mirrored = direct + kSize;
};

void FixedFactor::compute_square(bool bf16, std::size_t down, std::size_t across,
                                 std::uint16_t* direct, std::uint16_t* mirrored) const {
  // Takes tiles of eight rows, each up to its end, from the group whose rows end earlier.
  const auto work = [this](std::size_t g) {
    return std::reduce(tiles_of(g).begin(), tiles_of(g).end());
  };
  const bool swapped = work(across) < work(down);
  const std::size_t a = swapped ? across : down, b = swapped ? down : across;
  std::int32_t sums[kSquareSize];
  for (std::size_t tile = 0; tile < kGroupTiles; ++tile) {
    const std::size_t pairs = std::min(tiles_of(a)[tile], tiles_of(b).front());
    kernel_->multiply(group(a) + 2 * tile * kTileRows, group(b), pairs,
                      sums + tile * kTileRows * kGroupRows);
  }
  if (a == b) {
    for (std::size_t i = 0; i < kGroupRows; ++i) sums[i * kGroupRows + i] -= 1 << 30;
  }
  kernel_->round(sums, bf16, swapped ? mirrored : direct, swapped ? direct : mirrored);
}

namespace {

// Prefetches memory that will be written, while products are computed.
void prefetch(const std::byte* begin, std::size_t size) {
  constexpr std::size_t kLine = 64;
  constexpr int kToWrite = 1, kToSecondCache = 2;
  for (std::size_t at = 0; at < size; at += kLine) {
    __builtin_prefetch(begin + at, kToWrite, kToSecondCache);
  }
  __builtin_prefetch(begin + size - 1, kToWrite, kToSecondCache);
}

}  // namespace

void FixedFactor::write_block(const PolarView& form, std::size_t down, std::size_t across,
                              Block& block, MutableBytes out) const {
  const std::size_t top = down * kWindowRows, left = across * kWindowRows;
  const std::size_t height = std::min(kWindowRows, rows_ - top);
  const std::size_t width = std::min(kWindowRows, rows_ - left);
  const auto place = [&](std::size_t row, std::size_t col) {
    return out.data() + 2 * (order_[row].number * form.cols + col);
  };
  std::uint16_t* const mirrored = down == across ? block.direct : block.mirrored;
  std::size_t fetched = 0;
  for (std::size_t i = 0; i * kGroupRows < height; ++i) {
    for (std::size_t j = 0; j * kGroupRows < width && (down != across || j <= i); ++j) {
      // Rows for each square: a block on the diagonal has ten squares, enough for all its rows.
      constexpr std::size_t kStep = 20;
      const std::size_t end = fetched + kStep;
      for (; fetched < end; ++fetched) {
        if (fetched < height) prefetch(place(top + fetched, left), 2 * width);
        if (fetched < width && down != across) prefetch(place(left + fetched, top), 2 * height);
      }
      const std::size_t row = i * kGroupRows, col = j * kGroupRows;
      compute_square(form.dtype == DType::kBF16, down * kWindowGroups + i,
                     across * kWindowGroups + j, block.direct + row * kWindowRows + col,
                     mirrored + col * kWindowRows + row);
    }
  }
  for (std::size_t i = 0; i < height; ++i) {
    kernel_->permute(block.direct + i * kWindowRows, places_.data() + left, width,
                     place(top + i, left));
  }
  if (down == across) return;
  for (std::size_t i = 0; i < width; ++i) {
    kernel_->permute(block.mirrored + i * kWindowRows, places_.data() + top, height,
                     place(left + i, top));
  }
}

void FixedFactor::write(const PolarView& form, parallel::ThreadPool* pool, MutableBytes out) const {
  struct Windows {
    std::size_t down = 0, across = 0;
  };
  // Puts blocks with the same columns next to each other, so that these stay in a core's cache.
  std::vector<Windows> blocks;
  const std::size_t windows = divide_up(groups_, kWindowGroups);
  for (std::size_t across = 0; across < windows; ++across) {
    for (std::size_t down = across; down < windows; ++down) blocks.push_back({down, across});
  }
  parallel::ObjectPool<Block> memory;
  parallel::for_each_index(pool, blocks.size(), [&](std::size_t b) {
    const auto block = memory.borrow();
    write_block(form, blocks[b].down, blocks[b].across, *block, out);
  });
}

}  // namespace bbz::gauge
