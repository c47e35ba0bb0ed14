#include "bbz/codec/split/sample.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

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

// What a mean is made of.
struct Sum {
  std::int64_t exponents = 0;
  std::int64_t count = 0;  // of those that are not zero

  std::int32_t mean() const {
    return count == 0 ? 0 : static_cast<std::int32_t>((exponents * kMeanUnit + count / 2) / count);
  }
};

// Wide enough for the sum of 256 exponents of elements of T's size, and no wider, so that compilers
// add as many at once as the machine can.
template <class T>
using Wide = std::conditional_t<sizeof(T) == 1, std::uint16_t, T>;

template <class T>
Wide<T> exponent_at(const std::uint8_t* in, std::uint64_t i, int shift, std::uint32_t mask) {
  T value;
  std::memcpy(&value, in + i * sizeof(T), sizeof(T));
  return static_cast<Wide<T>>(static_cast<Wide<T>>(value >> shift) & static_cast<Wide<T>>(mask));
}

// Adds `count` elements from `in` on.
template <class T>
void add_exponents(const Layout& layout, const std::uint8_t* in, std::uint64_t count, Sum& sum) {
  const int shift = layout.rest_bits() - 1 + layout.top_bits;
  const std::uint32_t mask = layout.key_mask() >> layout.top_bits;
  for (std::uint64_t begin = 0; begin < count; begin += 256) {
    const std::uint64_t end = std::min(begin + 256, count);
    Wide<T> exponents = 0;
    Wide<T> zeros = 0;
    for (std::uint64_t i = begin; i < end; ++i) {
      const Wide<T> exponent = exponent_at<T>(in, i, shift, mask);
      exponents = static_cast<Wide<T>>(exponents + exponent);
      zeros = static_cast<Wide<T>>(zeros + (exponent == 0 ? 1 : 0));
    }
    sum.exponents += static_cast<std::int64_t>(exponents);
    sum.count += static_cast<std::int64_t>(end - begin) - static_cast<std::int64_t>(zeros);
  }
}

void add_row(const Layout& layout, const std::uint8_t* in, std::uint64_t element,
             std::uint64_t count, Sum& sum) {
  in += element * static_cast<std::uint64_t>(layout.element_bytes);
  switch (layout.element_bytes) {
    case 1:
      return add_exponents<std::uint8_t>(layout, in, count, sum);
    case 2:
      return add_exponents<std::uint16_t>(layout, in, count, sum);
    case 4:
      return add_exponents<std::uint32_t>(layout, in, count, sum);
    default:
      return add_exponents<std::uint64_t>(layout, in, count, sum);
  }
}

void take_means(const Layout& layout, const Grid& grid, const std::uint8_t* in, Sample& sample) {
  sample.row_mean.assign(grid.rows(), 0);
  Sum all;
  for (std::uint64_t r = 0; r < grid.rows(); ++r) {
    const std::uint64_t begin = grid.row_begin(r);
    Sum row;
    add_row(layout, in, begin, grid.row_end(r) - begin, row);
    sample.row_mean[r] = row.mean();
    all.exponents += row.exponents;
    all.count += row.count;
  }
  sample.mean = all.mean();
  // A row of nothing but zeros has no scale.
  std::ranges::replace(sample.row_mean, 0, sample.mean);
}

void take_keys(const Layout& layout, const Grid& grid, const std::uint8_t* in, std::uint64_t keys,
               Sample& sample) {
  const std::uint64_t stride =
      std::max<std::uint64_t>(1, grid.elements / std::max<std::uint64_t>(keys, 1));
  sample.keys.resize(grid.elements / stride + (grid.rows() + 1) * kSampleBlock);
  sample.blocks.clear();
  std::uint64_t filled = 0;
  // Counted over all rows, so that rows shorter than the stride are taken in turn; five more a row,
  // so that long ones are not looked at in the same columns.
  std::uint64_t skip = 0;
  for (std::uint64_t r = 0; r < grid.rows(); ++r) {
    const std::uint64_t begin = grid.row_begin(r);
    const std::uint64_t size = grid.row_end(r) - begin;
    const std::uint64_t first_column = r == 0 ? grid.first : 0;
    const std::uint64_t blocks = divide_up(size, kSampleBlock);
    std::uint64_t block = skip;
    for (; block < blocks; block += stride) {
      const std::uint64_t at = block * kSampleBlock;
      const std::uint64_t n = std::min<std::uint64_t>(kSampleBlock, size - at);
      get_keys(layout, in, begin + at, n, sample.keys.data() + filled);
      sample.blocks.push_back({static_cast<std::uint32_t>(r),
                               static_cast<std::uint32_t>(first_column + at),
                               static_cast<std::uint32_t>(filled), static_cast<std::uint32_t>(n)});
      filled += n;
    }
    skip = (block - blocks + 5) % stride;
  }
  sample.keys.resize(filled);
}

