#include "bbz/gauge/fixed.h"

#include <atomic>
#include <bit>
#include <cstring>

#include "bbz/gauge/frame.h"
#include "bbz/parallel/for_each.h"

namespace bbz::gauge {
namespace {

using tensor::DType;

// F16 as whole numbers of 2^-15; false where an element is none of -2^15 ... 2^15 - 1, or their
// squares reach 2^31. Two loops without branches, so that they vectorise.
bool to_fixed(Bytes elements, std::span<std::int16_t> fixed) {
  std::int32_t wrong = 0;
  for (std::size_t k = 0; k < fixed.size(); ++k) {
    std::uint16_t bits;
    std::memcpy(&bits, elements.data() + 2 * k, sizeof(bits));
    // The fields moved into a float, whose exponent bias is larger by 112. What is not finite
    // becomes 2^31 and more; positive floats compare as their bits do.
    const std::int32_t magnitude = (bits & 0x7fff) << 13;
    const auto units = std::bit_cast<std::int32_t>(std::bit_cast<float>(magnitude) * 0x1p127F);
    constexpr auto kMost = std::bit_cast<std::int32_t>(32768.0F);
    const auto whole =
        static_cast<std::int32_t>(std::bit_cast<float>(units < kMost ? units : kMost));
    const auto negative = std::int32_t{bits} >> 15;
    const std::int32_t value = (whole ^ -negative) + negative;
    wrong |= std::bit_cast<std::int32_t>(static_cast<float>(whole)) ^ units;
    wrong |= (value + 32768) & ~0xffff;
    fixed[k] = static_cast<std::int16_t>(value);
  }
  std::uint64_t squares = 0;
  for (const std::int16_t value : fixed) {
    squares += static_cast<std::uint32_t>(std::int32_t{value} * value);
  }
  return wrong == 0 && squares < std::uint64_t{1} << 31;
}

}  // namespace

std::optional<FixedFactor> FixedFactor::make(const PolarForm& form, parallel::ThreadPool* pool) {
  FixedFactor out;
  out.rows_ = form.rows;
  out.pairs_ = (form.rank() + 1) / 2;
  out.groups_ = (form.rows + kGroupRows - 1) / kGroupRows;
  // At least one pair, so that the rows of rank 0 lie somewhere.
  out.words_.resize(std::max<std::size_t>(out.groups_ * out.pairs_, 1));
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
  std::vector<std::int16_t> fixed(height * width);  // row by row
  bool fits = true;
  for (std::size_t i = 0; i < height; ++i) {
    const auto [begin, count] = rows[first + i];
    fits = to_fixed(factor.subspan(2 * begin, 2 * count),
                    std::span(fixed).subspan(i * width, count)) &&
           fits;
  }
  Pair* const pairs = words_.data() + g * pairs_;
  for (std::size_t block = 0; block < pairs_; block += kBlock) {
    const std::size_t end = std::min(block + kBlock, pairs_);
    for (std::size_t i = 0; i < height; ++i) {
      const std::int16_t* const row = fixed.data() + i * width;
      for (std::size_t k = block; k < end; ++k) {
        pairs[k].words[2 * i] = row[2 * k];
        pairs[k].words[2 * i + 1] = row[2 * k + 1];
      }
    }
  }
  return fits;
}

// Eight rows from `row` on by the columns of a group at or left of theirs, and their mirror image.
void FixedFactor::write_tile(const FixedKernel& kernel, bool bf16, std::size_t row, std::size_t g,
                             std::uint64_t cols, MutableBytes out) const {
  std::int32_t sums[kTileSize];
  std::uint16_t tile[kTileSize];
  std::uint16_t mirrored[kTileSize];
  const std::size_t own = row / kGroupRows;
  const std::size_t col = g * kGroupRows;
  kernel.multiply(group(own) + 2 * (row - own * kGroupRows), group(g), pairs_, sums);
  for (std::int32_t& sum : sums) sum = -sum;
  if (own == g) {
    for (std::size_t i = 0; i < kTileRows; ++i) sums[i * kGroupRows + (row - col) + i] += 1 << 30;
  }
  kernel.round(sums, bf16, tile, mirrored);
  const std::size_t height = std::min(kTileRows, rows_ - row);
  const std::size_t width = std::min(kGroupRows, rows_ - col);
  for (std::size_t i = 0; i < height; ++i) {
    std::memcpy(out.data() + 2 * ((row + i) * cols + col), tile + i * kGroupRows, 2 * width);
  }
  if (own == g) return;  // the whole square is made from its rows
  for (std::size_t j = 0; j < width; ++j) {
    std::memcpy(out.data() + 2 * ((col + j) * cols + row), mirrored + j * kTileRows, 2 * height);
  }
}

void FixedFactor::write(const FixedKernel& kernel, const PolarForm& form,
                        parallel::ThreadPool* pool, MutableBytes out) const {
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
    const std::size_t last_row = std::min((down + kDown) * kGroupRows, rows_);
    for (std::size_t row = down * kGroupRows; row < last_row; row += kTileRows) {
      const std::size_t end = std::min(across + kAcross, row / kGroupRows + 1);
      for (std::size_t g = across; g < end; ++g) {
        write_tile(kernel, form.dtype == DType::kBF16, row, g, form.cols, out);
      }
    }
  });
}

}  // namespace bbz::gauge
