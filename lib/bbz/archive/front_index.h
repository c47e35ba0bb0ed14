// FrontIndexMeter: how large the index of an archive will be, before it is written.
#pragma once

#include <string_view>

#include "bbz/archive/writer.h"

namespace bbz {

// Called like the Writer that is to follow, but without any data: the lengths of all entries follow
// from names and shapes. Its result goes into WriteOptions::front_index_bytes. Knows dense tensors
// in file order only.
class FrontIndexMeter {
 public:
  explicit FrontIndexMeter(const WriteOptions& options) : options_(options) {}

  void begin_file(std::string_view path);
  void end_file(bool sha256_of_file);
  void add_metadata(std::string_view key);
  Status begin_tensor(const TensorSpec& spec);

  std::uint64_t bytes() const { return bytes_; }

 private:
  template <class Meta>
  void count(const Meta& meta, bool payload);
  std::optional<Digest> digest() const;

  WriteOptions options_;
  std::uint64_t bytes_ = 0;
  std::uint32_t files_ = 0;
  std::uint32_t tensors_ = 0;
  bool file_open_ = false;
  std::uint32_t file_tensors_ = 0;
  std::uint64_t file_size_ = 0;
  std::vector<std::byte> scratch_;
};

}  // namespace bbz
