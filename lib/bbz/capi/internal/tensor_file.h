// A safetensors file that is written into an archive tensor by tensor.
#pragma once

#include <string_view>
#include <vector>

#include "bbz/archive/writer.h"
#include "bbz/files/safetensors/header.h"

namespace bbz::capi {

// Follows the open file of a Writer, which is given to each method. Its header comes first if all
// tensors are known before, and last, in room that is kept for it, if they are not.
class TensorFile {
 public:
  // Begins a file of these tensors, and writes its header. Errors: those of safetensors::build() and of
  // the writer.
  static Result<TensorFile> begin(Writer& writer, std::string_view path,
                                  std::vector<TensorSpec> tensors,
                                  const safetensors::Metadata& metadata);
  // Begins a file whose tensors become known one by one, and keeps `header_bytes` for its header.
  // Errors: kInvalidArgument if that is not a multiple of 8 from 16 to the format's limit; those of the
  // writer.
  static Result<TensorFile> begin_open(Writer& writer, std::string_view path,
                                       std::uint64_t header_bytes, safetensors::Metadata metadata);

  // Begins the next tensor. `spec` is null if the tensors were known before. Errors: kInvalidArgument;
  // kLimit if the header would become too long; those of the writer.
  Status begin_tensor(Writer& writer, const TensorSpec* spec);
  // Ends the file. Errors: kInvalidArgument if tensors are missing; kLimit if the header is longer than
  // the room for it; those of safetensors::build() and of the writer.
  Status end(Writer& writer);

 private:
  Status add_metadata(Writer& writer) const;

  std::vector<TensorSpec> expected_;  // that were known before and have not begun, the last first
  std::uint64_t header_bytes_ = 0;    // kept for the header; 0 if it was written
  std::uint64_t end_ = 0;             // of the tensors that have begun, in the file
  std::vector<safetensors::Tensor> begun_;
  safetensors::Metadata metadata_;
};

}  // namespace bbz::capi
