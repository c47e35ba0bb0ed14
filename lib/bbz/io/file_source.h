// A file that is open as a Source.
#pragma once

#include <memory>
#include <string>

#include "bbz/io/fd.h"
#include "bbz/io/file_state.h"
#include "bbz/io/source.h"

namespace bbz::io {

// Reads a file of this size, which is open for reading, at any offset.
std::unique_ptr<Source> file_source(Fd fd, std::uint64_t size, std::string name);

// Reads a regular file that was in this state when it was opened; check_unchanged() compares.
std::unique_ptr<Source> file_source(Fd fd, const FileState& state, std::string name);

}  // namespace bbz::io
