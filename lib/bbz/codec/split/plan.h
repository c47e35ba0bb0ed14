// The encoder's choices for one chunk: the grid, the shifts of rows and columns, the tables. They
// come from a sample of the chunk, in integers alone, so that every machine makes the same.
//
// The exponents of trained weights have the shape of a Gaussian's whose scale changes from row to
// row and from column to column. A shift by whole binades takes most of that away, and what is left
// of a row's scale, a fraction of a binade, chooses its table.
#pragma once

#include <cstdint>
#include <vector>

#include "bbz/codec/codec.h"
#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {

struct Plan {
  Header header;  // but for the counts and sizes that coding finds
  Grid grid;
  std::vector<Frequencies> tables;           // header.tables of them
  std::vector<std::uint16_t> row_fields;     // of each row: its shift in binades above its table
  std::vector<std::uint16_t> column_shifts;  // of each column, in binades; empty for none
  std::uint64_t key_bytes = 0;               // what keys and side information may take
};

// Precondition: is_split_dtype(shape.dtype), plain.size() is chunk_bytes(shape) and not zero.
// `plan` is overwritten; its vectors' capacity is reused.
void make_plan(const ChunkShape& shape, Bytes plain, Level level, Plan& plan);

}  // namespace bbz::codec::split
