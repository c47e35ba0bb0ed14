// Files that a download leaves in the place of another: what they are, and how to get the right one.
#pragma once

#include <string>

#include "bbz/base/checked.h"

namespace bbz {

// Returns what a file is that was meant to be another and begins with these bytes, with advice, to
// follow "it is" in a sentence: a git-lfs pointer, a web page, or
// data compressed with gzip. Returns nothing for all others.
// At least 32 bytes, or the whole file, are needed.
std::string stand_in(Bytes start);

}  // namespace bbz
