// Rules for untrusted names: well-formed UTF-8, and paths that are safe to create.
#pragma once

#include <string>
#include <string_view>

#include "bbz/base/error.h"

namespace bbz {

// The largest length of a safe path.
inline constexpr std::size_t kMaxPathBytes = 4096;

// Returns whether `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

// Checks that a path may be created below any directory. A safe path
// - is not empty, is relative, and has at most kMaxPathBytes;
// - is UTF-8 without ASCII control characters and without backslashes;
// - has components separated by '/', none of which is empty, "." or "..", or over 255 bytes.
// Errors: kUnsafePath, which names the broken rule.
Status check_safe_path(std::string_view path);
// Returns the rule that a path breaks, as the end of a sentence, or "" for a safe one.
std::string_view fault_of_path(std::string_view path);

// Returns `text` in a form that is safe to show: control characters and line ends, marks of
// direction, and bytes that are not UTF-8 become \xNN. A second call changes nothing.
std::string printable(std::string_view text);

// Returns `text` in double quotes, for messages and terminals. Escapes what printable() escapes,
// and double quotes. A text that takes more than about `most` bytes is cut and ends with `..."`.
// Write bbz::quoted for a std::string, because argument-dependent lookup also finds std::quoted.
std::string quoted(std::string_view text, std::size_t most = 200);

// Returns `path` unchanged if nothing in it needs an escape and it is not empty. Otherwise returns
// it as quoted() does, without a cut.
std::string shown_path(std::string_view path);

}  // namespace bbz
