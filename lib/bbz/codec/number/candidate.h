// What a chunk may be taken as by the encoder: the kind of its numbers, and the grid. The choices are
// made with integers and with products of binary32 alone, so they are the same on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "bbz/codec/codec.h"
#include "bbz/codec/number/layout.h"

namespace bbz::codec::number {

// A way to take a chunk.
struct Candidate {
  // The kind and the bits of elements. What else it has is found by encoding.
  Model model;
  std::uint32_t width = 1;  // elements in a row of the grid
  std::uint32_t first = 0;  // column of the first element
  Level level = Level::kDefault;
};

// Returns the ways to take a chunk that a look at parts of it recommends, or all if `level` is
// kSmall. Precondition: plain.size() is chunk_bytes(shape).
std::vector<Candidate> find_candidates(const ChunkShape& shape, Bytes plain, Level level);

}  // namespace bbz::codec::number
