// What a download may take for its own among the files that it finds. Internal to the room.
#pragma once

#include <string>

#include "bbz/base/error.h"
#include "bbz/container/limits.h"

namespace bbz::download {

// Reports whether a file is empty, begins as an archive does or has a whole record anywhere; it is
// read as far as that needs. False for what is no regular file. Errors: kNotFound; kIo.
Result<bool> holds_archive(const std::string& path, const Limits& limits);

// Refuses what stands at PATH.part or PATH.part.state and was made by something else than a
// download: it would be overwritten. Errors: kExists, naming the file; kIo.
Status check_partial(const std::string& path, const Limits& limits);

}  // namespace bbz::download
