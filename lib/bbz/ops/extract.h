// Extract: writes some tensors of an archive as safetensors files.
#pragma once

#include "bbz/archive/reader.h"
#include "bbz/archive/stream.h"
#include "bbz/io/output_tree.h"
#include "bbz/ops/pack.h"
#include "bbz/ops/selection.h"

namespace bbz::ops {

// Options of the extract functions.
struct ExtractOptions {
  Selection selection{};  // the tensors to extract
  // Replaces existing files, but never the archive.
  bool replace = false;
  // Writes content through to the disk before its file appears; used by extract_files() and
  // extract_files_stream() only.
  bool sync = true;
  // For streams and the new archive of extract_archive(); a Reader has its own. 0: all cores.
  unsigned threads = 0;
  Limits limits{};  // for the same
  // Called with the bytes of tensors that were written; for streams, with the bytes of the archive
  // that were read.
  Progress progress{};
  // For streams: the directory of the temporary file that keeps tensors until their header is
  // known, which is after they have passed.
  std::string spool_folder = "/tmp";
};

// The outcome of an extraction.
struct ExtractSummary {
  std::uint64_t files = 0;    // number of outputs
  std::uint64_t tensors = 0;  // number of tensors in them
  std::uint64_t bytes = 0;    // of tensors, without headers
  Digest root;                // of the new archive; set by extract_archive() only
};

// The functions below write the selected tensors, bit for bit, in archive order, with the
// "__metadata__" of the files that they come from. From a Reader, only the chunks that these
// tensors need and the metadata are read; from a stream, every byte is read and checked. Errors:
// kNotFound if no tensor is selected; kInvalidArgument for two tensors of the same name in one
// output, and for an output that would replace the archive; kUnsupported for a dtype that this
// build does not know; those of reading and of the output. No output is more readable than the
// archive.

// Writes one file to a sink, which is not finished. If files have different metadata for one key,
// the first file's value is used.
Result<ExtractSummary> extract(const Reader& reader, io::Sink& sink, const ExtractOptions& options);
// Writes one file to a sink, like extract(), but reads a stream.
Result<ExtractSummary> extract_stream(io::Source& source, io::Sink& sink,
                                      const ExtractOptions& options);

// Writes an archive with one file, `path`, to a sink, which is not finished. Chunks are packed
// again, with the kind of digest of the source.
Result<ExtractSummary> extract_archive(const Reader& reader, io::Sink& sink,
                                       const std::string& path, const ExtractOptions& options);

// Writes one file for each file that the tensors come from, at the same path; ".safetensors" is
// appended if the path does not end so.
Result<ExtractSummary> extract_files(const Reader& reader, io::OutputTree& out,
                                     const ExtractOptions& options);
// Writes files like extract_files(), but reads a stream. A file that is in the way is found when
// its turn comes.
Result<ExtractSummary> extract_files_stream(io::Source& source, io::OutputTree& out,
                                            const ExtractOptions& options);

}  // namespace bbz::ops
