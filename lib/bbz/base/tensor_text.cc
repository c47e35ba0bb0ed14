#include "bbz/base/tensor_text.h"

#include <fmt/format.h>

#include "bbz/base/names.h"

namespace bbz {

std::string tensor_text(const TensorInfo& info) {
  const std::string type = info.block != nullptr
                               ? fmt::format("blocks of {}", quoted(info.block->name))
                               : std::string(dtype_info(info.dtype).name);
  return fmt::format("{} [{}]", type, fmt::join(info.shape, ", "));
}

}  // namespace bbz
