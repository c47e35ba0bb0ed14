// Blocks: the runs of a tensor's bytes that are decoded at once. Internal to the room.
#pragma once

#include "bbz/catalog/catalog.h"

namespace bbz::view {

// Bytes [begin, end) of a tensor, counted from its first: what one chunk accounts for or, of a
// tensor that is derived as a whole, all of them. The blocks of a tensor tile it.
struct Block {
  std::uint32_t tensor = 0;
  std::uint32_t number = 0;  // in the tensor
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::uint64_t size() const { return end - begin; }
  // Different for any two blocks of an archive.
  std::uint64_t key() const { return std::uint64_t{tensor} << 32 | number; }
};

// The block that holds byte `offset` of a tensor. Precondition: offset < tensor.byte_size.
// Errors: kUnsupported and kMalformed, where the tensor's record does not fit its form.
Result<Block> block_at(const catalog::Catalog& catalog, const catalog::Tensor& tensor,
                       std::uint64_t offset);

}  // namespace bbz::view
