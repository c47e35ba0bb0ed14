// Spool: bytes put aside on disk until it is known what stands before them. Internal to the room.
#pragma once

#include <memory>
#include <string>

#include "bbz/io/fd_sink.h"
#include "bbz/io/sink.h"

namespace bbz::ops {

class Spool {
 public:
  // A file without a name in `folder`, gone with the process. Errors: kIo.
  static Result<std::unique_ptr<Spool>> create(const std::string& folder);

  Status write(Bytes bytes) { return writer_.write(bytes); }
  // Appends everything to a sink, and empties the spool.
  Status move_to(io::Sink& sink);

 private:
  Spool(io::Fd file, std::string name);

  io::Fd file_;
  io::FdWriter writer_;
  std::uint64_t begin_ = 0;  // of what is in it, in the writer's count
};

}  // namespace bbz::ops
