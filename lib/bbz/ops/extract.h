// Extract: writes some tensors of an archive as safetensors files.
#pragma once

#include <optional>
#include <string>

#include "bbz/archive/reader.h"
#include "bbz/io/output_tree.h"
#include "bbz/ops/pack.h"
#include "bbz/ops/selection.h"
#include "bbz/ops/stream_input.h"

namespace bbz::ops {

// Options of the extract functions.
struct ExtractOptions {
  Selection selection{};  // the tensors to extract
  // Called with the bytes of tensors that were written; for streams, with the bytes of the archive
  // that were read.
  Progress progress{};
};

// Options of extract_files() and extract_files_stream().
struct ExtractFilesOptions : ExtractOptions {
  // Replaces existing files, but never the archive.
  bool replace = false;
  // Writes content through to the disk before its file appears: see io::OutputOptions.
  bool sync = true;
};

// The outcome of an extraction.
struct ExtractSummary {
  std::uint64_t files = 0;    // number of outputs
  std::uint64_t tensors = 0;  // number of tensors in them
  std::uint64_t bytes = 0;    // of tensors, without headers
  // The root digest of the new archive, if extract_archive() wrote one.
  std::optional<Digest> root;
};

// The functions below write the selected tensors, bit for bit, in archive order, with the
// "__metadata__" of the files that they come from. From a Reader, only the chunks that these
// tensors need and the metadata are read; from a stream, every byte is read and checked. Errors:
// kNotFound if no tensor is selected; kInvalidArgument for two tensors of the same name in one
// output, and for an output that would replace the archive; kUnsupported for a dtype that this
// build does not know; those of reading and of the output. No output is more readable than the
// archive.
//
// The functions for streams keep tensors in a temporary file below `spool_folder`, because their
// header is known only after they have passed. They fail with kUnsupported if a selected tensor repeats
// chunks of one before it that is not selected, or is a view of such a one, of a storage or of plain
// bytes.

// Writes one file to a sink, which is not finished. If files have different metadata for one key,
// the first file's value is used.
Result<ExtractSummary> extract(const Reader& reader, io::Sink& sink,
                               const ExtractOptions& options = {});
// Writes one file to a sink, like extract(), but reads a stream.
Result<ExtractSummary> extract_stream(const StreamInput& archive, io::Sink& sink,
                                      const ExtractOptions& options = {},
                                      const std::string& spool_folder = "/tmp");

// Writes an archive with one file, `path`, to a sink, which is not finished. Chunks are packed
// again, as `writing` says.
Result<ExtractSummary> extract_archive(const Reader& reader, io::Sink& sink,
                                       const std::string& path, const ExtractOptions& options,
                                       const WriteOptions& writing);

// Writes one file for each file that the tensors come from, at the same path; ".safetensors" is
// appended if the path does not end so.
Result<ExtractSummary> extract_files(const Reader& reader, io::OutputTree& out,
                                     const ExtractFilesOptions& options = {});
// Writes files like extract_files(), but reads a stream. A file that is in the way is found when
// its turn comes.
Result<ExtractSummary> extract_files_stream(const StreamInput& archive, io::OutputTree& out,
                                            const ExtractFilesOptions& options = {},
                                            const std::string& spool_folder = "/tmp");

}  // namespace bbz::ops
