// FileState: what the system says of a file's content, to tell whether it has changed since.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string_view>

#include "bbz/base/error.h"

namespace bbz::io {

// Two equal states of a path mean the same file with the same content, unless its times were set by
// hand or a program wrote through a mapping that it had written through before.
struct FileState {
  FileState() = default;
  explicit FileState(const struct stat& status);

  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified = 0;  // in nanoseconds
  std::int64_t changed = 0;   // the status, which no program can set

  bool same_file(const FileState& other) const {
    return device == other.device && inode == other.inode;
  }
  friend bool operator==(const FileState&, const FileState&) = default;
};

// Reports kIo, naming the file and what differs, if a file is not as it was before.
Status check_same(const FileState& before, const FileState& now, std::string_view name);

// Looks at what stands under `path` now, through links, and compares. Errors: as check_same(), also
// if nothing is there any more.
Status check_same(const FileState& before, const char* path, std::string_view name);

}  // namespace bbz::io
