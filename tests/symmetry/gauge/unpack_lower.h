// The inverse of pack_lower(), for tests: the library expands a chunk at a time (symmetry/form.h).
#pragma once

#include <algorithm>
#include <vector>

#include "bbz/symmetry/gauge/lower.h"

namespace bbz::gauge {

// Returns the matrix with these kept entries, and +0 right of the diagonal.
inline std::vector<std::byte> unpack_lower(Bytes packed, DType dtype, std::uint64_t rows,
                                           std::uint64_t cols) {
  const std::uint64_t size = element_bytes(dtype);
  std::vector<std::byte> full(rows * cols * size);
  for (std::uint64_t i = 0; i < rows; ++i) {
    const Bytes kept = packed.subspan(lower_count(i, cols) * size, std::min(i + 1, cols) * size);
    std::ranges::copy(kept, full.data() + i * cols * size);
  }
  return full;
}

}  // namespace bbz::gauge
