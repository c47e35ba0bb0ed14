// Source: an input of bytes, such as a file, memory, a mapping, or a pipe.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/io/byte_range.h"
#include "bbz/io/file_status.h"

namespace bbz::io {

// A prefetch hint. Destroying it cancels the hint, and the source releases what it prefetched. The
// source must outlive it.
class Prefetch {
 public:
  virtual ~Prefetch() = default;
};

// A sequence of bytes of known or unknown length.
//
// A seekable source can be read at any offset, by several threads at once. Any other source can be
// read only at the offset at which the last read ended, which is 0 at first, by one thread at a
// time.
class Source {
 public:
  virtual ~Source() = default;

  // Reads up to out.size() bytes at `offset` and returns their number. It may be smaller at any
  // time, but it is 0 only at the end, past the end, or if `out` is empty. Errors: kIo;
  // kInvalidArgument if the source is not seekable and cannot be read at this offset.
  virtual Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) = 0;

  // Returns the length in bytes, or nullopt if it is unknown, as that of a pipe.
  virtual std::optional<std::uint64_t> size() const = 0;

  // Returns whether every offset can be read, by several threads at once.
  virtual bool seekable() const = 0;

  // Returns the bytes [offset, offset + size) without a copy, valid as long as the source. Returns
  // nullopt if the source cannot do that or the range is not within it.
  virtual std::optional<Bytes> view(std::uint64_t offset, std::size_t size) const {
    (void)offset, (void)size;
    return std::nullopt;
  }

  // Gives a hint that these ranges will be read soon, each once and about in this order. A
  // high-latency source prefetches them, and joins near ranges into one request. Other sources
  // return null. The ranges need not be read, and other bytes may be read too. Thread-safe.
  virtual std::unique_ptr<Prefetch> prefetch(std::span<const ByteRange> ranges) {
    (void)ranges;
    return nullptr;
  }

  // Returns the identity of the file that the source reads, or nullopt if that is not a regular
  // file of this machine. An output must neither replace this file nor be more readable.
  virtual std::optional<FileStatus> file_status() const { return std::nullopt; }

  // Checks that the file has not changed and was not replaced under its name since it was opened.
  // If it was, the bytes that were read may come from two versions. Compares sizes and times, not
  // bytes, so call it after the last read. Sources that do not read a regular file always succeed.
  // Thread-safe. Errors: kIo, which names the source.
  virtual Status check_unchanged() { return {}; }

  // Returns the name for messages: a path, "standard input", "memory".
  virtual std::string_view name() const { return "source"; }
};

// Fills `out` from `offset`, with as many reads as that takes. Errors: those of read_at();
// kTruncated, with the offset and the expected and found lengths, if the source ends before.
Status read_exactly(Source& source, std::uint64_t offset, MutableBytes out);

// Fills `out` from `offset` up to the end of the source. Returns the number of bytes that were
// read. Errors: those of read_at().
Result<std::size_t> read_up_to(Source& source, std::uint64_t offset, MutableBytes out);

// Opens a file for reading. "-" is standard input. Standard input, a FIFO and a character device
// are read as pipes, which are not seekable. Errors: kNotFound; kIo with the path and the system's
// text.
Result<std::unique_ptr<Source>> open_file(const std::string& path);

// The expected access to a mapping, which madvise(2) passes to the system.
enum class Access { kSequential, kRandom };

// Maps a regular file for reading, so that view() returns its bytes without a copy. If another
// process truncates the file, read_at(), which reads the file, returns fewer bytes, but an access
// to the lost bytes of a view raises SIGBUS. Errors: as open_file(); kInvalidArgument if the path
// is not a regular file.
Result<std::unique_ptr<Source>> map_file(const std::string& path, Access access);

// Returns a source of bytes that the caller owns. They must outlive it and not change.
std::unique_ptr<Source> memory_source(Bytes bytes, std::string name = "memory");

// Returns a source that owns its bytes.
std::unique_ptr<Source> memory_source(std::vector<std::byte>&& bytes, std::string name = "memory");

// Says whether the destructor of a source or sink closes its descriptor (kOwned).
enum class Ownership { kBorrowed, kOwned };

// Returns a source that reads a descriptor front to back. It is not seekable.
std::unique_ptr<Source> pipe_source(int fd, Ownership ownership, std::string name);

// Returns a source of `prefix` followed by the bytes of `rest` from offset prefix.size() on, for
// bytes that were already read from the front of `rest`. It is seekable and has a known size if
// `rest` does.
std::unique_ptr<Source> prefixed_source(std::vector<std::byte> prefix,
                                        std::unique_ptr<Source> rest);

}  // namespace bbz::io
