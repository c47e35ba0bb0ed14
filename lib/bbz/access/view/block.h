// Blocks: the runs of a tensor's bytes that are decoded at once. Internal to bbz.
#pragma once

#include "bbz/format/catalog/catalog.h"

namespace bbz::view {

// Bytes [begin, end) of a tensor, counted from its first: what one chunk accounts for, or a part of
// that if the form is lower and the chunk stands for many times what it stores, or all of a tensor
// that is derived as a whole. The blocks of a tensor tile it, and none is empty.
struct Block {
  std::uint32_t tensor = 0;
  std::uint32_t number = 0;  // of the chunk, in the tensor
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::uint64_t size() const { return end - begin; }
  // What tells any two blocks of an archive apart.
  struct Key {
    std::uint32_t tensor = 0;
    std::uint64_t begin = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  Key key() const { return {tensor, begin}; }
};

struct HashKey {
  std::size_t operator()(const Block::Key& key) const {
    return static_cast<std::size_t>((key.tensor * 0x9E3779B97F4A7C15u) ^
                                    (key.begin + (key.begin >> 20)));
  }
};

// The block that holds byte `offset` of a tensor. Precondition: offset < tensor.byte_size.
// Errors: kUnsupported and kMalformed, where the tensor's record does not fit its form.
Result<Block> block_at(const catalog::Catalog& catalog, const catalog::Tensor& tensor,
                       std::uint64_t offset);

}  // namespace bbz::view
