// Recognises and lays out GGUF files.
#pragma once

#include "bbz/files/internal/format.h"

namespace bbz::files {

// Returns kMaybe for a file that begins as GGUF files do, else kNo.
Format::Match probe_gguf(std::string_view path, Bytes first);

// Lays a file out so that its tensors of known types are tensors, and everything else (the header,
// tensors of other types, padding) is plain bytes. Errors: those of gguf::read().
Result<Layout> layout_gguf(Front& front, const Options& options);

}  // namespace bbz::files
