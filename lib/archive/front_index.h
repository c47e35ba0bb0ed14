// FrontIndexMeter: how large the index of an archive will be, before it is written.
#pragma once

#include <string_view>

#include "bbz/archive/writer.h"

namespace bbz {

// Called like the Writer that is to follow, but without any data: the sizes of all record heads
// follow from names and shapes. Its result goes into WriteOptions::front_index_bytes.
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
  void count(const Meta& meta, std::uint64_t times = 1);
  std::optional<Digest> digest() const;

  WriteOptions options_;
  std::uint64_t bytes_ = 0;
};

}  // namespace bbz
