// Sink: where bytes are written to - memory, a pipe, or a file that appears when it is complete.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/io/source.h"

namespace bbz::io {

// Takes bytes in order, from one thread at a time. A sink that has failed stays failed: every later
// call gives an error and what it wrote is not published.
class Sink {
 public:
  virtual ~Sink() = default;

  // Appends all of `bytes`, or fails. Bytes may be held back until finish().
  virtual Status write(Bytes bytes) = 0;

  // Brings everything to its place: flushed, and for a file on disk and under its name. Call it
  // once, last; without it the output is incomplete.
  virtual Status finish() = 0;

  // Whether patch() works.
  virtual bool can_patch() const { return false; }

  // Overwrites bytes already written. Errors: kInvalidArgument where [offset, offset + size) was
  // not written yet; kUnsupported where the sink cannot go back.
  virtual Status patch(std::uint64_t offset, Bytes bytes);

  // Lengthens what was written to `size` bytes, with zeros that take no room where the file system
  // can do so. Errors: kInvalidArgument where more was written; kUnsupported for all but files.
  virtual Status extend(std::uint64_t size);

  // Whether reserve() and place() work.
  virtual bool can_place() const { return false; }

  // Lengthens what was written to `size` bytes, whose content comes from place(); what is not
  // placed is zero. The room is taken from the file system at once where that costs nothing, so
  // that a full disk shows before the work. Errors: as extend(); kIo where there is no room.
  virtual Status reserve(std::uint64_t size);

  // patch() for many threads at once, none of which calls anything else meanwhile.
  virtual Status place(std::uint64_t offset, Bytes bytes);

  // How many bytes write() has taken or extend() and reserve() have added.
  virtual std::uint64_t written() const = 0;

  virtual std::string_view name() const { return "sink"; }
};

// Appends to a vector that the caller keeps alive.
std::unique_ptr<Sink> memory_sink(std::vector<std::byte>& out, std::string name = "memory");

// Writes to a descriptor front to back, through a buffer. A reader that has gone is kIo, provided
// that the program ignores SIGPIPE.
std::unique_ptr<Sink> pipe_sink(int fd, Ownership ownership, std::string name);

// The sink of an output named by a user: "-" is standard output; a FIFO or character device that is
// there is written to as it stands; any other name becomes an AtomicFile.
// Errors: as AtomicFile::create; kIo where the FIFO or device cannot be opened.
struct OutputOptions {
  bool replace = false;  // an existing regular file makes way
};
Result<std::unique_ptr<Sink>> create_output(const std::string& path, OutputOptions options);

}  // namespace bbz::io
