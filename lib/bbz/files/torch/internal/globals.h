// The names that mean something to the machine. All others are names of unknown things.
#pragma once

#include <optional>
#include <string_view>

#include "bbz/base/dtype.h"

namespace bbz::torch {

// The meaning of a name. No code behind a name is ever run.
enum class GlobalKind {
  kUnknown,      // a call of it makes an object that holds its arguments
  kOrderedDict,  // also a plain dict
  kItself,       // a call of it makes what holds the same as its argument: a set, a Size
  kStorageType,  // a storage of elements of a dtype, or of bytes
  kDType,
  kTensorType,  // the class of tensors: an object of it is named by what it wraps
  kRebuildTensor,
  kRebuildTensorV2,
  kRebuildTensorV3,
  kRebuildQuantized,
  kRebuildSparse,
  kRebuildParameter,
  kRebuildParameterWithState,
  kRebuildFromType,
};

// A name and its meaning.
struct Global {
  std::string_view module;
  std::string_view name;
  GlobalKind kind{};
  std::optional<DType> dtype{};  // of a dtype, or of a storage type (none: bytes)
  // The number of values of the dtype in an element: 2 for complex types that have no DType. 0 if
  // an element is less than a byte, so that strides do not count bytes.
  unsigned parts = 1;
};

// Returns the row of a name. That of an unknown name has neither a module nor a name.
const Global& find_global(std::string_view module, std::string_view name);

// Returns the row of the type of storages that have elements of a dtype, or nullptr if torch has none.
const Global* storage_type_of(DType dtype);

}  // namespace bbz::torch
