// Cat: writes the bytes of one tensor or one file, and nothing around them.
#pragma once

#include <string>

#include "bbz/archive/reader.h"
#include "bbz/io/sink.h"
#include "bbz/ops/selection.h"
#include "bbz/ops/stream_input.h"

namespace bbz::ops {

// Writes the bytes of the tensor `name` of the selected files, row-major and little-endian as in
// its source file. If there is no such tensor, writes the file whose path is `name`, selected or
// not. Errors: kNotFound; kInvalidArgument if several selected files have a tensor of that name;
// those of reading and of the sink.
Status cat(const Reader& reader, const std::string& name, io::Sink& sink,
           const FileSelection& files = {});

// Writes a tensor or a file from a stream: the first one of that name, as it arrives. Errors: those
// of cat(); a second tensor of the name is found after the first was written; kUnsupported if
// chunks repeat others that were not written, or if the tensor is a view. If the sink cannot be read, a copy is kept below `spool_folder`,
// as by unpack_one_stream().
Status cat_stream(const StreamInput& archive, const std::string& name, io::Sink& sink,
                  const FileSelection& files = {}, const std::string& spool_folder = "/tmp");

}  // namespace bbz::ops
