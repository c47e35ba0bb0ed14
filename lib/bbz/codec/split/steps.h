// The loop over the steps of a chunk, for kernels that keep the states of lanes in memory between
// steps. Such a kernel codes whole steps itself, and leaves short ones to the portable functions.
#pragma once

#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {

// Up to `lanes` consecutive elements of a row.
struct Step {
  std::uint64_t element;  // index of the first element in the chunk
  std::uint64_t index;    // its index among the chunk's elements of the row
  std::uint64_t column;   // its column in the grid
  int count;              // number of elements
};

// Decodes the elements of one step. `packed` is the beginning of the row's packed bits. Returns
// false if a cursor would pass its end.
using DecodeStep = bool (*)(DecodeJob& job, const Row& row, const std::uint8_t* packed,
                            const Step& step);
// Encodes the elements of one step. `packed` is the beginning of the row's packed bits.
using EncodeStep = void (*)(EncodeJob& job, const Row& row, std::uint8_t* packed, const Step& step);

// The symbol byte of each lane of a step.
using Symbols = std::array<std::uint8_t, 1 << kMaxLanesLog2>;

// Completes the decoding of a step from its symbols: takes the escapes, and makes the elements.
// Returns false if there are too few escapes.
using FinishStep = bool (*)(DecodeJob& job, const Row& row, const std::uint8_t* packed,
                            const Step& step, std::uint8_t* symbols);

// Begins the encoding of a step: splits its elements, stores the rests and the escapes, and
// computes the symbol bytes.
using SplitStep = void (*)(EncodeJob& job, const Row& row, std::uint8_t* packed, const Step& step,
                           std::uint8_t* symbols);

// Returns the portable function of this kind for a layout, as the next three do.
DecodeStep portable_decode_step(const Layout& layout);
FinishStep portable_finish_step(const Layout& layout);
EncodeStep portable_encode_step(const Layout& layout);
SplitStep portable_split_step(const Layout& layout);

// Returns the k-th step of row r. Precondition: k < step_count(grid, r).
inline Step step_of(const Grid& grid, std::uint64_t r, std::uint64_t k) {
  const std::uint64_t begin = grid.row_begin(r);
  const auto lanes = static_cast<std::uint64_t>(grid.lanes);
  const std::uint64_t index = k * lanes;
  const std::uint64_t left = grid.row_end(r) - begin - index;
  return {begin + index, index, (r == 0 ? grid.first : 0) + index,
          static_cast<int>(left < lanes ? left : lanes)};
}

// Returns the number of steps of row r.
inline std::uint64_t step_count(const Grid& grid, std::uint64_t r) {
  return divide_up(grid.row_end(r) - grid.row_begin(r), static_cast<std::uint64_t>(grid.lanes));
}

// Decodes a chunk with `whole` for steps of all lanes and `part` for shorter steps.
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

// Encodes a chunk from its last step to its first, with `whole` for steps of all lanes and `part`
// for shorter steps.
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
