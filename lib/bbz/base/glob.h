// Patterns of names, the same for every option and function that takes one.
#pragma once

#include <string>
#include <vector>

namespace bbz {

// Whether a text is `pattern` itself or matches it as by fnmatch(3) without flags: * and ? match
// any characters, '/' and '.' too, [...] one of a set.
bool matches_glob(const std::string& pattern, const std::string& text);
bool matches_any_glob(const std::vector<std::string>& patterns, const std::string& text);

}  // namespace bbz
