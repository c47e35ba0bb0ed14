// TensorFile: the header of a safetensors file that is put together. Internal to the room.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bbz/files/safetensors/header.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz::ops {

class TensorFile {
 public:
  // The next tensor. Errors: kUnsupported for an unknown dtype; kInvalidArgument where the name
  // stands already.
  Status add(const catalog::Tensor& tensor, const std::string& file);
  // Entries of "__metadata__" as a JSON object; those with a key that is there already are left
  // out.
  Status add_metadata(std::string_view json);

  std::size_t tensors() const { return tensors_.size(); }
  const safetensors::Metadata& metadata() const { return metadata_; }
  // Length field and JSON: what stands before the tensors' bytes.
  Result<std::vector<std::byte>> header();

 private:
  std::vector<safetensors::Tensor> tensors_;
  safetensors::Metadata metadata_;
  std::map<std::string, std::string, std::less<>> files_;  // by the name of a tensor, for messages
};

// The path of the output that holds tensors of this file: with ".safetensors" at its end.
std::string extracted_path(const std::string& path);

// The metadata that TensorFile keeps.
inline constexpr std::string_view kSafetensorsKey = "safetensors";

}  // namespace bbz::ops
