#include "bbz/format/catalog/internal/tiling.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::catalog {
namespace {

Status check_cover(const File& file, std::span<const Tensor> tensors, std::uint64_t offset) {
  std::uint64_t cursor = 0;
  for (const std::uint32_t number : file.tensors) {
    const Tensor& tensor = tensors[number];
    if (tensor.meta.offset != cursor) {
      return make_error(
          Code::kMalformed,
          "file end record at offset {}: file {} has {} at byte {}: tensor {} {} begins at {}",
          offset, quoted(file.path), tensor.meta.offset > cursor ? "a hole" : "an overlap", cursor,
          number, quoted(tensor.meta.name), tensor.meta.offset);
    }
    cursor += tensor.byte_size;  // cannot overflow: the builder checked offset + byte_size
  }
  if (cursor != file.size) {
    return make_error(
        Code::kMalformed,
        "file end record at offset {}: the tensors of file {} cover {} bytes, its size is {}",
        offset, quoted(file.path), cursor, file.size);
  }
  return {};
}

Status check_names(const File& file, std::span<const Tensor> tensors, std::uint64_t offset) {
  std::vector<std::string_view> names;
  for (const std::uint32_t number : file.tensors) {
    if (tensors[number].meta.kind == TensorKind::kTensor)
      names.push_back(tensors[number].meta.name);
  }
  for (const std::uint32_t number : file.views) names.push_back(tensors[number].meta.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end()) {
    return make_error(Code::kMalformed,
                      "file end record at offset {}: file {} has the tensor {} twice", offset,
                      quoted(file.path), quoted(*twice));
  }
  return {};
}

}  // namespace

Status check_tiling(File& file, std::span<const Tensor> tensors, std::uint64_t offset) {
  // Sorts an empty tensor before the tensor that begins at the same offset.
  std::ranges::stable_sort(file.tensors, {}, [&](std::uint32_t number) {
    return std::pair(tensors[number].meta.offset, tensors[number].byte_size != 0);
  });
  BBZ_TRY(check_cover(file, tensors, offset));
  return check_names(file, tensors, offset);
}

}  // namespace bbz::catalog
