// Recognises files that look like models but are packed as plain bytes.
#pragma once

#include <string>
#include <string_view>

#include "bbz/base/checked.h"

namespace bbz::files {

// The number of a file's first bytes that why_bytes() needs.
inline constexpr std::size_t kRecognisedBytes = 512;

// A file that is packed as bytes. Nothing is owned.
struct Unparsed {
  std::string_view path;     // its name or path
  Bytes start;               // its first kRecognisedBytes bytes, or all
  bool stream = false;       // whether it can only be read front to back
  std::string_view failure;  // the error of the format that it seemed to have; may be empty
};

// Returns what a file is and why it is not split into tensors, if it looks like a model by its
// first bytes or its name; else an empty string. The text completes a sentence that begins with "it
// is": UTF-8 of at most 300 bytes without control characters.
std::string why_bytes(const Unparsed& file);

}  // namespace bbz::files
