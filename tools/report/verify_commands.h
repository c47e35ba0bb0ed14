// The commands by which a reader of a report checks the archive.
#pragma once

#include <string>

#include "bbz/archive/reader.h"
#include "common/json.h"

namespace bbz::tools {

// Returns "verify" of the report: what to check, and the command line for it. `path` is what the user
// wrote, and `name` is that without what may be secret.
Json verify_commands(const std::string& path, const std::string& name, const Reader& reader);

// Returns text as one word of a POSIX shell that is no option: quoted if it needs it. Characters that must
// not be shown are escaped as printable() does it, and the word then means something else.
std::string shell_word(const std::string& text);

}  // namespace bbz::tools
