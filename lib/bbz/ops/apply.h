// Apply: updates a file with an archive that leans on it.
#pragma once

#include "bbz/archive/reader.h"
#include "bbz/ops/pack.h"

namespace bbz::ops {

// Returns the number of the file that an update gives: the regular file with this path or, if `path` is
// empty, the only one with tensors. Errors: kNotFound; kInvalidArgument if there are several.
Result<std::uint32_t> updated_file(const catalog::Catalog& update, const std::string& path);

// Checks that the base of the reader has every tensor on which those of a file lean. Reads all of them.
// Errors: kInvalidArgument if none leans; those of Reader::check_support().
Status check_base(const Reader& update, std::uint32_t file);

// Writes the bytes of the file to `sink`, which is not finished. Whoever replaces a base by that must have
// called check_base() before. Calls `progress`, if it is set, with the bytes so far. Errors: those of
// the reader and of the sink.
Status write_updated(const Reader& update, std::uint32_t file, io::Sink& sink,
                     const Progress& progress);

}  // namespace bbz::ops
