// Recognises the formats of files, and files that look like models but are packed as plain bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bbz/base/checked.h"

namespace bbz::files {

// The formats of files that hold models. internal/format.cc has the table of them.
enum class FileFormat : std::uint8_t {
  kBytes,  // none of the others
  kSafetensors,
  kPytorch,  // a file of torch.save, or another zip archive
  kGguf,     // of ggml
  kArchive,  // of bbz
};

// The number of a file's first bytes that recognise() and why_bytes() need.
inline constexpr std::size_t kRecognisedBytes = 1536;

// Returns the format that a file seems to have. `path` is its name or path, and `start` its first
// kRecognisedBytes bytes, or all. Only the reader of the format can tell whether it really has it.
FileFormat recognise(std::string_view path, Bytes start);

// Returns the format whose files usually have such a name, kSafetensors or kPytorch, or kBytes if
// there is none. Other files may have such names too.
FileFormat usual_format(std::string_view path);

// A file that is packed as bytes. Nothing is owned.
struct Unparsed {
  std::string_view path;     // its name or path
  Bytes start;               // its first kRecognisedBytes bytes, or all
  std::string_view failure;  // the error of the format that it seemed to have; may be empty
};

// Returns what a file is and why it is not split into tensors, if it looks like a model by its
// first bytes or its name; else an empty string. The text completes a sentence that begins with "it
// is": UTF-8 of at most 300 bytes without control characters.
std::string why_bytes(const Unparsed& file);

}  // namespace bbz::files
