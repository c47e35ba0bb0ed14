#include "bbz/base/glob.h"

#include <fnmatch.h>

#include <algorithm>

namespace bbz {

bool matches_glob(const std::string& pattern, const std::string& text) {
  return pattern == text || ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

bool matches_any_glob(const std::vector<std::string>& patterns, const std::string& text) {
  return std::ranges::any_of(
      patterns, [&](const std::string& pattern) { return matches_glob(pattern, text); });
}

}  // namespace bbz
