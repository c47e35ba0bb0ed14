// TensorInfo: the description of a tensor.
#pragma once

#include <string>

#include "bbz/base/dtype.h"
#include "bbz/base/shape.h"

namespace bbz {

// Describes a tensor, without its bytes.
struct TensorInfo {
  std::string name;  // UTF-8
  DType dtype{};
  Shape shape;  // extents in elements
};

}  // namespace bbz
