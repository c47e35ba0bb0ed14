// FdWriter: buffered writing to a descriptor, for the sinks that have one.
// Installed because io/atomic_file.h needs it; not meant to be used on its own.
#pragma once

#include <mutex>
#include <vector>

#include "bbz/io/fd.h"

namespace bbz::io {

// Checks that bytes [offset, offset + size) of an output were written, of which `written` bytes
// are there. `name` and `action`, which the bytes are for, are for messages. Errors:
// kInvalidArgument.
Status check_written(std::string_view name, std::uint64_t written, std::uint64_t offset,
                     std::size_t size, std::string_view action);

// Implements the functions of Sink for a descriptor. See sink.h for their contracts and errors.
class FdWriter {
 public:
  // Refers to `fd`, which must stay open as long as the writer is used. `name` is for messages.
  FdWriter(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

  // Appends bytes, through the buffer if they are few.
  Status write(Bytes bytes);
  // Writes the buffered bytes to the descriptor. Does not sync.
  Status flush();
  // Overwrites bytes. Precondition: the descriptor is that of a file.
  Status patch(std::uint64_t offset, Bytes bytes);
  // Reads bytes that were written. Precondition: the descriptor is that of a file, and open for
  // reading too.
  Status read(std::uint64_t offset, MutableBytes out);
  // Lengthens the file with zeros. Precondition: the descriptor is that of a file.
  Status extend(std::uint64_t size);
  // Lengthens the file for place(), and allocates disk space if that is cheap. Precondition: the
  // descriptor is that of a file.
  Status reserve(std::uint64_t size);
  // Overwrites reserved bytes, from any thread. Precondition: the descriptor is that of a file.
  Status place(std::uint64_t offset, Bytes bytes);
  // Returns the length of the output so far, including buffered bytes.
  std::uint64_t written() const { return written_; }
  // Returns the name for messages.
  const std::string& name() const { return name_; }

 private:
  Status keep(Status status);
  Status check_longer(std::uint64_t size) const;

  int fd_;
  std::string name_;
  std::vector<std::byte> buffer_;
  std::uint64_t written_ = 0;
  Status failure_;
  std::mutex placing_;  // guards failure_ in place(), which several threads may call
};

}  // namespace bbz::io
