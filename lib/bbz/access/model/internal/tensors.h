// What the readers of all formats need: the size of parts, and which tensors are other names of the
// same elements.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "bbz/base/shape.h"

namespace bbz::model {

// The bytes of a part of a tensor, unless a chunk of an archive or a part of a view has more.
inline constexpr std::uint64_t kPartBytes = std::uint64_t{32} << 20;

// Returns the index of the first tensor that is equivalent to each, which may be itself. `less` orders
// the indices below `count`; those that it does not order are equivalent.
template <class Less>
std::vector<std::size_t> firsts_of(std::size_t count, const Less& less) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, less);
  std::vector<std::size_t> firsts(count);
  for (std::size_t i = 0; i < count; ++i) {
    const bool again = i != 0 && !less(order[i - 1], order[i]);
    firsts[order[i]] = again ? firsts[order[i - 1]] : order[i];
  }
  return firsts;
}

// Returns whether the strides of one tensor of this shape come before those of another. Those of
// axes of one element do not count.
inline bool strides_less(const Shape& shape, const std::vector<std::uint64_t>& a,
                         const std::vector<std::uint64_t>& b) {
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] > 1 && a[i] != b[i]) return a[i] < b[i];
  }
  return false;
}

}  // namespace bbz::model
