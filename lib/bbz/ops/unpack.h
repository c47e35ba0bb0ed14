// Unpacking: the files of an archive, byte for byte as they were packed.
#pragma once

#include "bbz/archive/reader.h"
#include "bbz/archive/stream.h"
#include "bbz/io/output_tree.h"
#include "bbz/ops/pack.h"
#include "bbz/ops/selection.h"

namespace bbz::ops {

struct UnpackOptions {
  bool replace = false;   // existing files make way, but never the archive itself
  bool sync = true;       // content is on the disk before its file appears: see io::OutputOptions
  Selection selection{};  // of files; what it says of tensors is passed over
  unsigned threads = 0;   // of unpack_stream; a Reader has its own
  Limits limits{};        // the same
  Progress progress{};    // bytes of files written; of unpack_stream, bytes of the archive read
};

struct UnpackSummary {
  std::uint64_t files = 0;  // and empty folders
  std::uint64_t bytes = 0;  // of all files
  Digest root;
  bool exact = true;  // false where the symmetry coder rotated a model of the archive
};

// Whether every file of the archive is as it was packed.
bool is_exact(const catalog::Catalog& catalog);

// Writes the selected files and empty folders below `out`, with all of the reader's threads. Each
// file appears under its name when all of its bytes are there and right, as the checksums of the
// chunks say (and their digests, where the archive has them), some files together; a file that
// fails leaves nothing behind, those before it stay. No file is more readable than the archive.
// Errors: kExists, before anything is written, where a file is in the way; kInvalidArgument if that
// is the archive itself; kUnsafePath for a link in the way; kNotFound where no file is selected;
// kChecksum and the other errors of reading.
Result<UnpackSummary> unpack(const Reader& reader, io::OutputTree& out,
                             const UnpackOptions& options);

// The same for an archive read front to back, from a pipe too. A file that is in the way is found
// when its turn comes.
Result<UnpackSummary> unpack_stream(io::Source& source, io::OutputTree& out,
                                    const UnpackOptions& options);

// Writes the one file that is selected to a sink, which is not finished. Errors: kNotFound where no
// file is selected; kInvalidArgument where several are; those of reading and of the sink.
Result<UnpackSummary> unpack_one(const Reader& reader, io::Sink& sink,
                                 const UnpackOptions& options);
Result<UnpackSummary> unpack_one_stream(io::Source& source, io::Sink& sink,
                                        const UnpackOptions& options);

}  // namespace bbz::ops
