// Pack: packs files, directories and streams into an archive.
#pragma once

#include <functional>

#include "bbz/archive/writer.h"
#include "bbz/base/layer_name.h"
#include "bbz/files/source_file.h"
#include "bbz/ops/info.h"

namespace bbz::ops {

// Called on the calling thread while the work goes on, with the number of bytes done so far.
using Progress = std::function<void(std::uint64_t)>;

// Called for a file that looks like a model and is packed as bytes, with its path and the reason
// (files::Layout::why_bytes).
using AsBytes = std::function<void(const std::string& path, const std::string& why)>;

// Options of pack().
struct PackOptions {
  WriteOptions write;  // passed to the Writer of the archive
  // Writes an index at the front as well. The files are examined once more for it, so they cannot
  // be a stream, and the sink must be able to patch.
  bool index_first = false;
  // Records the permissions of files and empty directories, as far as they are known. By default,
  // neither they nor times are recorded, so that the same files give the same archive wherever they
  // lie.
  bool modes = false;
  bool times = false;   // records their modification times, as far as they are known
  LayerRules layers{};  // for the layers of tensors
  // A base: tensors that it has with the same name, dtype and shape are stored relative to those there.
  // It must not change meanwhile. May be null.
  std::shared_ptr<Base> base{};
  Progress progress{};  // called with the bytes of the files that were read, if it is set
  AsBytes as_bytes{};   // may be empty
};

// The outcome of pack().
struct PackSummary {
  Digest root;                      // root digest of the archive
  std::uint64_t files = 0;          // including empty directories
  std::uint64_t tensors = 0;        // of kind tensor
  std::uint64_t leaning = 0;        // of these, such that lean on a tensor of the base
  std::uint64_t input_bytes = 0;    // sum of all files
  std::uint64_t archive_bytes = 0;  // length of the archive
  // Tensors without a record, because they are views beyond what a reader takes (format-spec/limits.md).
  // Their bytes are in the files all the same.
  std::uint64_t views_left_out = 0;
  std::string first_left_out{};  // the name of the first of them, and its file
  // The sizes of the chunks by codec, as in Info, if pack() wrote the archive.
  std::vector<NamedTally> codecs{};
};

// Packs all files into one archive. Tensors keep their names and types, and their layer is taken
// from their name by options.layers. A stream of unknown length is cut into ranges of bytes of one chunk each. `sink`
// is not finished, and every file is an input of it. Few files are open at a time.
//
// All files are examined before the first is packed, so that one that cannot be packed is found at
// once. They are examined once more after the last was read: if one was changed, replaced or
// removed since it was listed, the error is kIo, naming the file, and the archive is left without
// its end.
//
// Errors: those of the sequence and of Writer; kTruncated for a stream that ends before its layout
// does; kInvalidArgument if the sink would replace a file; with options.index_first, kUnsupported
// for a stream.
Result<PackSummary> pack(files::FileSequence& files, io::Sink& sink, const PackOptions& options);

// Returns how to write a range of a file's bytes. Precondition: its length is known.
TensorSpec tensor_spec(const files::Extent& extent);

}  // namespace bbz::ops
