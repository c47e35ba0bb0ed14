#include <fmt/format.h>

#include "bbz/base/shape.h"

#include "bbz/base/checked.h"
#include "bbz/base/format.h"

namespace bbz {

Result<std::uint64_t> element_count(const Shape& shape) {
  std::uint64_t count = 1;
  for (const std::uint64_t extent : shape) {
    const auto product = checked_mul(count, extent);
    if (!product) {
      return make_error(Code::kMalformed, "shape [{}]: the number of elements exceeds 64 bits",
                        fmt::join(shape, ", "));
    }
    count = *product;
  }
  return count;
}

Result<std::uint64_t> byte_size(DType dtype, std::uint64_t elements) {
  const DTypeInfo& info = dtype_info(dtype);
  const auto bits = checked_mul(elements, static_cast<std::uint64_t>(info.bits));
  if (!bits) {
    return make_error(Code::kMalformed, "{} elements of {}: the size exceeds 64 bits", elements,
                      info.name);
  }
  if (*bits % 8 != 0) {
    return make_error(Code::kMalformed, "{} elements of {}: {} bits do not fill whole bytes",
                      elements, info.name, *bits);
  }
  return *bits / 8;
}

std::optional<std::uint64_t> packed_bytes(std::uint64_t elements, std::uint64_t bits) {
  const auto total = checked_mul(elements, bits);
  if (!total || *total % 8 != 0) return std::nullopt;
  return *total / 8;
}

std::uint64_t row_length(const Shape& shape) {
  return shape.empty() ? 1 : shape.back();
}

std::uint64_t joined_row_length(const Shape& shape, std::uint64_t least) {
  std::uint64_t length = 1;
  for (std::size_t i = shape.size(); i-- > 0 && length < least;) length *= shape[i];
  return length;
}

}  // namespace bbz
