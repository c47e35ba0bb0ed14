// Packing: files, folders and streams into an archive.
#pragma once

#include <functional>

#include "bbz/archive/writer.h"
#include "bbz/files/source_file.h"

namespace bbz::ops {

// Called on the calling thread as the work goes on, with the bytes done so far.
using Progress = std::function<void(std::uint64_t)>;

// Writes a whole file of the archive in its own way and returns true, or returns false and leaves
// it to pack().
using Instead = std::function<Result<bool>(const files::SourceFile& file, Writer& writer)>;

// Called with the path of a file that looks like a model and is packed as bytes, and with why
// (files::Layout::why_bytes).
using AsBytes = std::function<void(const std::string& path, const std::string& why)>;

struct PackOptions {
  WriteOptions write;
  Progress progress{};  // bytes of the files that have been read
  Instead instead{};    // asked for each file, where it is set
  AsBytes as_bytes{};   // may be empty
};

struct PackSummary {
  Digest root;
  std::uint64_t files = 0;        // and empty folders
  std::uint64_t tensors = 0;      // of kind tensor
  std::uint64_t input_bytes = 0;  // of all files
  std::uint64_t archive_bytes = 0;
};

// The value for WriteOptions::front_index_bytes, from the layouts alone; no tensor is read. `files`
// is at its beginning afterwards, for pack(). Errors: those of the sequence;
// kUnsupported for a stream, whose layout is not known before it is read.
Result<std::uint64_t> front_index_bytes(files::FileSequence& files, const WriteOptions& options);

// Packs all files into one archive. Tensors keep their names and types and get their layer from
// their name; a stream of unknown length is cut into ranges of bytes of one chunk each. `sink` is
// not finished; every file is an input of it. All files are looked at before the first is packed, so
// that one that cannot be is found at once, and after the last was read once more: kIo, naming the
// file, if one changed, was replaced or removed since it was listed, and then the archive is left
// without its end. Few files are open at a time. Errors: those of the sequence and of Writer;
// kTruncated for a stream that ends before its layout does; kInvalidArgument if the sink would
// replace a file.
Result<PackSummary> pack(files::FileSequence& files, io::Sink& sink, const PackOptions& options);

// How a range of a file's bytes is written. Precondition: its length is known.
TensorSpec tensor_spec(const files::Extent& extent);

}  // namespace bbz::ops
