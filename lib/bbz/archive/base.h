// Base: tensors elsewhere, on which those of an archive lean (format-spec/records.md#leaning-tensors).
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/large_buffer.h"
#include "bbz/base/tensor_info.h"
#include "bbz/format/catalog/metas.h"
#include "bbz/io/sink.h"

namespace bbz {

// What is known of the bytes of a tensor of a base. All that find the same tensor share it, so that it is
// not read again for its digest at another place of a chain. Thread-safe.
class KnownTensor {
 public:
  // The most failures after which a tensor is tried again.
  static constexpr unsigned kMostFailures = 16;

  // Returns the digest of its bytes, if it is known.
  std::optional<Digest> digest(DigestKind kind) const;
  void set_digest(const Digest& digest);  // remembers a digest
  // Counts that it could not be read. Where that leans on an archive of the same chain, another
  // archive of the chain may succeed. But trying all orders of them could take for ever.
  void add_failure();
  bool has_failed_often() const;  // returns whether it failed more than kMostFailures times

 private:
  mutable std::mutex mutex_;  // guards the others
  std::optional<Digest> xxh3_;
  std::optional<Digest> sha256_;
  unsigned failures_ = 0;
};

// A tensor of a base.
struct BaseTensor {
  TensorInfo info;     // its name, its dtype and its shape
  std::string origin;  // the file that it is in, for messages
  // What a writer records of that file: its root digest, if it is an archive, and its name without
  // directories. Tensors of one file share it.
  std::shared_ptr<const catalog::BaseMeta> file;
  std::shared_ptr<KnownTensor> known{};  // may be null
  // Reads bytes of the tensor from `offset` on into all of `out`. Thread-safe. Keeps open what it reads
  // from. Errors: those of the source and its format; kIo if the file has changed since it was opened.
  std::function<Status(std::uint64_t offset, MutableBytes out)> read;
};

// Where to look for tensors of a base. Thread-safe.
class Base {
 public:
  virtual ~Base() = default;

  // Returns the tensors of this name, those first that are likely to be meant by `wanted`, the base
  // record of an archive. If that is null, as for a writer, returns all in the order of the files.
  // Errors: those of opening files; kLimit if a chain of archives is too long; kMalformed if it
  // returns to where it began.
  virtual Result<std::vector<BaseTensor>> find(std::string_view name,
                                               const catalog::BaseMeta* wanted) = 0;
  // Adds the files that were opened so far, also those of chains, as inputs of a sink, which neither
  // replaces one nor is more readable. To be called when all is read, before the sink is finished.
  // Errors: those of Sink::add_input().
  virtual Status add_inputs(io::Sink& sink) const {
    (void)sink;
    return {};
  }
  // Returns the names of the files, for messages.
  virtual std::string shown() const = 0;
};

// Returns whether a tensor of a base has the name, the dtype and the shape of one that leans on it, or may.
// `block` is the block type of the latter, if its dtype is kBlock.
bool is_alike(const catalog::TensorMeta& tensor, const BaseTensor& other);

// The bytes of a tensor of a base, and their digest. Keeps them in memory if they are at most kMostKept;
// otherwise they are read again for each call of read(). Thread-safe.
class SupportBytes {
 public:
  // The most bytes of a tensor that is kept in memory.
  static constexpr std::uint64_t kMostKept = std::uint64_t{256} << 20;

  // Reads and hashes the tensor, which has `size` bytes, and makes its digest known. Errors: those of
  // BaseTensor::read.
  static Result<std::shared_ptr<const SupportBytes>> load(const BaseTensor& tensor,
                                                          std::uint64_t size, DigestKind kind);

  // Returns the digest of all bytes.
  const Digest& digest() const { return digest_; }
  // Returns the bytes of the tensor.
  std::uint64_t size() const { return size_; }
  // Returns the bytes that it holds in memory.
  std::uint64_t kept() const { return bytes_.size(); }
  // Reads bytes from `offset` on into all of `out`. Precondition: they are within the tensor. Errors:
  // those of BaseTensor::read.
  Status read(std::uint64_t offset, MutableBytes out) const;
  // Returns `size` bytes from `offset` on: those in memory, which live as long as this object, or else
  // `room`, which gets them. Precondition and errors: those of read().
  Result<Bytes> view(std::uint64_t offset, std::uint64_t size, std::vector<std::byte>& room) const;

 private:
  BaseTensor tensor_;
  Digest digest_;
  std::uint64_t size_ = 0;
  LargeBuffer bytes_;  // all, or none
};

}  // namespace bbz
