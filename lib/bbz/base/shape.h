// Shapes of tensors, and sizes computed from them with checks for overflow.
#pragma once

#include <optional>
#include <vector>

#include "bbz/base/dtype.h"
#include "bbz/base/error.h"

namespace bbz {

// The extents in elements, from the outermost axis to the innermost. An empty shape is that of a
// tensor without axes, which has one element.
using Shape = std::vector<std::uint64_t>;

// Returns the number of elements: the product of the extents, or 1 for an empty shape.
// Errors: kMalformed if it exceeds 64 bits.
Result<std::uint64_t> element_count(const Shape& shape);

// Returns the size in bytes of that many packed elements. Precondition: find_dtype(dtype) !=
// nullptr. Errors: kMalformed if the size in bits exceeds 64 bits, or is not a multiple of 8.
Result<std::uint64_t> byte_size(DType dtype, std::uint64_t elements);

// Returns the bytes of that many packed elements of `bits` bits; nullopt if these are no whole bytes or
// their bits exceed 64 bits.
std::optional<std::uint64_t> packed_bytes(std::uint64_t elements, std::uint64_t bits);

// Returns the length of a row in elements: the innermost extent, or 1 for an empty shape.
std::uint64_t row_length(const Shape& shape);

// Returns the product of the fewest innermost extents that is at least `least`, or of all. Precondition:
// element_count(shape) succeeds.
std::uint64_t joined_row_length(const Shape& shape, std::uint64_t least);

}  // namespace bbz
