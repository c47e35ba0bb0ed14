// Sources for files that are open already.
#pragma once

#include <memory>
#include <string>

#include "bbz/io/fd.h"
#include "bbz/io/file_version.h"
#include "bbz/io/source.h"

namespace bbz::io {

// Returns a seekable source for a file that is open for reading and has `size` bytes. Its
// check_unchanged() always succeeds. `name` is for messages.
std::unique_ptr<Source> file_source(Fd fd, std::uint64_t size, std::string name);

// Returns a seekable source for a regular file which was `version` when it was opened. Its
// check_unchanged() compares the open file with that.
std::unique_ptr<Source> file_source(Fd fd, const FileVersion& version, std::string name);

}  // namespace bbz::io
