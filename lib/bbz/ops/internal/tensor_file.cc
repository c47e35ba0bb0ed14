#include "bbz/ops/internal/tensor_file.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::ops {

Status TensorFile::add(const catalog::Tensor& tensor, const std::string& file) {
  const catalog::TensorMeta& meta = tensor.meta;
  if (meta.dtype == DType::kBlock) {
    return make_error(Code::kUnsupported, "tensor {}: a safetensors file cannot hold its blocks",
                      bbz::quoted(meta.name));
  }
  if (find_dtype(meta.dtype) == nullptr) {
    return make_error(Code::kUnsupported, "tensor {}: unknown dtype {}", bbz::quoted(meta.name),
                      static_cast<int>(meta.dtype));
  }
  const auto [other, inserted] = files_.emplace(meta.name, file);
  if (!inserted) {
    return make_error(Code::kInvalidArgument, Remedy::kChooseOrSeparate,
                      "the files {} and {} both have a tensor {}: choose one of them, or write a "
                      "file for each",
                      bbz::quoted(other->second), bbz::quoted(file), bbz::quoted(meta.name));
  }
  safetensors::Tensor entry;
  entry.name = meta.name;
  entry.dtype = meta.dtype;
  entry.shape = meta.shape;
  tensors_.push_back(std::move(entry));
  return {};
}

Status TensorFile::add_metadata(std::string_view json) {
  return safetensors::add_metadata(metadata_, json);
}

std::string extracted_path(const std::string& path) {
  constexpr std::string_view kSuffix = ".safetensors";
  return path.ends_with(kSuffix) ? path : path + std::string(kSuffix);
}

Result<std::vector<std::byte>> TensorFile::header() {
  return safetensors::build(tensors_, metadata_);
}

}  // namespace bbz::ops
