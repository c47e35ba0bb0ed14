// A chunk step by step, for kernels that keep the lanes' states in memory from one step to the
// next: such a kernel codes whole steps its own way and leaves the short ones to the portable
// loops.
#pragma once

#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {

// Up to `lanes` elements of a row.
struct Step {
  std::uint64_t element;  // the first one's place in the chunk,
  std::uint64_t index;    // in its row as far as the chunk has it,
  std::uint64_t column;   // and in the grid
  int count;
};

// Codes the elements of one step; `packed` is where their row's packed bits begin. The decoding one
// returns false where a cursor would pass its end.
using DecodeStep = bool (*)(DecodeJob& job, const Row& row, const std::uint8_t* packed,
                            const Step& step);
using EncodeStep = void (*)(EncodeJob& job, const Row& row, std::uint8_t* packed, const Step& step);

// The symbol byte of each lane of a step.
using Symbols = std::array<std::uint8_t, 1 << kMaxLanesLog2>;

// What is left of decoding a step once its symbols are there: takes the escapes, puts the elements
// together. Returns false where there are too few escapes.
using FinishStep = bool (*)(DecodeJob& job, const Row& row, const std::uint8_t* packed,
                            const Step& step, std::uint8_t* symbols);

// What comes before a step's symbols can be coded: takes its elements apart, stores the rests and
// the escapes, gives the symbol bytes.
using SplitStep = void (*)(EncodeJob& job, const Row& row, std::uint8_t* packed, const Step& step,
                           std::uint8_t* symbols);

DecodeStep portable_decode_step(const Layout& layout);
FinishStep portable_finish_step(const Layout& layout);
EncodeStep portable_encode_step(const Layout& layout);
SplitStep portable_split_step(const Layout& layout);

// The k-th step of row r.
inline Step step_of(const Grid& grid, std::uint64_t r, std::uint64_t k) {
  const std::uint64_t begin = grid.row_begin(r);
  const auto lanes = static_cast<std::uint64_t>(grid.lanes);
  const std::uint64_t index = k * lanes;
  const std::uint64_t left = grid.row_end(r) - begin - index;
  return {begin + index, index, (r == 0 ? grid.first : 0) + index,
          static_cast<int>(left < lanes ? left : lanes)};
}

inline std::uint64_t step_count(const Grid& grid, std::uint64_t r) {
  return divide_up(grid.row_end(r) - grid.row_begin(r), static_cast<std::uint64_t>(grid.lanes));
}

// Decodes a chunk with `whole` for steps of all lanes and `part` for shorter ones.
inline void decode_by_steps(DecodeJob& job, DecodeStep whole, DecodeStep part) {
  const std::uint8_t* packed = job.packed;
  for (std::uint64_t r = 0; r < job.grid.rows(); ++r) {
    for (std::uint64_t k = 0; k < step_count(job.grid, r); ++k) {
      const Step step = step_of(job.grid, r, k);
      if (!(step.count == job.grid.lanes ? whole : part)(job, job.rows[r], packed, step)) {
        job.overrun = true;
        return;
      }
    }
    packed += job.layout.packed_size(job.grid.row_end(r) - job.grid.row_begin(r));
  }
}

// Encodes a chunk, from its last step to its first.
inline void encode_by_steps(EncodeJob& job, EncodeStep whole, EncodeStep part) {
  std::uint8_t* packed = job.packed + packed_total(job.layout, job.grid);
  for (std::uint64_t r = job.grid.rows(); r-- > 0;) {
    packed -= job.layout.packed_size(job.grid.row_end(r) - job.grid.row_begin(r));
    for (std::uint64_t k = step_count(job.grid, r); k-- > 0;) {
      const Step step = step_of(job.grid, r, k);
      (step.count == job.grid.lanes ? whole : part)(job, job.rows[r], packed, step);
    }
  }
}

}  // namespace bbz::codec::split
