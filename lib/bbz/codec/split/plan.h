// The encoder's choices for one chunk: the grid, the shifts of rows and columns, and the tables.
// They are computed from a sample of the chunk with integers only, so they are the same on every
// machine.
//
// The exponents of trained weights are distributed like those of a Gaussian whose scale differs
// between rows and between columns. Shifts by whole binades remove most of the difference. The rest
// of a row's scale, a fraction of a binade, determines its table.
#pragma once

#include <cstdint>
#include <vector>

#include "bbz/codec/codec.h"
#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {

// The choices for one chunk.
struct Plan {
  Header header;  // without the counts and sizes that encoding determines
  Grid grid;
  std::vector<Frequencies> tables;  // header.tables of them
  // For each row: the shift in binades, above the bits of the table's index.
  std::vector<std::uint16_t> row_fields;
  std::vector<std::uint16_t> column_shifts;  // for each column, in binades; empty if there are none
  std::uint64_t key_bytes = 0;               // estimated size of keys and side information
};

// Overwrites `plan` with the choices for a chunk, and reuses the capacity of its vectors.
// Precondition: is_split_dtype(shape.dtype), and plain.size() is chunk_bytes(shape) and not zero.
void make_plan(const ChunkShape& shape, Bytes plain, Level level, Plan& plan);

}  // namespace bbz::codec::split
