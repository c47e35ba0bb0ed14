// The input of the planner: keys of a part of a chunk, and mean exponents of its rows and columns.
#pragma once

#include <cstdint>
#include <vector>

#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {

// The largest number of keys in a block.
inline constexpr int kSampleBlock = 32;
// The number of units in a binade, in which means of exponents are expressed.
inline constexpr int kMeanUnit = 16;

// Keys of consecutive elements of a row.
struct Block {
  std::uint32_t row = 0;
  std::uint32_t column = 0;  // column of the first key
  std::uint32_t begin = 0;   // index of the first key in Sample::keys
  std::uint32_t count = 0;
};

// The sample of a chunk.
struct Sample {
  std::vector<std::int32_t> row_mean;  // mean of each row's exponents that are not zero
  std::int32_t mean = 0;               // mean over all rows
  std::vector<std::uint16_t> keys;
  std::vector<Block> blocks;
};

// Computes the means over all elements, and takes the keys of about `keys` elements. Reads the
// chunk once front to back, which also brings it into the cache for the encoder.
void take_sample(const Layout& layout, const Grid& grid, const std::uint8_t* in, std::uint64_t keys,
                 Sample& sample);

// Computes for each column the mean of its exponents minus those of the rows. Returns false if a
// few rows show that columns differ too little for shifts to pay.
bool column_means(const Layout& layout, const Grid& grid, const std::uint8_t* in,
                  const Sample& sample, std::vector<std::int32_t>& means);

}  // namespace bbz::codec::split
