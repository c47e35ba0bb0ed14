// Sink: where bytes are written to - memory, a pipe, or a file that appears when it is complete.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/io/output_options.h"
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

  // Says that this file is read while the output is written: what stands under the output's name is
  // never replaced if it is this file, and the output is never more readable than it. Errors:
  // kInvalidArgument if the output is this file. Nothing to do for what does not become a file.
  virtual Status add_input(const FileStatus& input) {
    (void)input;
    return {};
  }

  // How many bytes write() has taken or extend() and reserve() have added.
  virtual std::uint64_t written() const = 0;

  virtual std::string_view name() const { return "sink"; }
};

// Appends to a vector that the caller keeps alive.
std::unique_ptr<Sink> memory_sink(std::vector<std::byte>& out, std::string name = "memory");

// Writes to a descriptor front to back, through a buffer. A reader that has gone is kIo, provided
// that the program ignores SIGPIPE.
std::unique_ptr<Sink> pipe_sink(int fd, Ownership ownership, std::string name);

// Opens an output named by a user: "-" is standard output; a FIFO or character device that is there
// is written to as it stands, if root or this user owns it or the process holds it open already;
// any other name becomes an AtomicFile. Which of these it is, is asked of what was opened, and a
// symbolic link is followed only to a FIFO or device, and only if root or this user made it.
// Errors: as AtomicFile::create; kIo if the FIFO or device is not ours or cannot be opened.
Result<std::unique_ptr<Sink>> create_output(const std::string& path, const OutputOptions& options);

// Adds the file that a source reads, if it is one of this machine, as an input of what is written.
// Errors: those of Sink::add_input.
Status add_input(Sink& sink, const Source& source);

}  // namespace bbz::io
