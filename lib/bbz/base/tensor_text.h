// How messages describe a tensor.
#pragma once

#include <string>

#include "bbz/base/tensor_info.h"

namespace bbz {

// Returns type and shape as they are shown: "F16 [20, 6]", or "blocks of "Q4_0" [20, 6]" with the shape in
// blocks. Precondition: the dtype is in the table of types, or is kBlock with a block type.
std::string tensor_text(const TensorInfo& info);

}  // namespace bbz
