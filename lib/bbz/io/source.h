// Source: where bytes are read from - a file, memory, a mapping, a pipe.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/io/file_status.h"

namespace bbz::io {

// The bytes [offset, offset + size) of a source. Precondition: the end does not overflow.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;

  std::uint64_t end() const { return offset + size; }
  bool operator==(const ByteRange&) const = default;
};

// What a source was told will be read. Destroying it takes the word back; the source, which must
// still live then, lets go of what it fetched ahead.
class Announcement {
 public:
  virtual ~Announcement() = default;
};

// A sequence of bytes of known or unknown length.
//
// A seekable source serves any offset and may be read from many threads at once. One that is not
// serves only the offset at which the last read ended (0 at first), from one thread at a time.
class Source {
 public:
  virtual ~Source() = default;

  // Reads up to out.size() bytes at `offset` and returns how many: fewer than asked for at any
  // time, 0 only at the end (or for an empty `out`). Reading at or past the end is not an error.
  // Errors: kIo; kInvalidArgument for an offset that a source which cannot seek does not serve.
  virtual Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) = 0;

  // The length in bytes, or nullopt where it is not known before the end is reached (a pipe).
  virtual std::optional<std::uint64_t> size() const = 0;

  virtual bool seekable() const = 0;

  // The bytes [offset, offset + size) in place, valid as long as the source, or nullopt where the
  // source cannot give them without a copy or the range is not within it.
  virtual std::optional<Bytes> view(std::uint64_t offset, std::size_t size) const {
    (void)offset, (void)size;
    return std::nullopt;
  }

  // Tells that these ranges will be read soon, each once and about in this order. A source to which
  // every access is a journey fetches them ahead, together where they lie close to each other; to
  // others it means nothing, and they return null. What was announced need not be read, and other
  // bytes may be read all the same. From any thread.
  virtual std::unique_ptr<Announcement> announce(std::span<const ByteRange> ranges) {
    (void)ranges;
    return nullptr;
  }

  // Returns which file of this machine it reads, or nullopt if it is none: an output must not
  // replace it, nor be more readable.
  virtual std::optional<FileStatus> file_status() const { return std::nullopt; }

  // Reports kIo, naming the source, if the file behind it has changed, or another stands under its
  // name, since it was opened: what was read may then be of two states. Looks at sizes and times,
  // not at the bytes, so call it after the last read. Other sources than files always succeed.
  // From any thread.
  virtual Status check_unchanged() { return {}; }

  // What messages call it: a path, "standard input", "memory".
  virtual std::string_view name() const { return "source"; }
};

// Fills `out` from `offset`, over short reads. Errors: those of read_at; kTruncated with the
// offset, the expected and the found length where the source ends before.
Status read_exactly(Source& source, std::uint64_t offset, MutableBytes out);

// Fills `out` from `offset` as far as the source goes; returns how many bytes there were.
Result<std::size_t> read_up_to(Source& source, std::uint64_t offset, MutableBytes out);

// Opens a file for reading. "-" is standard input, read as a pipe; so are a FIFO and a character
// device, which cannot seek. Errors: kNotFound; kIo with the path and the system's reason.
Result<std::unique_ptr<Source>> open_file(const std::string& path);

// How the pages of a mapping will be asked for: what the system is told with madvise.
enum class Access { kSequential, kRandom };

// Maps a regular file for reading, so that view() gives its bytes without a copy. read_at reads the
// file instead, so that a file which another process truncates gives a short read; bytes of a view
// that are gone this way raise SIGBUS, as with every mapping. Errors: as open_file;
// kInvalidArgument for what is not a regular file.
Result<std::unique_ptr<Source>> map_file(const std::string& path, Access access);

// Reads bytes that the caller keeps alive and unchanged.
std::unique_ptr<Source> memory_source(Bytes bytes, std::string name = "memory");

// Reads bytes that the source owns.
std::unique_ptr<Source> memory_source(std::vector<std::byte>&& bytes, std::string name = "memory");

// Whether the maker's result closes the descriptor that it was given.
enum class Ownership { kBorrowed, kOwned };

// Reads a descriptor front to back.
std::unique_ptr<Source> pipe_source(int fd, Ownership ownership, std::string name);

// Puts bytes that were already read from the front of `rest` back before it: `prefix` followed by
// what `rest` has from offset prefix.size() on. Seekable, and of known size, where `rest` is.
std::unique_ptr<Source> prefixed_source(std::vector<std::byte> prefix,
                                        std::unique_ptr<Source> rest);

}  // namespace bbz::io