// The columns' means over at most 256 full rows of the grid, spread evenly.
template <class T>
void measure_columns_of(const Layout& layout, const Grid& grid, const std::uint8_t* in,
                        const Sample& sample, std::uint64_t rows,
                        std::vector<std::int32_t>& means) {
  thread_local std::vector<Wide<T>> sums;
  thread_local std::vector<Wide<T>> zeros;
  sums.assign(grid.width, 0);
  zeros.assign(grid.width, 0);
  const int shift = layout.rest_bits() - 1 + layout.top_bits;
  const std::uint32_t mask = layout.key_mask() >> layout.top_bits;
  // The first and the last row may be short.
  const std::uint64_t inner = grid.rows() - 2;
  std::int64_t row_means = 0;
  for (std::uint64_t k = 0; k < rows; ++k) {
    const std::uint64_t r = 1 + k * inner / rows;
    row_means += sample.row_mean[r];
    const std::uint8_t* row = in + grid.row_begin(r) * sizeof(T);
    Wide<T>* sum = sums.data();
    Wide<T>* zero = zeros.data();
    for (std::uint32_t c = 0; c < grid.width; ++c) {
      const Wide<T> exponent = exponent_at<T>(row, c, shift, mask);
      sum[c] = static_cast<Wide<T>>(sum[c] + exponent);
      zero[c] = static_cast<Wide<T>>(zero[c] + (exponent == 0 ? 1 : 0));
    }
  }
  means.resize(grid.width);
  const auto row_mean = static_cast<std::int32_t>(row_means / static_cast<std::int64_t>(rows));
  for (std::uint32_t c = 0; c < grid.width; ++c) {
    const auto seen = static_cast<std::int32_t>(rows) - static_cast<std::int32_t>(zeros[c]);
    means[c] = seen == 0 ? 0 : static_cast<std::int32_t>(sums[c]) * kMeanUnit / seen - row_mean;
  }
}

void measure_columns(const Layout& layout, const Grid& grid, const std::uint8_t* in,
                     const Sample& sample, std::uint64_t rows, std::vector<std::int32_t>& means) {
  switch (layout.element_bytes) {
    case 1:
      return measure_columns_of<std::uint8_t>(layout, grid, in, sample, rows, means);
    case 2:
      return measure_columns_of<std::uint16_t>(layout, grid, in, sample, rows, means);
    case 4:
      return measure_columns_of<std::uint32_t>(layout, grid, in, sample, rows, means);
    default:
      return measure_columns_of<std::uint64_t>(layout, grid, in, sample, rows, means);
  }
}

// The variance of the sample's exponents about their rows' means, in squares of the means' unit.
std::int64_t variance_in_rows(const Layout& layout, const Sample& sample) {
  std::int64_t squares = 0;
  std::int64_t count = 0;
  for (std::size_t b = 0; b < sample.blocks.size(); b += 8) {
    const Block& block = sample.blocks[b];
    for (std::uint32_t i = 0; i < block.count; ++i) {
      const std::int32_t exponent = sample.keys[block.begin + i] >> layout.top_bits;
      const std::int64_t deviation =
          exponent == 0 ? 0 : exponent * kMeanUnit - sample.row_mean[block.row];
      squares += deviation * deviation;
      count += exponent != 0;
    }
  }
  return squares / std::max<std::int64_t>(count, 1);
}

}  // namespace

void take_sample(const Layout& layout, const Grid& grid, const std::uint8_t* in, std::uint64_t keys,
                 Sample& sample) {
  take_means(layout, grid, in, sample);
  take_keys(layout, grid, in, keys, sample);
}

bool column_means(const Layout& layout, const Grid& grid, const std::uint8_t* in,
                  const Sample& sample, std::vector<std::int32_t>& means) {
  constexpr std::uint64_t kLook = 16;      // rows enough to see whether columns differ
  constexpr std::uint64_t kMeasure = 256;  // rows enough to round a column's shift well
  constexpr std::int64_t kPays = kMeanUnit * kMeanUnit / 12;
  if (grid.rows() < kLook + 2) return false;
  measure_columns(layout, grid, in, sample, kLook, means);
  std::int64_t squares = 0;
  for (const std::int64_t mean : means) squares += mean * mean;
  // Means of equal columns would differ too, by what 16 rows leave of the variance.
  const std::int64_t chance = variance_in_rows(layout, sample) / static_cast<std::int64_t>(kLook);
  if (squares / grid.width < chance + kPays) return false;
  measure_columns(layout, grid, in, sample, std::min(kMeasure, grid.rows() - 2), means);
  return true;
}

}  // namespace bbz::codec::split
