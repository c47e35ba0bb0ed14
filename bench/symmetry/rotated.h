// How far rotated tensors are from the exact rotation, and how long a rotation takes beside the same
// product in float64.
#pragma once

#include <cstdint>
#include <vector>

namespace bbz::bench {

struct RotatedOptions {
  std::vector<std::uint64_t> widths = {4096, 11008};
  std::uint64_t rows = 512;  // of a tensor that reads, or columns of one that writes
};

// Prints a row for each width, type and side. Returns false if something could not be rotated.
bool print_rotated(const RotatedOptions& options);

}  // namespace bbz::bench
