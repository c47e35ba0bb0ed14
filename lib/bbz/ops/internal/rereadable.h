// Rereadable: lets what was written to a pipe be read again.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bbz/io/sink.h"
#include "bbz/io/spool.h"

namespace bbz::ops {

// A sink that can be read: another one, or one that keeps a copy of what it passes on to that. If there
// is no room for the copy, writing goes on, and only reading fails.
class Rereadable {
 public:
  // `sink` must outlive this. The copy is a temporary file below `folder`, which is made if the sink
  // can be neither read nor patched.
  Rereadable(io::Sink& sink, const std::string& folder);
  ~Rereadable();

  // Returns the sink to write to and to read from. It belongs to this object or to the caller.
  io::Sink& sink();

 private:
  class Copying;

  io::Sink& sink_;
  std::unique_ptr<Copying> copying_;  // null if the sink can be read itself
};

}  // namespace bbz::ops
