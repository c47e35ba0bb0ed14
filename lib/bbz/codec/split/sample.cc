#include "bbz/codec/split/sample.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "bbz/base/cpu.h"

// Allows a function for another instruction set to inline these functions.
#define BBZ_ALWAYS_INLINE inline __attribute__((always_inline))

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

// Extracts the keys of `count` elements, the first of which is `element`.
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

// The sum and the number of exponents for a mean.
struct Sum {
  std::int64_t exponents = 0;
  std::int64_t count = 0;  // number of exponents that are not zero

  std::int32_t mean() const {
    return count == 0 ? 0 : static_cast<std::int32_t>((exponents * kMeanUnit + count / 2) / count);
  }
};

// The smallest integer that can hold the sum of 256 exponents of elements of type T, so that
// compilers add as many at once as possible.
template <class T>
using Wide = std::conditional_t<sizeof(T) == 1, std::uint16_t, T>;

// The exponents of elements of type T. The shift is a constant, because compilers vectorise only
// those.
template <class T, int kShift, unsigned kMask>
struct Exponents {
  using Element = T;

  static BBZ_ALWAYS_INLINE Wide<T> at(const std::uint8_t* in, std::uint64_t i) {
    T value;
    std::memcpy(&value, in + i * sizeof(T), sizeof(T));
    return static_cast<Wide<T>>(static_cast<T>(value >> kShift) & static_cast<T>(kMask));
  }

  // Adds `count` elements from `in` on.
  static BBZ_ALWAYS_INLINE void add(const std::uint8_t* in, std::uint64_t count, Sum& sum) {
    for (std::uint64_t begin = 0; begin < count; begin += 256) {
      const std::uint64_t end = std::min(begin + 256, count);
      Wide<T> exponents = 0;
      Wide<T> zeros = 0;
      for (std::uint64_t i = begin; i < end; ++i) {
        const Wide<T> exponent = at(in, i);
        exponents = static_cast<Wide<T>>(exponents + exponent);
        zeros = static_cast<Wide<T>>(zeros + (exponent == 0 ? 1 : 0));
      }
      sum.exponents += static_cast<std::int64_t>(exponents);
      sum.count += static_cast<std::int64_t>(end - begin) - static_cast<std::int64_t>(zeros);
    }
  }
};

// Calls `f` with the Exponents of a layout's type.
template <class F>
void with_exponents(const Layout& layout, F f) {
  const int bits = layout.key_bits - layout.top_bits;
  switch (layout.element_bytes) {
    case 1:
      return bits == 4 ? f(Exponents<std::uint8_t, 3, 0xF>())
                       : f(Exponents<std::uint8_t, 2, 0x1F>());
    case 2:
      return bits == 8 ? f(Exponents<std::uint16_t, 7, 0xFF>())
                       : f(Exponents<std::uint16_t, 10, 0x1F>());
    case 4:
      return f(Exponents<std::uint32_t, 23, 0xFF>());
    default:
      return f(Exponents<std::uint64_t, 52, 0x7FF>());
  }
}

template <class Exponents>
void add_row(const std::uint8_t* in, std::uint64_t count, Sum& sum) {
  Exponents::add(in, count, sum);
}

#if defined(__x86_64__)
// Adds a row like add_row(), compiled for AVX2.
template <class Exponents>
__attribute__((target("avx2"))) void add_row_avx2(const std::uint8_t* in, std::uint64_t count,
                                                  Sum& sum) {
  Exponents::add(in, count, sum);
}
#endif

template <class Exponents>
auto* choose_add_row() {
#if defined(__x86_64__)
  if (cpu::features().avx2) return add_row_avx2<Exponents>;
#endif
  return add_row<Exponents>;
}

void take_means(const Layout& layout, const Grid& grid, const std::uint8_t* in, Sample& sample) {
  sample.row_mean.assign(grid.rows(), 0);
  Sum all;
  with_exponents(layout, [&](auto exponents) {
    using Exponents = decltype(exponents);
    auto* const add = choose_add_row<Exponents>();
    for (std::uint64_t r = 0; r < grid.rows(); ++r) {
      const std::uint64_t begin = grid.row_begin(r);
      Sum row;
      add(in + begin * sizeof(typename Exponents::Element), grid.row_end(r) - begin, row);
      sample.row_mean[r] = row.mean();
      all.exponents += row.exponents;
      all.count += row.count;
    }
  });
  sample.mean = all.mean();
  // A row that has only zeros gets the mean of all rows.
  std::ranges::replace(sample.row_mean, 0, sample.mean);
}

