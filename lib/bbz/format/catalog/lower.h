// The elements that tensors of form lower store.
#pragma once

#include <algorithm>
#include <cstdint>

namespace bbz::catalog {

// Returns the number of elements that rows [0, row) of such a tensor with `cols` columns store: row i
// stores min(i + 1, cols). Precondition: row and cols are below 2^31.
constexpr std::uint64_t lower_count(std::uint64_t row, std::uint64_t cols) {
  const std::uint64_t growing = std::min(row, cols);
  return growing * (growing + 1) / 2 + (row - growing) * cols;
}

}  // namespace bbz::catalog
