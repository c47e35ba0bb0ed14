// What it takes to expand a tensor of form pivot, beside copying as many bytes.
#pragma once

#include <cstdint>

namespace bbz::bench {

struct PivotOptions {
  std::uint64_t extent = 11008;
  std::uint64_t rank = 2389;
  unsigned repeat = 15;
};

// Prints for F16 and F32 and for pivots in rows and in columns how fast a chunk is expanded slice by
// slice, pivots are found, and the matrix is packed, each as a ratio to memcpy of the matrix. Returns
// whether the extent and the rank are those of a tensor.
bool print_pivot(const PivotOptions& options);

}  // namespace bbz::bench
