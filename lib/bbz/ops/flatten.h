// Flatten: makes an archive that leans on nothing from one that leans on a base.
#pragma once

#include "bbz/archive/reader.h"
#include "bbz/ops/pack.h"

namespace bbz::ops {

// Options of flatten().
struct FlattenOptions {
  WriteOptions write{};  // passed to the Writer of the archive
  Progress progress{};   // called with the bytes of the files that were read, if it is set
};

// Writes the files of an archive into another one, as packing the files themselves with these options
// does, byte for byte. Permissions and times stay recorded. `sink` is not finished, and the archive is
// an input of it. Errors: those of the reader and of Writer; kUnsupported for an archive with symmetry
// groups, private numbers, or forms or required extensions that are not known.
Result<PackSummary> flatten(const Reader& reader, io::Sink& sink, const FlattenOptions& options);

}  // namespace bbz::ops
