// TensorFile: makes the header of a safetensors file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bbz/files/safetensors/header.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz::ops {

// The tensors and the metadata of a safetensors file.
class TensorFile {
 public:
  // Adds a tensor after the others. `file` is where it comes from, for messages. Errors:
  // kUnsupported for an unknown dtype; kInvalidArgument if another tensor has the name.
  Status add(const catalog::Tensor& tensor, const std::string& file);
  // Adds the entries of a JSON object to "__metadata__". Entries whose key is there already are
  // ignored.
  Status add_metadata(std::string_view json);

  // Returns the number of tensors.
  std::size_t tensors() const { return tensors_.size(); }
  // Returns the entries of "__metadata__".
  const safetensors::Metadata& metadata() const { return metadata_; }
  // Returns the length field and the JSON, which come before the tensors' bytes.
  Result<std::vector<std::byte>> header();

 private:
  std::vector<safetensors::Tensor> tensors_;
  safetensors::Metadata metadata_;
  std::map<std::string, std::string, std::less<>> files_;  // by the name of a tensor; for messages
};

// Returns the path of the output for tensors of this file: ".safetensors" is appended if it does
// not end so.
std::string extracted_path(const std::string& path);

// The key of the metadata that TensorFile takes.
inline constexpr std::string_view kSafetensorsKey = "safetensors";

}  // namespace bbz::ops
