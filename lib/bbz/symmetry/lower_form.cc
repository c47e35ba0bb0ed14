// Form lower: the entries of a matrix right of the diagonal are zero and not stored.
#include <algorithm>
#include <cstring>

#include "bbz/symmetry/gauge/lower.h"
#include "bbz/symmetry/internal/forms.h"

namespace bbz::symmetry {
namespace {

using catalog::TensorMeta;

// Returns the row of the stored element `index`: the last row that does not begin after it.
std::uint64_t lower_row(const TensorMeta& tensor, std::uint64_t index) {
  const std::uint64_t cols = tensor.shape[1];
  std::uint64_t low = 0;
  std::uint64_t high = tensor.shape[0];
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (gauge::lower_count(middle, cols) <= index ? low : high) = middle;
  }
  return low;
}

std::uint64_t dense_index(const TensorMeta& tensor, std::uint64_t index) {
  const std::uint64_t row = lower_row(tensor, index);
  return row * tensor.shape[1] + (index - gauge::lower_count(row, tensor.shape[1]));
}

}  // namespace

Status check_lower(const catalog::Tensor& tensor) {
  const TensorMeta& meta = tensor.meta;
  BBZ_TRY(check_matrix(meta));
  return check_stored(meta, gauge::lower_count(meta.shape[0], meta.shape[1]));
}

// A chunk stands for the elements from its first one up to the first of the next chunk, including
// zeros right of the diagonal.
DenseRange lower_range(const TensorMeta& tensor, const catalog::Chunk& chunk) {
  const std::uint64_t next = chunk.first_element + chunk.element_count;
  return {dense_index(tensor, chunk.first_element), next == tensor.stored_elements
                                                        ? tensor.shape[0] * tensor.shape[1]
                                                        : dense_index(tensor, next)};
}

void expand_lower(const TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
                  std::uint64_t begin, MutableBytes dense) {
  const std::size_t size = tensor.element_bits / 8;
  const std::uint64_t cols = tensor.shape[1];
  const std::uint64_t end = begin + dense.size() / size;
  const std::uint64_t first = chunk.first_element;
  const std::uint64_t last = first + chunk.element_count;
  std::ranges::fill(dense, std::byte{0});
  for (std::uint64_t row = begin / cols; row * cols < end; ++row) {
    // Finds the stored elements of the row that are in both the part and the chunk.
    const std::uint64_t row_begin = row * cols;
    const std::uint64_t kept = gauge::lower_count(row, cols);
    const std::uint64_t skipped = begin > row_begin ? begin - row_begin : 0;
    const std::uint64_t from = std::max(kept + skipped, first);
    const std::uint64_t to = std::min(kept + std::min({row + 1, cols, end - row_begin}), last);
    if (from >= to) continue;
    std::memcpy(dense.data() + (row_begin + (from - kept) - begin) * size,
                stored.data() + (from - first) * size, (to - from) * size);
  }
}

}  // namespace bbz::symmetry
