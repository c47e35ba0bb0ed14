// Cat: writes the bytes of one tensor or one file, and nothing around them.
#pragma once

#include <string>

#include "bbz/archive/reader.h"
#include "bbz/archive/stream.h"
#include "bbz/io/sink.h"
#include "bbz/ops/selection.h"

namespace bbz::ops {

// Options of cat() and cat_stream().
struct CatOptions {
  // Its `files` restrict the files in which tensors are looked for; the rest is ignored.
  Selection selection{};
  unsigned threads = 0;  // used by cat_stream; a Reader has its own; 0: all cores
  Limits limits{};       // used by cat_stream; a Reader has its own
};

// Writes the bytes of the tensor `name`, row-major and little-endian as in its source file. If
// there is no such tensor, writes the file whose path is `name`. Errors: kNotFound;
// kInvalidArgument if several selected files have a tensor of that name; those of reading and of
// the sink.
Status cat(const Reader& reader, const std::string& name, io::Sink& sink,
           const CatOptions& options);

// Writes a tensor or a file from a stream: the first one of that name, as it arrives. Errors: those
// of cat(); a second tensor of the name is found after the first was written.
Status cat_stream(io::Source& source, const std::string& name, io::Sink& sink,
                  const CatOptions& options);

}  // namespace bbz::ops
