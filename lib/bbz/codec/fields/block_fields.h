// The parts of the blocks of GGUF's quantised types.
#pragma once

#include <cstdint>
#include <span>

namespace bbz::codec::fields {

// What the bytes of a field are.
enum class Content : std::uint8_t {
  kFloat16,  // one float of 16 bits
  kBytes,    // integers of 8 bits or fewer
};

// A part of a block.
struct Field {
  std::uint16_t size;  // bytes
  Content content;
};

// Returns the fields of blocks of so many bytes, which follow each other and fill the block. Empty if
// no type with blocks of this size is known: the sizes of the types differ. Source: ggml-common.h of
// llama.cpp.
std::span<const Field> block_fields(std::uint64_t block_bytes);

}  // namespace bbz::codec::fields
