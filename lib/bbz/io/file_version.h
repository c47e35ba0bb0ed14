// FileVersion: metadata of a file that shows whether its content has changed while it was read.
// FileStatus (file_status.h) tells who may read the file.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string_view>

#include "bbz/base/error.h"
#include "bbz/io/file_status.h"

namespace bbz::io {

// Identifies a file and the version of its content. If two versions are equal, the file and its
// content are the same, with these exceptions: the clock was set back, the file changed within the
// resolution of its times, or a program wrote through a mapping that it had written through before.
struct FileVersion {
  FileVersion() = default;
  explicit FileVersion(const struct stat& status);

  FileId id;                  // which file it is
  std::uint64_t size = 0;     // in bytes
  std::int64_t modified = 0;  // last change of the content, in nanoseconds since 1970
  std::int64_t changed = 0;   // last change of content or metadata; no program can set it

  // Returns whether both are the same version of the same file.
  friend bool operator==(const FileVersion&, const FileVersion&) = default;
};

// Compares two versions. `name` is for messages. Errors: kIo, which names the file and the
// difference, if they differ.
Status check_same(const FileVersion& before, const FileVersion& now, std::string_view name);

// Compares a version with that of the file that is at `path` now. Follows links. Errors: kIo if the
// versions differ or the file cannot be found.
Status check_same(const FileVersion& before, const char* path, std::string_view name);

}  // namespace bbz::io