void take_keys(const Layout& layout, const Grid& grid, const std::uint8_t* in, std::uint64_t keys,
               Sample& sample) {
  const std::uint64_t stride =
      std::max<std::uint64_t>(1, grid.elements / std::max<std::uint64_t>(keys, 1));
  sample.keys.resize(grid.elements / stride + (grid.rows() + 1) * kSampleBlock);
  sample.blocks.clear();
  std::uint64_t filled = 0;
  // The stride continues over rows, so that rows shorter than it are sampled in turn. Five more in
  // each row avoid that long rows are sampled in the same columns.
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

// Computes the columns' means over at most 256 evenly spread rows of the grid.
template <class Exponents>
void measure_columns_of(const Grid& grid, const std::uint8_t* in, const Sample& sample,
                        std::uint64_t rows, std::vector<std::int32_t>& means) {
  using T = typename Exponents::Element;
  constexpr std::uint32_t kPiece = 256;
  // The first and the last row may be short.
  const std::uint64_t inner = grid.rows() - 2;
  const auto row_at = [&](std::uint64_t k) { return 1 + k * inner / rows; };
  std::int64_t row_means = 0;
  for (std::uint64_t k = 0; k < rows; ++k) row_means += sample.row_mean[row_at(k)];
  const auto row_mean = static_cast<std::int32_t>(row_means / static_cast<std::int64_t>(rows));
  means.resize(grid.width);
  // Takes a few columns of all rows at a time. If it took whole rows, the addresses of sums and
  // rows might differ by a multiple of 4096 bytes, and then each load waits for an unrelated store.
  for (std::uint32_t begin = 0; begin < grid.width; begin += kPiece) {
    const std::uint32_t count = std::min(kPiece, grid.width - begin);
    Wide<T> sum[kPiece] = {};
    Wide<T> zero[kPiece] = {};
    for (std::uint64_t k = 0; k < rows; ++k) {
      const std::uint8_t* row = in + (grid.row_begin(row_at(k)) + begin) * sizeof(T);
      for (std::uint32_t c = 0; c < count; ++c) {
        const Wide<T> exponent = Exponents::at(row, c);
        sum[c] = static_cast<Wide<T>>(sum[c] + exponent);
        zero[c] = static_cast<Wide<T>>(zero[c] + (exponent == 0 ? 1 : 0));
      }
    }
    for (std::uint32_t c = 0; c < count; ++c) {
      const auto seen = static_cast<std::int32_t>(rows) - static_cast<std::int32_t>(zero[c]);
      means[begin + c] =
          seen == 0 ? 0 : static_cast<std::int32_t>(sum[c]) * kMeanUnit / seen - row_mean;
    }
  }
}

void measure_columns(const Layout& layout, const Grid& grid, const std::uint8_t* in,
                     const Sample& sample, std::uint64_t rows, std::vector<std::int32_t>& means) {
  with_exponents(layout, [&](auto exponents) {
    measure_columns_of<decltype(exponents)>(grid, in, sample, rows, means);
  });
}

// Returns the variance of the sample's exponents about the means of their rows, in squares of the
// unit of means.
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
  constexpr std::uint64_t kLook = 16;      // enough rows to see whether columns differ
  constexpr std::uint64_t kMeasure = 256;  // enough rows to round a column's shift well
  constexpr std::int64_t kPays = kMeanUnit * kMeanUnit / 12;
  if (grid.rows() < kLook + 2) return false;
  measure_columns(layout, grid, in, sample, kLook, means);
  std::int64_t squares = 0;
  for (const std::int64_t mean : means) squares += mean * mean;
  // Means over 16 rows differ by chance even if the columns are equal.
  const std::int64_t chance = variance_in_rows(layout, sample) / static_cast<std::int64_t>(kLook);
  if (squares / grid.width < chance + kPays) return false;
  measure_columns(layout, grid, in, sample, std::min(kMeasure, grid.rows() - 2), means);
  return true;
}

}  // namespace bbz::codec::split
