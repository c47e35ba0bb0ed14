// Opens a file, a directory or a stream as a sequence of files to pack, each with its layout.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/block_type.h"
#include "bbz/base/error.h"
#include "bbz/base/shape.h"
#include "bbz/files/safetensors/header.h"
#include "bbz/files/torch/state_dict.h"
#include "bbz/io/file_attributes.h"
#include "bbz/io/source.h"

namespace bbz::files {

// A range of a file's bytes: a tensor, or plain bytes.
struct Extent {
  // Tells plain bytes from a tensor.
  enum class Kind { kBytes, kTensor };

  Kind kind = Kind::kBytes;  // plain bytes have neither a name nor a dtype of their own
  std::string name;          // of a tensor; any UTF-8
  DType dtype = DType::kU8;  // of a tensor; kU8 for plain bytes
  Shape shape;               // of plain bytes: {length}, or empty if the length is not known
  std::uint64_t offset = 0;  // in the file
  std::optional<std::uint64_t> length;  // in bytes; nullopt: to the end of the stream
  SharedBlockType block{};              // what an element is, if dtype is kBlock
  bool storage = false;                 // memory that others are views of, and no tensor itself

  // Returns whether all members are equal.
  friend bool operator==(const Extent&, const Extent&) = default;
};

// A tensor whose elements are bytes of an extent, which has them for others too. The element at
// index (i, j, ...) has its first byte at `offset` + (i * strides[0] + j * strides[1] + ...) * the
// bytes of an element; all are within the extent.
struct View {
  std::string name;                    // any UTF-8
  DType dtype{};                       // of whole bytes
  Shape shape;                         // extents in elements, outermost first
  std::vector<std::uint64_t> strides;  // in elements of the view, one for each axis
  std::size_t extent = 0;              // index in Layout::extents
  std::uint64_t offset = 0;            // of the first element in the extent, bytes

  // Returns whether all members are equal.
  friend bool operator==(const View&, const View&) = default;
};

// Describes how a file is divided. The extents cover it without hole or overlap, in order of
// offset, so that a stream can be read along them. Only the last extent may have no known length. A
// tensor may have no bytes; plain bytes are never empty, so that an empty file has no extents.
struct Layout {
  std::string_view format;      // "safetensors", "pytorch", "gguf" or "bytes"
  std::string metadata;         // the file's own metadata as a JSON object of strings, or empty
  std::vector<Extent> extents;  // ranges that cover the file, in order of offset
  std::vector<View> views{};    // further tensors, whose bytes are in the extents
  // For plain bytes that look like a model: what they are, and why they are not split into tensors;
  // else empty. UTF-8 of at most 300 bytes that completes a sentence that begins with "it is".
  std::string why_bytes{};
};

// A file to pack, or an empty directory.
struct SourceFile {
  // Tells a regular file from a directory.
  enum class Kind { kRegular, kDirectory };

  Kind kind = Kind::kRegular;          // kDirectory only if nothing below the directory is given
  std::string path;                    // relative and safe (check_safe_path)
  std::unique_ptr<io::Source> source;  // null for a directory
  Layout layout;                       // has no extents for a directory
  // Its permissions and its modification time, as far as the file system or the tar has them.
  io::FileAttributes attributes{};
};

// Options of open() and open_stream().
struct Options {
  // Treats every file as plain bytes, so that none is refused because it breaks the rules of its
  // format, and a tar stream is not unpacked.
  bool opaque = false;
  // The path of the file that a stream gives if it is not a tar. If empty, it follows from the
  // format: "stdin.safetensors", "stdin".
  std::string stream_name{};
  std::uint64_t max_files = 1'000'000;  // stops endless nesting, and tars that exhaust memory
  safetensors::Limits safetensors{};    // on each safetensors file
  torch::Limits torch{};                // on each file of torch.save
  // The directory for unnamed files. If empty, there are none.
  std::string temporary_folder{};
  // One keeps members of a tar, for hard links to them, which are refused if they have no data and
  // it does not keep their target. A member is kept if it and those kept before have at most
  // `kept_bytes` bytes together.
  std::uint64_t kept_bytes = std::uint64_t{1} << 30;  // of all kept members together
  // Another is a copy of a file of PyTorch that comes in a stream, because it is read from its end.
  // If it has more bytes, or would leave less free space on the disk than it takes, the file is
  // plain bytes. There is one at a time.
  std::uint64_t copied_bytes = std::uint64_t{1} << 36;

