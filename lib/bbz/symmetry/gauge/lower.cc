#include "bbz/symmetry/gauge/lower.h"

#include <algorithm>
#include <cstring>

#include "bbz/base/format.h"

namespace bbz::gauge {
namespace {

Status check_sizes(std::size_t full, std::size_t packed, DType dtype, std::uint64_t rows,
                   std::uint64_t cols) {
  const std::uint64_t size = element_bytes(dtype);
  if (full != rows * cols * size || packed != lower_count(rows, cols) * size) {
    return make_error(Code::kInvalidArgument,
                      "lower triangle of {} x {} {}: expected {} full and {} packed bytes, found "
                      "{} and {}",
                      rows, cols, dtype_info(dtype).name, rows * cols * size,
                      lower_count(rows, cols) * size, full, packed);
  }
  return {};
}

}  // namespace

bool is_lower(Bytes full, DType dtype, std::uint64_t rows, std::uint64_t cols) {
  const std::uint64_t size = element_bytes(dtype);
  for (std::uint64_t i = 0; i < std::min(rows, cols); ++i) {
    const Bytes row = full.subspan(i * cols * size, cols * size);
    const std::byte sign = row[(i + 1) * size - 1] & std::byte{0x80};  // little-endian
    const Bytes right = row.subspan((i + 1) * size);
    if (sign != std::byte{0} ||
        std::ranges::any_of(right, [](std::byte b) { return b != std::byte{0}; })) {
      return false;
    }
  }
  return true;
}

Status pack_lower(Bytes full, DType dtype, std::uint64_t rows, std::uint64_t cols,
                  MutableBytes packed) {
  BBZ_TRY(check_sizes(full.size(), packed.size(), dtype, rows, cols));
  const std::uint64_t size = element_bytes(dtype);
  for (std::uint64_t i = 0; i < rows; ++i) {
    const Bytes kept = full.subspan(i * cols * size, std::min(i + 1, cols) * size);
    std::ranges::copy(kept, packed.begin() + lower_count(i, cols) * size);
  }
  return {};
}

}  // namespace bbz::gauge
