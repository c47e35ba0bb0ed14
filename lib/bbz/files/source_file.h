// What a user names - a file, a folder, a stream - as the files to be packed, each with its layout.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/base/shape.h"
#include "bbz/files/safetensors/header.h"
#include "bbz/files/torch/state_dict.h"
#include "bbz/io/source.h"

namespace bbz::files {

// A range of a file's bytes: a tensor, or bytes that are none.
struct Extent {
  enum class Kind { kBytes, kTensor };

  Kind kind = Kind::kBytes;
  std::string name;  // of a tensor; any UTF-8
  DType dtype = DType::kU8;
  Shape shape;                          // of bytes: {length}, empty where the length is not known
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

  // Patterns of paths: see matches_path(). Those of a folder or a tar that match `excluded` are
  // left out, a folder with everything below it, without being looked at; files that match
  // `opaque_paths` are taken as plain bytes.
  std::vector<std::string> excluded{};
  std::vector<std::string> opaque_paths{};
  // Leaves out what a folder has that cannot be opened, is no regular file or folder, or has a name
  // that no archive can hold; FileSequence::left_out() tells what. Otherwise these are errors.
  bool skip_unreadable = false;
  // Follows links that lead out of the folder. Without it they are errors: a folder that somebody
  // else made may link to any file of this machine. An absolute link counts as leading out.
  bool follow_links = false;
  // Where the archive will be written, "-" for standard output, empty if nowhere in the file
  // system. It is not packed, nor is an older archive that stands there and will be replaced.
  std::string output{};
};

// Whether a path, of components separated by '/', is chosen by a pattern (see matches_glob): one
// with a '/' in it, not counting one at its end, is held against the whole path, any other against
// the last component. "*.pt" and "optimizer.pt" choose files in any folder, "a/*" all below a/.
bool matches_path(const std::vector<std::string>& patterns, const std::string& path);

// What was left out of a sequence, and why.
struct LeftOut {
  std::string path;    // as messages show it, with the folder that was opened
  std::string reason;  // a whole message, which names the path too
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

  // Begins again: next() gives the same files once more, and kIo for one that has changed since it
  // was listed. Errors: kUnsupported for a stream.
  virtual Status rewind();

  // Opens and lays out every file once, so that one that cannot be packed is found before the first
  // is read, and rewinds. Done once; does nothing for a stream. Errors: those of next().
  virtual Status look() { return {}; }

  // Reports kIo, naming the file, if any that next() has given changed, was replaced or removed
  // since it was listed. Call it when everything was read: what was read may be of two states.
  virtual Status check_unchanged() { return {}; }

  // What options.skip_unreadable left out so far, and what look() found worth a warning: an index
  // (*.index.json) that names files which are not there.
  virtual std::vector<LeftOut> left_out() const { return {}; }
  virtual std::vector<std::string> warnings() const { return {}; }
};

// Opens what `path` names:
//   - a file, as one file with the last component of its path;
//   - a folder, as every file below it, by path relative to the folder and in the bytewise order of
//     these paths. Links to files and folders in it are followed, others as options.follow_links
//     says; folders of which nothing else is given are kept. Links that lead nowhere or back to a
//     folder above them, sockets, FIFOs and devices are refused. Temporary files of AtomicFile are
//     passed over. The folder is held open: what is put into its place later does not matter;
//   - "-", a FIFO or a character device, as a stream, read front to back: a tar, whose members are
//     the files (with its empty folders at the end), or one file.
// Errors: those of next(); kNotFound; kLimit for more than options.max_files files;
// kInvalidArgument if options.output is one of the files and no archive.
Result<std::unique_ptr<FileSequence>> open(const std::string& path, const Options& options = {});

// The same for a stream that is already open.
Result<std::unique_ptr<FileSequence>> open_stream(std::unique_ptr<io::Source> stream,
                                                  const Options& options = {});

}  // namespace bbz::files
