// Files that a user keeps beside an output and finds again later, of which nobody else may have had
// a hand in. Internal to bbz.
#pragma once

#include <string>

#include "bbz/io/fd.h"

namespace bbz::io {

// What becomes of the right of a group, or of others, to write to a file.
enum class OthersMayWrite {
  kRefused,  // the file is refused
  kLeft,     // they keep it
  kTaken,    // they lose it
};

struct OwnFileOptions {
  bool write = true;    // and read; otherwise only read
  bool create = false;  // if nothing is there, readable as the umask says and writable to this user
  OthersMayWrite others = OthersMayWrite::kRefused;
};

// Opens a file that is this user's alone. No link at its name is followed, and nothing is waited
// for. Errors: kExists if what is there is no regular file, belongs to another user, has another
// name too (a hard link) or, if options.others says so, may be written to by a group or by others;
// kNotFound, kIo.
Result<Fd> open_own_file(const std::string& path, const OwnFileOptions& options);

// Reports whether the entry at `path` is this open file, and not a link to it.
bool stands_at(int fd, const std::string& path);

}  // namespace bbz::io
