// FrontIndexMeter: computes the size of an archive's index before it is written.
#pragma once

#include <string_view>

#include "bbz/archive/writer.h"

namespace bbz {

// Takes the same calls as the Writer later, but no data, because names and shapes determine the
// lengths of all entries. The result is for WriteOptions::front_index_bytes. Supports only dense
// tensors in file order. Not thread-safe.
class FrontIndexMeter {
 public:
  // Uses the digest and the size of chunks of these options, which must be those of the Writer.
  explicit FrontIndexMeter(const WriteOptions& options) : options_(options) {}

  // Counts the entry of a file.
  void begin_file(std::string_view path);
  // Counts the entry of a file's end. `sha256_of_file` says whether the Writer stores a digest of
  // the file: it does so for regular files if WriteOptions::digest is kSha256.
  void end_file(bool sha256_of_file);
  // Counts an entry of metadata of the open file or, if none is open, of the archive.
  void add_metadata(std::string_view key);
  // Counts the entries of a tensor and its chunks. Errors: those of tensor_meta() and byte_size().
  // Precondition: a file is open.
  Status begin_tensor(const TensorSpec& spec);

  // Returns the size in bytes of the index's payload for the calls so far.
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
