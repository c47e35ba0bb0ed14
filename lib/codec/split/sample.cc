#include "bbz/codec/split/sample.h"

#include <algorithm>
#include <cstring>

namespace bbz::codec::split {
namespace {

template <class T>
void copy_keys(const Layout& layout, const std::uint8_t* in, std::uint64_t count,
               std::uint16_t* keys) {
  const int shift = layout.rest_bits() - 1;
  const std::uint32_t mask = layout.key_mask();
  for (std::uint64_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, in + i * sizeof(T), sizeof(T));
    keys[i] = static_cast<std::uint16_t>((value >> shift) & mask);
  }
}

// Keys of `count` elements from `element` on.
void get_keys(const Layout& layout, const std::uint8_t* in, std::uint64_t element,
              std::uint64_t count, std::uint16_t* keys) {
  in += element * static_cast<std::uint64_t>(layout.element_bytes);
  switch (layout.element_bytes) {
    case 1:
      return copy_keys<std::uint8_t>(layout, in, count, keys);
    case 2:
      return copy_keys<std::uint16_t>(layout, in, count, keys);
    case 4:
      return copy_keys<std::uint32_t>(layout, in, count, keys);
    default:
      return copy_keys<std::uint64_t>(layout, in, count, keys);
  }
}

// The columns' means over `rows` full rows of the grid, spread evenly, and the variance of all the
// deviations from the rows' means.
std::int64_t measure_columns(const Layout& layout, const Grid& grid, const std::uint8_t* in,
                             const Sample& sample, std::uint64_t rows,
                             std::vector<std::int32_t>& means) {
  std::vector<std::uint16_t> keys(grid.width);
  std::vector<std::int32_t> sum(grid.width);
  std::vector<std::int32_t> seen(grid.width);
  std::int64_t squares = 0;
  std::int64_t total = 0;
  std::int64_t count = 0;
  // The first and the last row may be short.
  const std::uint64_t inner = grid.rows() - 2;
  for (std::uint64_t k = 0; k < rows; ++k) {
    const std::uint64_t r = 1 + k * inner / rows;
    get_keys(layout, in, grid.row_begin(r), grid.width, keys.data());
    const std::int32_t mean = sample.row_mean[r];
    for (std::uint32_t c = 0; c < grid.width; ++c) {
      const std::int32_t exponent = keys[c] >> layout.top_bits;
      const std::int32_t deviation = exponent == 0 ? 0 : exponent * kMeanUnit - mean;
      sum[c] += deviation;
      seen[c] += exponent != 0;
      squares += deviation * deviation;
      total += deviation;
    }
  }
  means.resize(grid.width);
  for (std::uint32_t c = 0; c < grid.width; ++c) {
    means[c] = seen[c] == 0 ? 0 : sum[c] / seen[c];
    count += seen[c];
  }
  if (count == 0) return 0;
  return squares / count - (total / count) * (total / count);
}

}  // namespace

void take_sample(const Layout& layout, const Grid& grid, const std::uint8_t* in,
                 std::uint64_t per_row, Sample& sample) {
  const std::uint64_t rows = grid.rows();
  const std::uint64_t stride =
      std::max<std::uint64_t>(1, grid.width / std::max<std::uint64_t>(per_row, 1));
  sample.keys.resize(grid.elements / stride + (rows + 1) * kSampleBlock);
  sample.blocks.clear();
  sample.row_mean.assign(rows, -1);
  std::uint32_t filled = 0;
  std::int64_t all_sum = 0;
  std::int64_t all_count = 0;
  for (std::uint64_t r = 0; r < rows; ++r) {
    const std::uint64_t begin = grid.row_begin(r);
    const std::uint64_t size = grid.row_end(r) - begin;
    const std::uint64_t first_column = r == 0 ? grid.first : 0;
    std::int64_t sum = 0;
    std::int64_t count = 0;
    // Rows start at different blocks, so that in all every column is looked at.
    std::uint64_t at = (r % stride) * kSampleBlock;
    if (at >= size) at = 0;
    for (; at < size; at += stride * kSampleBlock) {
      const std::uint64_t n = std::min<std::uint64_t>(kSampleBlock, size - at);
      std::uint16_t* keys = sample.keys.data() + filled;
      get_keys(layout, in, begin + at, n, keys);
      for (std::uint64_t i = 0; i < n; ++i) {
        const int exponent = keys[i] >> layout.top_bits;
        sum += exponent;
        count += exponent != 0;
      }
      sample.blocks.push_back({static_cast<std::uint32_t>(r),
                               static_cast<std::uint32_t>(first_column + at), filled,
                               static_cast<std::uint32_t>(n)});
      filled += static_cast<std::uint32_t>(n);
    }
    all_sum += sum;
    all_count += count;
    if (count != 0) {
      sample.row_mean[r] = static_cast<std::int32_t>((sum * kMeanUnit + count / 2) / count);
    }
  }
  sample.keys.resize(filled);
  sample.mean = all_count == 0
                    ? 0
                    : static_cast<std::int32_t>((all_sum * kMeanUnit + all_count / 2) / all_count);
  std::ranges::replace(sample.row_mean, -1, sample.mean);
}

bool column_means(const Layout& layout, const Grid& grid, const std::uint8_t* in,
                  const Sample& sample, std::vector<std::int32_t>& means) {
  constexpr std::uint64_t kLook = 16;      // rows enough to see whether columns differ
  constexpr std::uint64_t kMeasure = 256;  // rows enough to round a column's shift well
  constexpr std::int64_t kPays = kMeanUnit * kMeanUnit / 12;
  if (grid.rows() < kLook + 2) return false;
  const std::int64_t variance = measure_columns(layout, grid, in, sample, kLook, means);
  std::int64_t squares = 0;
  for (const std::int32_t mean : means) squares += mean * mean;
  // Means of equal columns would differ too, by what 16 rows leave of the variance.
  if (squares / grid.width < variance / static_cast<std::int64_t>(kLook) + kPays) return false;
  measure_columns(layout, grid, in, sample, std::min(kMeasure, grid.rows() - 2), means);
  return true;
}

}  // namespace bbz::codec::split
