// Checks that the records of a safetensors file in an archive agree with the file's own header.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bbz/files/safetensors/header.h"
#include "bbz/format/catalog/metas.h"

namespace bbz::safetensors {

// Follows one file of an archive as it is read, and compares its records with its header at the
// end. Without this check two readers could disagree: one that finds a tensor by its record, and
// one that unpacks the file.
//
// A file is compared if its metadata "format" is "safetensors", or if it has tensors and is named
// .safetensors or begins like such a file. Then its header must be one tensor of kind bytes at
// offset 0, and its other tensors must be those of the header: the same names, types, shapes and
// offsets, and no views. Metadata with the key "safetensors" must be that of the header.
class RecordsCheck {
 public:
  // Refuses headers beyond `limits`.
  explicit RecordsCheck(const Limits& limits = {}) : limits_(limits) {}

  // Begins a file, and forgets the one before.
  void begin_file(std::string_view path);
  // Adds a metadata value of the file.
  void metadata(std::string_view key, std::string_view value);
  // Adds the next tensor, view or plain bytes, of `byte_size` bytes in the file.
  void tensor(const catalog::TensorMeta& tensor, std::uint64_t byte_size);
  // Adds bytes of the tensor added last, from its byte `offset` on, in order.
  void data(std::uint64_t offset, Bytes bytes);

  // Returns whether the first bytes of the file decide what end_file() does.
  bool needs_front() const { return has_tensors_ || format_ == "safetensors"; }

  // Compares records and header, after everything of the file was added; it has `size` bytes.
  // Errors, with the path: kMalformed; kUnsupported if the header has an unknown type.
  Status end_file(std::uint64_t size);

 private:
  bool is_compared() const;
  Status check_header(const Header& header) const;
  Status check_metadata(const Header& header) const;

  struct Recorded {
    catalog::TensorMeta meta;
    std::uint64_t size = 0;
  };

  Limits limits_;
  std::string path_;
  std::string format_;
  std::optional<std::string> metadata_;
  std::vector<Recorded> tensors_;
  bool has_tensors_ = false;                  // of kind tensor
  std::vector<std::byte> start_;              // first bytes of the file, enough to tell its format
  std::vector<std::byte> header_;             // bytes of the tensor of kind bytes at offset 0
  bool at_header_ = false;                    // whether the last tensor is that one
  std::optional<std::uint64_t> header_size_;  // of that tensor
};

}  // namespace bbz::safetensors
