// What holds for an output that becomes a file.
#pragma once

#include <optional>

#include "bbz/io/file_status.h"

namespace bbz::io {

struct OutputOptions {
  bool replace = false;  // an existing regular file makes way
  // Its content is on the disk before its name appears, so that a failure of power leaves the old
  // file or the new one. Without it, the system writes when it likes.
  bool sync = true;
  // What is read while it is written: never replaced, and the output is never more readable. More
  // inputs come with Sink::add_input.
  std::optional<FileStatus> input{};
};

}  // namespace bbz::io
