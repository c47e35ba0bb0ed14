// advice: the options and commands that help after an error, which the library does not know.
#pragma once

#include <string>

#include "bbz/base/error.h"

namespace bbz::tools {

// Returns the error's message, with what helps in parentheses behind it, printable.
std::string advised(const Error& error);

}  // namespace bbz::tools
