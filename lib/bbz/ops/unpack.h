// Unpack: writes the files of an archive, byte for byte as they were packed.
#pragma once

#include "bbz/archive/reader.h"
#include "bbz/io/output_tree.h"
#include "bbz/ops/pack.h"
#include "bbz/ops/selection.h"
#include "bbz/ops/stream_input.h"

namespace bbz::ops {

// Options of unpack() and unpack_stream().
struct UnpackOptions {
  FileSelection files{};  // the files to write
  // Replaces existing files, but never the archive.
  bool replace = false;
  // Writes content through to the disk before its file appears: see io::OutputOptions.
  bool sync = true;
  // Restores the permissions that the archive records: of those that the umask leaves a new file or
  // directory, only these, and for a file only what the archive's own permissions allow (see
  // io::Permissions). By default, files and directories get what new ones get.
  bool modes = false;
  // Restores the modification times that the archive records.
  bool times = false;
  // Called with the bytes of files that were written; by unpack_stream(), with the bytes of the
  // archive that were read.
  Progress progress{};
};

// The outcome of unpacking.
struct UnpackSummary {
  std::uint64_t files = 0;  // including empty directories
  std::uint64_t bytes = 0;  // of the files that were written
  // The root digest of the archive.
  Digest root;
  bool exact = true;  // false if the symmetry coder rotated a model of the archive
};

// Returns whether every file of the archive is as it was packed, and none was rotated.
bool is_exact(const catalog::Catalog& catalog);

// Writes the selected files and empty directories below `out`, with all of the reader's threads. A
// file appears under its name when all of its bytes are there and correct, judged by the checksums
// of its chunks (and by the digests of the chunks, if the archive has them); several files may
// appear together. A file that fails leaves nothing behind; those before it stay. No file is more
// readable than the archive. Errors: kExists, before anything is written, if a file is in the way;
// kInvalidArgument if that is the archive itself; kUnsafePath for a link in the way; kNotFound if
// files are selected and none matches; kIo, naming the file, if its permissions or its time cannot be
// restored; kChecksum and the other errors of reading.
Result<UnpackSummary> unpack(const Reader& reader, io::OutputTree& out,
                             const UnpackOptions& options = {});

// Writes files like unpack(), but reads the archive front to back, also from a pipe. A file that is
// in the way is found when its turn comes.
Result<UnpackSummary> unpack_stream(const StreamInput& archive, io::OutputTree& out,
                                    const UnpackOptions& options = {});

// Writes the one selected file to a sink, which is not finished. Calls `progress` with the bytes
// that were written. Errors: kNotFound if no file is selected; kInvalidArgument if several are;
// those of reading and of the sink.
Result<UnpackSummary> unpack_one(const Reader& reader, io::Sink& sink,
                                 const FileSelection& files = {}, const Progress& progress = {});
// Writes one file like unpack_one(), but reads the archive front to back, and calls `progress` with
// the bytes of the archive that were read. A second selected file is found after the first was
// written. If the sink cannot be read, a copy is kept in a temporary file below `spool_folder`, because
// chunks may repeat others; without room for it, these fail with kUnsupported.
Result<UnpackSummary> unpack_one_stream(const StreamInput& archive, io::Sink& sink,
                                        const FileSelection& files = {},
                                        const Progress& progress = {},
                                        const std::string& spool_folder = "/tmp");

}  // namespace bbz::ops
