// Decides which existing files a download may use.
#pragma once

#include <string>

#include "bbz/base/error.h"

namespace bbz::download {

// Returns whether the file at a path can be repaired: it belongs to this user and has no other
// name, and it is empty, begins as an archive does or holds a whole index or trailer anywhere. Reads
// only as much as that takes. Errors: kExists if the file belongs to another user or has another
// name; kNotFound; kIo.
Result<bool> holds_archive(const std::string& path);

// Checks the files at PATH.part and PATH.part.state. Refuses a file that no download has made,
// because it would be overwritten, and a file that others can write to, because it would be
// trusted. Errors: kExists, naming the file; kIo.
Status check_partial(const std::string& path);

}  // namespace bbz::download
