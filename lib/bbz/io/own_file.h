// Files that a user keeps beside an output and uses again later, and that no other user may have
// touched.
#pragma once

#include <memory>
#include <string>

#include "bbz/io/fd.h"
#include "bbz/io/source.h"

namespace bbz::io {

// The treatment of a file that its group or others may write to.
enum class OthersMayWrite {
  kRefused,  // refuse the file
  kLeft,     // leave the permissions unchanged
  kTaken,    // remove the permission to write
};

// Options of open_own_file().
struct OwnFileOptions {
  bool write = true;    // open for reading and writing; otherwise only for reading
  bool create = false;  // create a missing file, with mode 0644 less the umask
  OthersMayWrite others = OthersMayWrite::kRefused;
};

// Opens a file that belongs to this user alone. Never follows a link at its name and never waits.
// Errors:
// - kExists if it is not a regular file, belongs to another user, has a second name (a hard link),
//   or may be written to by its group or others and options.others is kRefused;
// - kNotFound if it is missing and options.create is not set; kIo.
Result<Fd> open_own_file(const std::string& path, const OwnFileOptions& options);

// Opens such a file for reading, as a source that can seek. Errors: those of open_own_file().
Result<std::unique_ptr<Source>> open_own_source(const std::string& path,
                                                OthersMayWrite others = OthersMayWrite::kRefused);

// Returns whether the entry at `path` is this open file itself, and not a symbolic link to it.
bool stands_at(int fd, const std::string& path);

}  // namespace bbz::io