  // Patterns of the files and directories below a directory or in a tar that are left out unread,
  // directories with everything below them. See matches_path().
  std::vector<std::string> excluded{};
  // Patterns of the files that are treated as plain bytes. See matches_path().
  std::vector<std::string> opaque_paths{};
  // Leaves out entries of a directory that cannot be opened, are neither files nor directories, or
  // have a name that no archive can hold; FileSequence::left_out() lists them. Otherwise they are
  // errors.
  bool skip_unreadable = false;
  // One share of a directory's files, if several jobs pack them. Shares are runs of the files in
  // their order, with about the same number of bytes. Some may have no files. All jobs must see the
  // same directory.
  struct Share {
    std::uint64_t number = 1;  // from 1
    std::uint64_t count = 1;   // of all shares
  };
  // The share whose files are given.
  Share share{};
  // Follows symbolic links that lead out of the directory. Otherwise they are errors, because a
  // directory from somebody else may link to any file of this machine. An absolute link counts as
  // leading out.
  bool follow_links = false;
  // Called before each file of a directory is opened, if it is set. Its error ends what goes on.
  std::function<Status()> before_file{};
  // The path that the archive will be written to, "-" for standard output, or empty if it is not
  // written to the file system. The output is not packed, nor is an older archive that it replaces.
  std::string output{};
};

// Returns whether a path, of components separated by '/', matches one of the patterns (see
// matches_glob). A pattern that contains a '/', apart from one at its end, is matched against the
// whole path, any other against the last component: "*.pt" matches files in any directory, "a/*"
// everything below a/.
bool matches_path(const std::vector<std::string>& patterns, const std::string& path);

// A file that was left out of a sequence, and why.
struct LeftOut {
  std::string path;    // as messages show it, with the path that was opened
  std::string reason;  // a complete message, which names the path too
};

// A file that is divided as a model, or that looks like a model and is packed as bytes.
struct FoundModel {
  std::string path;         // as that of the SourceFile
  std::string_view format;  // as that of the Layout
  std::string why_bytes;    // as that of the Layout
};

// Gives files one at a time. Not thread-safe.
class FileSequence {
 public:
  virtual ~FileSequence() = default;

  // Returns the next file, or nullopt after the last. A file of a stream is readable only until the
  // next call. Errors name the file: kIo; kUnsafePath; kLimit; kInvalidArgument if it cannot be
  // packed (a socket, a broken link); kMalformed and kTruncated for a broken tar; those of
  // safetensors::parse if it is named .safetensors but is not such a file.
  virtual Result<std::optional<SourceFile>> next() = 0;

  // Returns the bytes of all files together, if that is known before they are read.
  virtual std::optional<std::uint64_t> total_size() const { return std::nullopt; }

  // Begins again: next() gives the same files once more, or kIo if one has changed since it was
  // listed. Errors: kUnsupported for a stream.
  virtual Status rewind();

  // Opens and lays out every file, so that a file that cannot be packed is found before the first
  // is read, and rewinds. Does nothing if it was done before, or for a stream. Errors: those of
  // next().
  virtual Status look() { return {}; }

  // Returns kIo, naming the file, if a file that next() has given was changed, replaced or removed
  // since it was listed. Call it when everything was read: the bytes may mix two states of a file.
  virtual Status check_unchanged() { return {}; }

  // Returns the files that options.skip_unreadable left out so far.
  virtual std::vector<LeftOut> left_out() const { return {}; }
  // Returns the models among the files that were opened so far, which are all after look(). Empty
  // for a stream.
  virtual std::vector<FoundModel> models() const { return {}; }
  // Returns the warnings of look(), for example that an index (*.index.json) names missing files.
  virtual std::vector<std::string> warnings() const { return {}; }
};

// Opens `path`, which names one of:
//   - a file: gives one file, whose path is the last component of `path`;
//   - a directory: gives every file below it, with paths relative to the directory and in their
//     bytewise order, and each directory below it in which nothing is given. Links to files and
//     directories in it are followed, others as options.follow_links says. Broken links, links back
//     to a directory above them, sockets, FIFOs and devices are refused. Temporary files of
//     AtomicFile are skipped. The directory is held open, so that replacing it later has no effect;
//   - "-", a FIFO or a character device: a stream, read front to back. It is a tar, whose members
//     are the files (followed by its empty directories), or one file.
// Errors: those of next(); kNotFound; kLimit if there are more than options.max_files files;
// kInvalidArgument if options.output is `path` itself, or a file below it that is not an archive, and
// if options.share is not the whole of what is no directory.
Result<std::unique_ptr<FileSequence>> open(const std::string& path, const Options& options = {});

// Opens a stream that the caller has opened: a tar or one file, as above. Errors: those of next().
Result<std::unique_ptr<FileSequence>> open_stream(std::unique_ptr<io::Source> stream,
                                                  const Options& options = {});

}  // namespace bbz::files
