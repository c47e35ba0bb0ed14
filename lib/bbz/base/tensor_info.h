// TensorInfo: the description of a tensor, and how callers give the bytes of one.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "bbz/base/block_type.h"
#include "bbz/base/dtype.h"
#include "bbz/base/error.h"
#include "bbz/base/shape.h"

namespace bbz {

// Describes a tensor, without its bytes.
struct TensorInfo {
  std::string name;         // UTF-8
  DType dtype{};            // type of its elements
  Shape shape;              // extents in elements
  SharedBlockType block{};  // what an element is, if dtype is kBlock
};

// Returns the shape of a tensor in values: that of its elements, unless these are blocks. Errors:
// those of shape_in_values() of a block type.
inline Result<Shape> shape_in_values(const TensorInfo& info) {
  if (info.block == nullptr) return info.shape;
  return shape_in_values(info.shape, info.block->values);
}

// Returns the bits of an element of a tensor; 0 if its dtype is unknown.
inline std::uint64_t element_bits(const TensorInfo& info) {
  if (info.block != nullptr) return info.block->bits();
  const DTypeInfo* const dtype = find_dtype(info.dtype);
  return dtype == nullptr ? 0 : static_cast<std::uint64_t>(dtype->bits);
}

// Returns the bytes of the tensor with an index in a list of TensorInfo: row-major, each element
// little-endian, of the size that dtype and shape give. Every function that has one as an argument
// keeps to this:
// - It calls it on the thread of its own caller, one call at a time, in any order of tensors, and
//   more than once for a tensor if necessary. The callback need not be thread-safe.
// - It keeps no copy of the callback after it has returned. The bytes are the receiver's own.
// - It ends at the first error, and returns that unchanged.
using LoadTensor = std::function<Result<std::vector<std::byte>>(std::size_t tensor)>;

}  // namespace bbz
