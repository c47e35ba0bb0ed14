// Matches names with patterns. Every function and option that takes a pattern uses these rules.
#pragma once

#include <string>
#include <vector>

namespace bbz {

// Returns whether `text` equals `pattern` or matches it by fnmatch(3) without flags: * and ? match
// any characters, including '/' and '.', and [...] matches one character of a set.
bool matches_glob(const std::string& pattern, const std::string& text);
// Returns whether `text` matches at least one of the patterns.
bool matches_any_glob(const std::vector<std::string>& patterns, const std::string& text);

}  // namespace bbz
