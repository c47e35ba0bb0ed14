// Blocks: the runs of a tensor's bytes that are decoded at once.
#pragma once

#include "bbz/format/catalog/catalog.h"

namespace bbz::view {

// Bytes [begin, end) of a tensor, counted from its first: one chunk's share of it. If the form is
// lower and the chunk stands for many times what it stores, a block is a part of that share. If the
// tensor is derived as a whole, a block is all of it. A block of a view is of some MiB. The blocks of a tensor tile it, and none is
// empty.
struct Block {
  std::uint32_t tensor = 0;  // index into Catalog::tensors
  std::uint32_t number = 0;  // of the chunk, in the tensor; 0 if it has none
  std::uint64_t begin = 0;   // offset of the first byte, in the tensor
  std::uint64_t end = 0;     // offset after the last byte

  // Returns the number of bytes.
  std::uint64_t size() const { return end - begin; }
  // Identifies a block in an archive.
  struct Key {
    std::uint32_t tensor = 0;
    std::uint64_t begin = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  // Returns the key of this block.
  Key key() const { return {tensor, begin}; }
};

// Hashes keys for unordered containers.
struct HashKey {
  std::size_t operator()(const Block::Key& key) const {
    return static_cast<std::size_t>((key.tensor * 0x9E3779B97F4A7C15u) ^
                                    (key.begin + (key.begin >> 20)));
  }
};

// Returns the block that holds byte `offset` of a tensor. Precondition: offset < tensor.byte_size.
// Errors: kUnsupported and kMalformed, if the tensor's record does not fit its form.
Result<Block> block_at(const catalog::Catalog& catalog, const catalog::Tensor& tensor,
                       std::uint64_t offset);

}  // namespace bbz::view
