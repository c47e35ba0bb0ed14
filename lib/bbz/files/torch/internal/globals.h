// The names that a pickle of tensors may look up. Internal to the room.
#pragma once

#include <optional>
#include <string_view>

#include "bbz/base/dtype.h"

namespace bbz::torch {

// What a name stands for; nothing behind it is ever run.
enum class GlobalKind {
  kOrderedDict,
  kStorageType,  // of elements of a dtype, or of bytes
  kDType,
  kSize,
  kTensorType,
  kRebuildTensor,
  kRebuildTensorV2,
  kRebuildTensorV3,
  kRebuildParameter,
  kRebuildParameterWithState,
  kRebuildFromType,
  kOther,  // makes a value that holds no tensor: a device, bytes
};

struct Global {
  std::string_view module;
  std::string_view name;
  GlobalKind kind{};
  std::optional<DType> dtype{};  // of a storage type (none: bytes) and of a dtype
};

// The row of a name, or nullptr for one that is not allowed.
const Global* find_global(std::string_view module, std::string_view name);

}  // namespace bbz::torch
