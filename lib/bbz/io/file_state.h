// FileState: metadata of a file that shows whether its content has changed.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string_view>

#include "bbz/base/error.h"

namespace bbz::io {

// Identifies a file and the version of its content. If two states are equal, the file and its
// content are the same, with these exceptions: the clock was set back, the file changed within the
// resolution of its times, or a program wrote through a mapping that it had written through before.
struct FileState {
  FileState() = default;
  explicit FileState(const struct stat& status);

  std::uint64_t device = 0;   // st_dev
  std::uint64_t inode = 0;    // st_ino
  std::uint64_t size = 0;     // in bytes
  std::int64_t modified = 0;  // last change of the content, in nanoseconds since 1970
  std::int64_t changed = 0;   // last change of content or metadata; no program can set it

  // Returns whether both are states of the same file, whatever its content is.
  bool same_file(const FileState& other) const {
    return device == other.device && inode == other.inode;
  }
  friend bool operator==(const FileState&, const FileState&) = default;
};

// Compares two states. `name` is for messages. Errors: kIo, which names the file and the
// difference, if they differ.
Status check_same(const FileState& before, const FileState& now, std::string_view name);

// Compares a state with that of the file that is at `path` now. Follows links. Errors: kIo if the
// states differ or the file cannot be found.
Status check_same(const FileState& before, const char* path, std::string_view name);

}  // namespace bbz::io
