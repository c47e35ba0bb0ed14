// Rules for names that come from outside: well-formed UTF-8, and paths that are safe to create.
#pragma once

#include <string>
#include <string_view>

#include "bbz/base/error.h"

namespace bbz {

inline constexpr std::size_t kMaxPathBytes = 4096;

// Whether `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

// Whether a path may be created below any folder: relative, components separated by '/', none of
// them empty, "." or ".." or over 255 bytes; no control characters, no backslash; UTF-8; at most
// kMaxPathBytes. Errors: kUnsafePath, with the rule that is broken.
Status check_safe_path(std::string_view path);
// Returns the rule that a path breaks, as the end of a sentence, or "" for a safe one.
std::string_view fault_of_path(std::string_view path);

// Returns `text` as it can be shown anywhere: control characters, line ends among them, marks of
// direction and bytes that are not UTF-8 become \xNN. What was returned is returned unchanged.
std::string printable(std::string_view text);

// `text` in double quotes, with control characters, marks of direction and bytes that are not UTF-8
// as \xNN, for messages and terminals; cut after about `most` bytes. Called bbz::quoted for a
// std::string, lest std::quoted be meant where that is known.
std::string quoted(std::string_view text, std::size_t most = 200);

// Returns `path` as it is if a terminal shows all of it, and in full quotes otherwise.
std::string shown_path(std::string_view path);

}  // namespace bbz
