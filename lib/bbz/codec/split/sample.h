// What the planner looks at: the keys of a part of a chunk, and the mean exponents of its rows and
// columns.
#pragma once

#include <cstdint>
#include <vector>

#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {

inline constexpr int kSampleBlock = 32;
// Means of exponents are in sixteenths of a binade.
inline constexpr int kMeanUnit = 16;

// Keys of elements that follow each other in a row.
struct Block {
  std::uint32_t row = 0;
  std::uint32_t column = 0;  // of the first
  std::uint32_t begin = 0;   // in Sample::keys
  std::uint32_t count = 0;
};

struct Sample {
  std::vector<std::int32_t> row_mean;  // of each row's exponents that are not zero
  std::int32_t mean = 0;               // over all rows
  std::vector<std::uint16_t> keys;
  std::vector<Block> blocks;
};

// Takes the means of all elements, which reads the chunk once from front to back and so brings it
// into the cache for what follows, and the keys of about `keys` elements.
void take_sample(const Layout& layout, const Grid& grid, const std::uint8_t* in, std::uint64_t keys,
                 Sample& sample);

// The mean of each column's exponents less their row's mean. Returns false, after a look at a few
// rows, where columns differ so little that shifts would not pay.
bool column_means(const Layout& layout, const Grid& grid, const std::uint8_t* in,
                  const Sample& sample, std::vector<std::int32_t>& means);

}  // namespace bbz::codec::split
