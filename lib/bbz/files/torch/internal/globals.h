// The names that a pickle of tensors may look up.
#pragma once

#include <optional>
#include <string_view>

#include "bbz/base/dtype.h"

namespace bbz::torch {

// The meaning of a name. No code behind a name is ever run.
enum class GlobalKind {
  kOrderedDict,
  kStorageType,  // a storage of elements of a dtype, or of bytes
  kDType,
  kSize,
  kTensorType,
  kRebuildTensor,
  kRebuildTensorV2,
  kRebuildTensorV3,
  kRebuildParameter,
  kRebuildParameterWithState,
  kRebuildFromType,
  kOther,  // a call of it makes a value that holds no tensor: a device, bytes
};

// A name that is allowed.
struct Global {
  std::string_view module;
  std::string_view name;
  GlobalKind kind{};
  std::optional<DType> dtype{};  // of a dtype, or of a storage type (none: bytes)
};

// Returns the row of a name, or nullptr if the name is not allowed.
const Global* find_global(std::string_view module, std::string_view name);

}  // namespace bbz::torch
