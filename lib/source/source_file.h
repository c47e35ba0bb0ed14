// What a user names - a file, a folder, a stream - as the files to be packed, each with its layout.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/io/source.h"
#include "bbz/safetensors/header.h"
#include "bbz/tensor/shape.h"
#include "bbz/torch/state_dict.h"

namespace bbz::source {

// A range of a file's bytes: a tensor, or bytes that are none.
struct Extent {
  enum class Kind { kBytes, kTensor };

  Kind kind = Kind::kBytes;
  std::string name;  // of a tensor; any UTF-8
  tensor::DType dtype = tensor::DType::kU8;
  tensor::Shape shape;                  // of bytes: {length}, empty where the length is not known
  std::uint64_t offset = 0;             // in the file
  std::optional<std::uint64_t> length;  // in bytes; nullopt: to the end of the stream

  friend bool operator==(const Extent&, const Extent&) = default;
};

// How a file is made up. The extents tile it exactly, in the order of its bytes, so that a stream
// can be read along them. Only the last may have no known length. A tensor may have no bytes at
// all; a range of kind bytes always has some, so that an empty file has no extents.
struct Layout {
  std::string_view format;  // the row of the table of formats: "safetensors", "pytorch", "bytes"
  std::string metadata;     // what the file says of itself, as a JSON object of strings, or empty
  std::vector<Extent> extents;
  // Of bytes that look like a model: what they are, and why they are not taken apart; else empty.
  // UTF-8 of at most 300 bytes, to follow "it is" in a sentence.
  std::string why_bytes{};
};

struct SourceFile {
  enum class Kind { kRegular, kDirectory };

  Kind kind = Kind::kRegular;
  std::string path;                    // safe below any folder (check_safe_path)
  std::unique_ptr<io::Source> source;  // null for a directory
  Layout layout;
};

struct Options {
  // Takes every file as plain bytes, so that none is refused for breaking its format's rules.
  bool opaque = false;
  // The path given to what comes from a stream that is not a tar, empty for the name of the format
  // ("stdin.safetensors", "stdin").
  std::string stream_name{};
  std::uint64_t max_files = 1'000'000;  // folders nested without end, tars that exhaust memory
  safetensors::Limits safetensors{};
  torch::Limits torch{};
  // The folder for a file without a name that keeps the members of a tar, for links to them; empty:
  // such links are refused. Members are kept while all of them have at most `kept_bytes`.
  std::string temporary_folder{};
  std::uint64_t kept_bytes = std::uint64_t{1} << 30;
};

// The files, one at a time.
class FileSequence {
 public:
  virtual ~FileSequence() = default;

  // The next file, nullopt after the last. A file of a stream is readable only until the next call.
  // Errors name the file: kIo; kUnsafePath; kInvalidArgument for what cannot be packed (a socket, a
  // link that leads nowhere); the errors of safetensors::parse for a file that is named
  // .safetensors and is none.
  virtual Result<std::optional<SourceFile>> next() = 0;

  // All bytes of all files, where that is known before they are read.
  virtual std::optional<std::uint64_t> total_size() const { return std::nullopt; }
};

// Opens what `path` names:
//   - a file, as one file with the last component of its path;
//   - a folder, as every file below it, by path relative to the folder and in the bytewise order of
//     these paths. Links to files and folders are followed; folders without entries are kept. Links
//     that lead nowhere or back to a folder above them, sockets, FIFOs and devices are refused;
//   - "-", a FIFO or a character device, as a stream, read front to back: a tar, whose members are
//     the files (with its empty folders at the end), or one file.
// Errors: those of next(); kNotFound; kLimit for more than options.max_files files.
Result<std::unique_ptr<FileSequence>> open(const std::string& path, const Options& options = {});

// The same for a stream that is already open.
Result<std::unique_ptr<FileSequence>> open_stream(std::unique_ptr<io::Source> stream,
                                                  const Options& options = {});

}  // namespace bbz::source
