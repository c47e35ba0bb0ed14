#include "bbz/gauge/fixed.h"

#include <atomic>
#include <cstring>

#include "bbz/gauge/frame.h"
#include "bbz/linalg/convert.h"
#include "bbz/parallel/for_each.h"

namespace bbz::gauge {
namespace {

using tensor::DType;

// Whole numbers of 2^-15; false where a value is none or does not fit, or the squares reach 2.
bool to_fixed(std::span<const double> values, std::span<std::int32_t> fixed) {
  std::int64_t squares = 0;
  int wrong = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    const double units = values[k] * 0x1p15;
    const double above = units > -32768.0 ? units : -32768.0;  // a NaN as well
    const auto whole = static_cast<std::int32_t>(above < 32767.0 ? above : 32767.0);
    wrong |= static_cast<double>(whole) != units ? 1 : 0;
    fixed[k] = whole;
    squares += std::int64_t{whole} * whole;
  }
  return wrong == 0 && squares < std::int64_t{1} << 31;
}

// Where each row's entries lie among the packed ones, and how many there are.
struct PackedRow {
  std::size_t begin = 0;
  std::size_t length = 0;
};

std::vector<PackedRow> packed_rows(const PolarForm& form) {
  std::vector<PackedRow> rows(form.rows);
  std::size_t begin = 0;
  in_packed_order(form.rows, form.pivots, [&](std::uint64_t i, std::size_t length) {
    rows[i] = {begin, length};
    begin += length;
  });
  return rows;
}

}  // namespace

std::optional<FixedFactor> FixedFactor::make(const PolarForm& form, parallel::ThreadPool* pool) {
  FixedFactor out;
  out.rows_ = form.rows;
  out.pairs_ = (form.rank() + 1) / 2;
  out.groups_ = (form.rows + kGroupRows - 1) / kGroupRows;
  out.lines_.resize(out.groups_ * out.pairs_ * (kPairWords / 32));
  const std::vector<PackedRow> rows = packed_rows(form);
  std::atomic<bool> fits{true};
  parallel::for_each_index(pool, out.groups_, [&](std::size_t g) {
    std::vector<double> values(2 * out.pairs_);
    std::vector<std::int32_t> fixed(2 * out.pairs_);
    auto* const words = const_cast<std::int16_t*>(out.group(g));
    const std::size_t first = g * kGroupRows;
    for (std::size_t i = first; i < std::min(first + kGroupRows, out.rows_); ++i) {
      const auto [begin, length] = rows[i];
      linalg::load(Bytes(form.factor).subspan(2 * begin, 2 * length), DType::kF16,
                   {values.data(), length});
      std::fill(values.begin() + static_cast<std::ptrdiff_t>(length), values.end(), 0.0);
      if (!to_fixed(values, fixed)) fits = false;
      std::int16_t* pair = words + 2 * (i - first);
      for (std::size_t k = 0; k < fixed.size(); k += 2, pair += kPairWords) {
        pair[0] = static_cast<std::int16_t>(fixed[k]);
        pair[1] = static_cast<std::int16_t>(fixed[k + 1]);
      }
    }
  });
  if (!fits) return std::nullopt;
  return out;
}

// Eight rows from `row` on by the columns of a group at or left of theirs, and their mirror image.
void FixedFactor::write_tile(const FixedKernel& kernel, bool bf16, std::size_t row, std::size_t g,
                             std::uint64_t cols, MutableBytes out) const {
  std::int32_t sums[kTileSize];
  std::uint16_t tile[kTileSize];
  const std::size_t own = row / kGroupRows;
  const std::size_t col = g * kGroupRows;
  kernel.multiply(group(own) + 2 * (row - own * kGroupRows), group(g), pairs_, sums);
  for (std::int32_t& sum : sums) sum = -sum;
  if (own == g) {
    for (std::size_t i = 0; i < kTileRows; ++i) sums[i * kGroupRows + (row - col) + i] += 1 << 30;
  }
  kernel.round(sums, bf16, tile);
  const std::size_t height = std::min(kTileRows, rows_ - row);
  const std::size_t width = std::min(kGroupRows, rows_ - col);
  for (std::size_t i = 0; i < height; ++i) {
    std::memcpy(out.data() + 2 * ((row + i) * cols + col), tile + i * kGroupRows, 2 * width);
  }
  if (own == g) return;  // the whole square is made from its rows
  for (std::size_t j = 0; j < kGroupRows; ++j) {
    std::uint16_t mirrored[kTileRows];
    for (std::size_t i = 0; i < kTileRows; ++i) mirrored[i] = tile[i * kGroupRows + j];
    std::memcpy(out.data() + 2 * ((col + j) * cols + row), mirrored, 2 * height);
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
