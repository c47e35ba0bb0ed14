// The types of the tensors in GGUF files.
#pragma once

#include "bbz/base/block_type.h"

namespace bbz::gguf {

// A type of tensor: of numbers, or of blocks.
struct Type {
  std::uint32_t number = 0;  // in GGUF files
  DType dtype{};             // of the elements; kBlock for blocks
  SharedBlockType block{};   // what a block holds, or null
};

// Returns the type with a number, or nullptr if it is not known.
const Type* find_type(std::uint32_t number);

}  // namespace bbz::gguf
