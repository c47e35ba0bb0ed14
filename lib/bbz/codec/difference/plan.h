// The encoder's choices for one chunk: the tables and the exponents that they are for, and the
// reference exponent. They are computed from a sample of the chunk with integers only, so they are
// the same on every machine.
#pragma once

#include <vector>

#include "bbz/codec/codec.h"
#include "bbz/codec/difference/layout.h"
#include "bbz/codec/split/table.h"

namespace bbz::codec::difference {

// The choices for one chunk.
struct Plan {
  Classes classes;
  std::array<split::Frequencies, kMaxTables> tables{};  // of live tables
  std::uint64_t coded_bytes = 0;                        // estimated size of symbols and lower bits
  std::uint64_t live_elements = 0;                      // estimated number of coded symbols
};

// Overwrites `plan`. Preconditions: is_difference_dtype(shape.dtype), and both ranges have
// chunk_bytes(shape) bytes, more than none.
void make_plan(const ChunkShape& shape, Bytes plain, Bytes base, Level level, Plan& plan);

}  // namespace bbz::codec::difference
