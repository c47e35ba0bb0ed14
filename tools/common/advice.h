// Advice: the options and commands that help after an error. The library does not know them.
#pragma once

#include <string>

#include "bbz/base/error.h"

namespace bbz::tools {

// Returns the error's message, followed by advice in parentheses, in printable characters.
std::string advised(const Error& error);

}  // namespace bbz::tools
