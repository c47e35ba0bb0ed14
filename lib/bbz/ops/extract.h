// Extracting: some tensors of an archive as safetensors files.
#pragma once

#include "bbz/archive/reader.h"
#include "bbz/archive/stream.h"
#include "bbz/io/output_tree.h"
#include "bbz/ops/pack.h"
#include "bbz/ops/selection.h"

namespace bbz::ops {

struct ExtractOptions {
  Selection selection{};
  bool replace = false;  // existing files make way, but never the archive itself
  bool sync = true;      // of extract_files: as UnpackOptions::sync
  unsigned threads = 0;  // of streams; a Reader has its own
  Limits limits{};       // the same
  Progress progress{};   // bytes of tensors written; of streams, bytes of the archive read
  // Of streams, where the header of the output is known only when its tensors have passed: the
  // folder in which they are kept until then.
  std::string spool_folder = "/tmp";
};

struct ExtractSummary {
  std::uint64_t files = 0;
  std::uint64_t tensors = 0;
  std::uint64_t bytes = 0;  // of tensors
  Digest root;              // of extract_archive
};

// All of these write the selected tensors, bit for bit, in archive order, with the "__metadata__"
// of the files that they come from. A Reader reads the chunks of these tensors and nothing else;
// from a stream every byte is read and checked. Errors: kNotFound where no tensor is selected;
// kInvalidArgument for two tensors of the same name in one output; kUnsupported for a dtype that
// this build does not know; kInvalidArgument for an output that would replace the archive itself;
// those of reading and of the output. No output is more readable than the archive.

// Into one file, which is not finished. Where files disagree in metadata, the first one stands.
Result<ExtractSummary> extract(const Reader& reader, io::Sink& sink, const ExtractOptions& options);
Result<ExtractSummary> extract_stream(io::Source& source, io::Sink& sink,
                                      const ExtractOptions& options);

// Into an archive with the one file `path`, of which only the writing goes through the sink: chunks
// are packed anew, with the source's kind of digest. The root digest is that of the new archive.
Result<ExtractSummary> extract_archive(const Reader& reader, io::Sink& sink,
                                       const std::string& path, const ExtractOptions& options);

// Into a file for each file that they come from, of the same path (with ".safetensors" where it
// does not end so).
Result<ExtractSummary> extract_files(const Reader& reader, io::OutputTree& out,
                                     const ExtractOptions& options);
Result<ExtractSummary> extract_files_stream(io::Source& source, io::OutputTree& out,
                                            const ExtractOptions& options);

}  // namespace bbz::ops
