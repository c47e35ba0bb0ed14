// What a download may take for its own among the files that it finds. Internal to the room.
#pragma once

#include <string>

#include "bbz/base/error.h"
#include "bbz/format/container/limits.h"

namespace bbz::download {

// Reports whether the output at a path can be mended: it is a file of this user's under one name,
// and is empty, begins as an archive does or has a whole record anywhere; it is read as far as that
// needs. Errors: kExists if the file is another's or has another name too; kNotFound; kIo.
Result<bool> holds_archive(const std::string& path, const Limits& limits);

// Refuses what stands at PATH.part or PATH.part.state and was made by something else than a
// download, since it would be overwritten, or is not this user's alone, since it would be trusted.
// Errors: kExists, naming the file; kIo.
Status check_partial(const std::string& path, const Limits& limits);

}  // namespace bbz::download
