// TensorInfo: what a tensor is, without its bytes.
#pragma once

#include <string>

#include "bbz/base/dtype.h"
#include "bbz/base/shape.h"

namespace bbz {

struct TensorInfo {
  std::string name;
  DType dtype{};
  Shape shape;
};

}  // namespace bbz
