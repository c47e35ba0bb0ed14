// GGUF files as models: every tensor must be of a known type, because a comparison would leave out
// the others.
#pragma once

#include "bbz/archive/reader.h"
#include "bbz/files/gguf/header.h"

namespace bbz::model {

// A GGUF file, or what an archive has of it.
struct GgufFile {
  std::string shown;                    // how messages call it
  gguf::TakeFirst first;                // gives its first bytes
  std::optional<std::uint64_t> size{};  // bytes, if known
};

// Reads the header of a GGUF file. Errors, which name the file: those of gguf::read(); kUnsupported
// if a tensor is of a type that is not known.
Result<gguf::Header> read_gguf(const GgufFile& file);

// Checks that no GGUF file of an archive has a tensor of a type that is not known: the archive has
// it as plain bytes. `shown` is how messages call the archive. Errors: those of read_gguf() and of the reader.
Status check_gguf_files(const Reader& reader, std::string_view shown);

}  // namespace bbz::model
