// Spool: keeps bytes on disk until it is known what comes before them.
#pragma once

#include <memory>
#include <string>

#include "bbz/io/fd_writer.h"
#include "bbz/io/sink.h"

namespace bbz::io {

// A temporary file that is filled and emptied.
class Spool {
 public:
  // Creates a file without a name in `folder`; it disappears with the process. Errors: kIo.
  static Result<std::unique_ptr<Spool>> create(const std::string& folder);

  // Appends bytes to the spool. Errors: kIo.
  Status write(Bytes bytes) { return writer_.write(bytes); }
  // Returns the number of bytes in the spool.
  std::uint64_t size() const { return writer_.written() - begin_; }
  // Reads bytes that were written and not moved since; `offset` counts from the first of these. Errors:
  // kIo.
  Status read(std::uint64_t offset, MutableBytes out);
  // Appends everything to a sink, and empties the spool. Errors: kIo; those of the sink.
  Status move_to(Sink& sink);

 private:
  Spool(Fd file, std::string name);

  Fd file_;
  FdWriter writer_;
  std::uint64_t begin_ = 0;  // start of its content, in the writer's count
};

}  // namespace bbz::io
