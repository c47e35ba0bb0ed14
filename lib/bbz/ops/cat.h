// Cat: the bytes of one tensor or one file, and nothing around them.
#pragma once

#include <string>

#include "bbz/archive/reader.h"
#include "bbz/archive/stream.h"
#include "bbz/io/sink.h"
#include "bbz/ops/selection.h"

namespace bbz::ops {

struct CatOptions {
  Selection selection{};  // its files are those in which tensors are looked for
  unsigned threads = 0;   // of cat_stream; a Reader has its own
  Limits limits{};        // the same
};

// Writes the bytes of the tensor `name`, row-major and little-endian as in its source file, or,
// where there is no such tensor, of the file whose path is `name`. Errors: kNotFound;
// kInvalidArgument where several files have a tensor of that name; those of reading and of the
// sink.
Status cat(const Reader& reader, const std::string& name, io::Sink& sink,
           const CatOptions& options);

// The same from a stream. The first tensor or file of the name is written as it comes: a second
// tensor of the name ends it with the error.
Status cat_stream(io::Source& source, const std::string& name, io::Sink& sink,
                  const CatOptions& options);

}  // namespace bbz::ops
