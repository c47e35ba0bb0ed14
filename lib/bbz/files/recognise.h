// What a file that is packed as bytes looks like.
#pragma once

#include <string>
#include <string_view>

#include "bbz/base/checked.h"

namespace bbz::files {

// How many of a file's first bytes why_bytes() looks at.
inline constexpr std::size_t kRecognisedBytes = 512;

struct Unparsed {
  std::string_view path;     // what it is called, maybe with folders
  Bytes start;               // its first kRecognisedBytes, or all
  bool stream = false;       // it can be read front to back only
  std::string_view failure;  // why the format that it seemed to have did not take it; may be empty
};

// Returns what a file is that looks like a model, by its first bytes or its name, and why it is not
// taken apart: UTF-8 of at most 300 bytes without control characters, to follow "it is" in a
// sentence. Returns nothing for any other file.
std::string why_bytes(const Unparsed& file);

}  // namespace bbz::files
