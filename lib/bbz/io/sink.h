// Sink: an output for bytes, such as memory, a pipe, or a file that appears when it is complete.
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

// Takes bytes in order, from one thread at a time; only place() may be called from several. After
// kIo, every later write(), patch(), extend(), reserve(), place() and finish() fails too, so an
// incomplete output is never published.
class Sink {
 public:
  virtual ~Sink() = default;

  // Appends all of `bytes`, which need not outlive the call. May buffer them until finish().
  // Errors: kIo.
  virtual Status write(Bytes bytes) = 0;

  // Flushes the output, and publishes it if it is a file. Call it once, as the last call: without
  // it the output is incomplete. Errors: kIo; for a file those of AtomicFile::finish().
  virtual Status finish() = 0;

  // Returns whether patch() works.
  virtual bool can_patch() const { return false; }

  // Overwrites the bytes [offset, offset + bytes.size()). Errors: kInvalidArgument if not all of
  // them were written before; kUnsupported if can_patch() is false; kIo.
  virtual Status patch(std::uint64_t offset, Bytes bytes);

  // Returns whether read() works.
  virtual bool can_read() const { return false; }

  // Reads all of `out` from the bytes of the output that begin at `offset`. Errors: kInvalidArgument
  // if not all of them were written before; kUnsupported if can_read() is false; kIo.
  virtual Status read(std::uint64_t offset, MutableBytes out);

  // Lengthens the output to `size` bytes with zeros, which take no space if the file system
  // supports sparse files. Errors: kInvalidArgument if more than `size` bytes were written;
  // kUnsupported if the sink is not a file; kIo.
  virtual Status extend(std::uint64_t size);

  // Returns whether reserve() and place() work.
  virtual bool can_place() const { return false; }

  // Lengthens the output to `size` bytes, whose content comes from place(). Bytes that are not
  // placed are zero. Allocates disk space at once if that is cheap, so that a full disk is reported
  // early. Errors: as extend(); kIo if there is not enough space.
  virtual Status reserve(std::uint64_t size);

  // Overwrites bytes that reserve() added. Several threads may call it at once, if none of them
  // calls anything else at the same time. Errors: kInvalidArgument if the range was not reserved;
  // kUnsupported if can_place() is false; kIo.
  virtual Status place(std::uint64_t offset, Bytes bytes);

  // Adds a file that is read while the output is written. If the output becomes a file, it will not
  // replace the input and will not be more readable than the input. Other sinks ignore it.
  // Errors: kInvalidArgument if the output would replace the input.
  virtual Status add_input(const FileStatus& input) {
    (void)input;
    return {};
  }

  // Returns the length of the output so far: the bytes of write(), extend() and reserve().
  virtual std::uint64_t written() const = 0;

  // Returns the name for messages: a path, "standard output", "memory".
  virtual std::string_view name() const { return "sink"; }
};

// Returns a sink that appends to `out`, which must outlive it. It cannot extend or reserve.
std::unique_ptr<Sink> memory_sink(std::vector<std::byte>& out, std::string name = "memory");

// Returns a sink that drops its bytes and only counts them.
std::unique_ptr<Sink> null_sink();

// Returns a sink that writes to a descriptor front to back, through a buffer. If the reader of a
// pipe has closed it, a write fails with kIo, provided that the program ignores SIGPIPE.
std::unique_ptr<Sink> pipe_sink(int fd, Ownership ownership, std::string name);

// Opens an output that a user names:
// - "-" is standard output.
// - An existing FIFO or character device is written to directly, if root or this user owns it or
//   the process has it open already. A symbolic link to one is followed if root or this user made
//   the link.
// - Any other path becomes an AtomicFile.
// Errors: as AtomicFile::create(); kIo if the FIFO or device belongs to another user or cannot be
// opened.
Result<std::unique_ptr<Sink>> create_output(const std::string& path, const OutputOptions& options);

// Adds the file that a source reads as an input of the sink. Does nothing if the source does not
// read a file of this machine. Errors: those of Sink::add_input().
Status add_input(Sink& sink, const Source& source);

}  // namespace bbz::io
