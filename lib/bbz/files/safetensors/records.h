// Whether what an archive records of a safetensors file is what the file's own header says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bbz/files/safetensors/header.h"
#include "bbz/format/catalog/metas.h"

namespace bbz::safetensors {

// Follows one file of an archive as it is read, and compares in the end. Otherwise readers of the
// same archive may disagree: one that finds a tensor by its record, and one that unpacks the file.
//
// A file is compared if it has tensors and is named .safetensors or begins with a header, or if its
// metadata says that this is its format. Then its header must be one tensor of kind bytes at offset
// 0, and the file's tensors those of the header: the same names, types, shapes and offsets, and no
// other bytes. Metadata of the key "safetensors" must be that of the header.
class RecordsCheck {
 public:
  explicit RecordsCheck(const Limits& limits = {}) : limits_(limits) {}

  // Begins with a file, and forgets the one before.
  void begin_file(std::string_view path);
  void metadata(std::string_view key, std::string_view value);
  void tensor(const catalog::TensorMeta& tensor, std::uint64_t byte_size);
  // Bytes of the tensor of the last call, from byte `offset` of it, in order.
  void data(std::uint64_t offset, Bytes bytes);

  // Compares, when everything of a file of this size was given. Errors, with the path:
  // kMalformed; kUnsupported for a header with a type that is not known.
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
  std::vector<std::byte> start_;              // of the file, enough to tell its format
  std::vector<std::byte> header_;             // what the tensor of kind bytes at offset 0 holds
  bool at_header_ = false;                    // the last tensor is that one
  std::optional<std::uint64_t> header_size_;  // of that tensor
};

}  // namespace bbz::safetensors
