#include "bbz/access/view/block.h"

#include <gtest/gtest.h>

#include <numeric>
#include <unordered_set>

#include "bbz/format/catalog/pivots.h"
#include "bbz/symmetry/form.h"

namespace bbz::view {
namespace {

TEST(Block, KeysTellAllBlocksOfAnArchiveApart) {
  // Tensors of 70,000 chunks, beside which the next tensor's first ones lie close by any packing.
  std::unordered_set<std::uint64_t> hashes;
  std::vector<Block::Key> keys;
  for (std::uint32_t tensor = 0; tensor < 3; ++tensor) {
    for (std::uint32_t number = 0; number < 70'000; ++number) {
      Block block;
      block.tensor = tensor;
      block.number = number;
      block.begin = std::uint64_t{number} << 20;
      block.end = block.begin + (1 << 20);
      keys.push_back(block.key());
    }
  }
  std::unordered_set<Block::Key, HashKey> set(keys.begin(), keys.end());
  EXPECT_EQ(set.size(), keys.size());
  for (const Block::Key& key : keys) hashes.insert(HashKey()(key));
  EXPECT_GT(hashes.size(), keys.size() / 2);  // else the cache is a list
}

// One tensor of F64 of a form that is expanded, lower if it is not changed, in chunks of `chunk`
// elements.
catalog::Catalog expanded(const Shape& shape, std::uint64_t stored, std::uint64_t chunk) {
  catalog::Catalog catalog;
  catalog::Tensor tensor;
  tensor.meta.dtype = DType::kF64;
  tensor.meta.element_bits = 64;
  tensor.meta.form = catalog::Form::kLower;
  tensor.meta.shape = shape;
  tensor.meta.stored_elements = stored;
  tensor.meta.chunk_elements = chunk;
  tensor.byte_size = shape[0] * shape[1] * 8;
  for (std::uint64_t first = 0; first < stored; first += chunk, ++tensor.chunk_count) {
    catalog::Chunk entry;
    entry.meta.number = static_cast<std::uint32_t>(tensor.chunk_count);
    entry.first_element = first;
    entry.element_count = std::min(chunk, stored - first);
    entry.decoded_bytes = entry.element_count * 8;
    catalog.chunks.push_back(entry);
  }
  catalog.tensors.push_back(tensor);
  return catalog;
}

// Expects that blocks tile the tensor, and have at most so many bytes.
void expect_tiles(const catalog::Catalog& catalog, std::uint64_t most) {
  const catalog::Tensor& tensor = catalog.tensors.front();
  std::uint64_t next = 0;
  while (next < tensor.byte_size) {
    const auto block = block_at(catalog, tensor, next);
    ASSERT_TRUE(block.ok()) << block.error().message;
    ASSERT_EQ(block->begin, next);
    ASSERT_GT(block->end, next);
    ASSERT_LE(block->size(), most);
    for (const std::uint64_t inside :
         {block->begin + 1, (block->begin + block->end) / 2, block->end - 1}) {
      const auto same = block_at(catalog, tensor, inside);
      ASSERT_TRUE(same.ok());
      ASSERT_EQ(same->key(), block->key());
      ASSERT_EQ(same->end, block->end);
    }
    next = block->end;
  }
  EXPECT_EQ(next, tensor.byte_size);
}

TEST(Block, OfAPivotTensorTileItAndAreNoLargerThanChunksMayBe) {
  std::vector<std::uint32_t> lines(32768);
  std::iota(lines.begin(), lines.end(), 1);
  for (const std::uint64_t chunk : {std::uint64_t{2}, std::uint64_t{70'000}}) {
    for (const unsigned axis : {0u, 1u}) {
      // Eight gigabytes of which half a megabyte is stored, in two lines: the first and the last.
      catalog::Catalog catalog =
          expanded(axis == 0 ? Shape{32770, 32768} : Shape{32768, 32770}, 2 * 32768, chunk);
      catalog.tensors.front().meta.form = catalog::Form::kPivot;
      catalog.tensors.front().meta.pivots =
          std::make_shared<const catalog::Pivots>(axis, 32770, lines);
      // A chunk is decoded again for each block, so these are up to four times as large.
      expect_tiles(catalog, std::max<std::uint64_t>(4 * chunk * 8, 1 << 20));
    }
  }
}

TEST(Block, OfALowerTensorTileItAndAreNoLargerThanChunksMayBe) {
  struct Case {
    std::uint64_t rows, cols, stored, chunk;
    std::uint64_t most;
  };
  const Case cases[] = {
      // A gigabyte that one chunk of 64 MiB expands to.
      {4095, 32768, 4095 * 4096 / 2, std::uint64_t{64} << 17, std::uint64_t{64} << 20},
      // A chunk of the usual size, and chunks of one element.
      {1000, 1000, 1000 * 1001 / 2, 1 << 17, 8 << 20},
      {40, 50, 40 * 41 / 2, 1, 1 << 20},
      {3, 32768, 6, 6, 1 << 20},
  };
  for (const Case& c : cases) {
    expect_tiles(expanded({c.rows, c.cols}, c.stored, c.chunk), c.most);
  }
}

}  // namespace
}  // namespace bbz::view
