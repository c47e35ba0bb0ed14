// Shapes and the sizes that follow from them, checked against overflow.
#pragma once

#include <vector>

#include "bbz/base/dtype.h"
#include "bbz/base/error.h"

namespace bbz {

// Extents from the outermost axis to the innermost; empty for a tensor of no axes (one element).
using Shape = std::vector<std::uint64_t>;

// The number of elements: the product of the extents, 1 for an empty shape.
// Errors: kMalformed on overflow of 64 bits.
Result<std::uint64_t> element_count(const Shape& shape);

// The bytes that `elements` elements take, packed.
// Errors: kMalformed on overflow, and where the bits do not fill whole bytes.
Result<std::uint64_t> byte_size(DType dtype, std::uint64_t elements);

// The length of a row: the innermost extent, or 1 for an empty shape.
std::uint64_t row_length(const Shape& shape);

}  // namespace bbz
