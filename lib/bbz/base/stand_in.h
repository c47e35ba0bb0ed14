// Recognises files that a failed download leaves instead of the wanted one.
#pragma once

#include <string>

#include "bbz/base/checked.h"

namespace bbz {

// Returns the end of a sentence that begins with "it is", with advice if there is some, for a file
// that is a git-lfs pointer, a web page, or compressed with gzip. Returns an empty string for all
// other files. `start` is the beginning of the file: at least 32 bytes, or the whole file.
std::string stand_in(Bytes start);

}  // namespace bbz
