// Reader: random access to an archive that is opened by its index.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bbz/archive/base.h"
#include "bbz/archive/visitor.h"
#include "bbz/base/threads.h"
#include "bbz/format/catalog/catalog.h"
#include "bbz/io/sink.h"
#include "bbz/io/source.h"

namespace bbz {

// Options of Reader::open().
struct ReadOptions {
  unsigned threads = kAllCores;  // the number of threads that decode
  bool use_front_index = false;  // use the index at the front, if there is one, and not the end
  Limits limits;                 // an archive beyond them is refused with kLimit
  // Where the tensors are on which those of the archive lean. Without it, chunks that lean cannot be
  // read, but all others can.
  std::shared_ptr<Base> base{};
};

// The destination of a tensor in an output.
struct Placement {
  std::uint32_t tensor = 0;  // number of the tensor
  std::uint64_t offset = 0;  // offset of its first byte in the output
};

// A part of a tensor, and the memory that receives it.
struct ReadPart {
  std::uint32_t tensor = 0;  // number of the tensor
  std::uint64_t offset = 0;  // of its first byte in the tensor
  MutableBytes out;          // as many bytes as are read
};

// Reads any part of an archive. Opening reads the file header, the trailer and the index. Reading a
// part reads only the chunks that contain it and, if it needs a symmetry group, that group and its
// tensors. Thread-safe. Tensors and files are named by their numbers in the catalog.
//
// A Reader is a value that can be moved, for example into std::make_shared<const Reader>() to be
// shared. Moving it while another thread uses it is an error. A Reader that was moved from can only
// be assigned to or destroyed.
//
// Errors of the methods that read:
// - kInvalidArgument if a number, a range or the size of a buffer does not fit the archive;
// - kTruncated, kChecksum, kMalformed, kUnsupported, kLimit if the archive is damaged or cannot be
//   decoded, with the tensor and the offset;
// - kUnsupported if a chunk leans on a tensor of a base, and that is not given; kBase if the base lacks
//   it, has another or is damaged: its tensor is compared before a byte is delivered, and once;
// - those of the source.
class Reader {
 public:
  // Opens an archive. The reader keeps the source. Errors: kNotAnArchive, kTruncated, kChecksum,
  // kMalformed, kUnsupported, kUnsafePath, kLimit; those of the source; kInvalidArgument if the
  // source is not seekable.
  static Result<Reader> open(std::shared_ptr<io::Source> source, const ReadOptions& options = {});
  // Opens the archive in a file, as io::open_file() does. Errors: those of io::open_file() and of
  // the other open().
  static Result<Reader> open(const std::string& path, const ReadOptions& options = {});

  // Takes the archive of another reader. What catalog(), root() and source() returned stays valid.
  Reader(Reader&& other) noexcept;
  // Closes this archive, and takes that of another reader, as the constructor does.
  Reader& operator=(Reader&& other) noexcept;
  ~Reader();

  // Returns the catalog of the archive, which lives as long as the reader, or the one it was moved
  // to.
  const catalog::Catalog& catalog() const;
  // Returns the root digest, which was computed from the index. If the trailer was read, it has the
  // same digest.
  const Digest& root() const;
  // Returns the length of the archive in bytes.
  std::uint64_t archive_bytes() const;
  // Returns the source, which lives as long as the reader.
  const io::Source& source() const;

  // Returns the number of the tensor with this name, in the file with this number or, without one,
  // in any file. Operands are not found. Takes time linear in the number of tensors: to look up
  // many names, make a map of catalog().tensors. Errors: kNotFound; kInvalidArgument if several
  // files have such a tensor, or if there is no file with this number.
  Result<std::uint32_t> find_tensor(std::string_view name,
                                    std::optional<std::uint32_t> file = std::nullopt) const;
  // Returns the number of the tensor with this name in the files for which `selects` returns true,
  // as find_tensor() does. Errors: those of find_tensor().
  Result<std::uint32_t> find_tensor_in(
      std::string_view name, const std::function<bool(const catalog::File&)>& selects) const;
  // Returns the number of the file or empty directory with this path. Takes time linear in the
  // number of files. Errors: kNotFound.
  Result<std::uint32_t> find_file(std::string_view path) const;

  // Decodes a whole tensor. `out` must have exactly its byte_size.
  Status read_tensor(std::uint32_t tensor, MutableBytes out) const;
  // Decodes bytes [offset, offset + out.size()) of a tensor. If `out` is empty, only checks that
  // the tensor's form can be decoded.
  Status read_bytes(std::uint32_t tensor, std::uint64_t offset, MutableBytes out) const;
  // Updates a tensor in place: `bytes` has its whole support, the tensor of the base on which it leans,
  // and gets the tensor. That is compared with its digest first, and ReadOptions::base is not used. A
  // tensor that does not lean is read as by read_tensor(), whatever `bytes` had. Errors: also
  // kDigestMismatch if `bytes` is another support, and then they are as before; after other errors they
  // are unspecified.
  Status update_tensor(std::uint32_t tensor, MutableBytes bytes) const;
  // Adds the files of ReadOptions::base that were opened so far as inputs of a sink. To be called when all
  // is read, before the sink is finished. Errors: those of Base::add_inputs().
  Status add_base_inputs(io::Sink& sink) const;
  // Finds the support of a tensor in ReadOptions::base, and compares its digest. Succeeds if the tensor
  // does not lean.
  Status check_support(std::uint32_t tensor) const;
  // Compares `bytes` with the digest of the support of a tensor, as update_tensor() does, and changes
  // nothing. Succeeds for any bytes if the tensor does not lean. Errors: kInvalidArgument if they are not
  // byte_size; kDigestMismatch.
  Status check_support(std::uint32_t tensor, Bytes bytes) const;
  // Decodes rows [first, first + count) along the outermost axis; a tensor of rank 0 has one row.
  // `out` must have exactly their size. Rows of elements smaller than a byte are rounded outwards
  // to whole bytes, as catalog::row_bytes() does.
  Status read_rows(std::uint32_t tensor, std::uint64_t first, std::uint64_t count,
                   MutableBytes out) const;
  // Decodes elements [first, first + count), in row-major order. `out` must have exactly their
  // size. The range must begin and end at whole bytes.
  Status read_elements(std::uint32_t tensor, std::uint64_t first, std::uint64_t count,
                       MutableBytes out) const;
  // Decodes bytes [offset, offset + out.size()) of a file. Errors: also those of
  // catalog::check_file().
  Status read_file(std::uint32_t file, std::uint64_t offset, MutableBytes out) const;
  // Decodes parts of tensors with all threads, in any order: each chunk directly into the memory of
  // its part, if that has all of it. The memories must not overlap. Calls `decoded`, if it is set, on
  // the calling thread with the number of bytes decoded so far. After an error, some parts may be
  // decoded. Errors: those of read_bytes(), found before anything is read if a number or a range does
  // not exist.
  Status read_parts(std::span<const ReadPart> parts,
                    const std::function<void(std::uint64_t)>& decoded = {}) const;
  // Reads the value of an entry of this archive's metadata, which is UTF-8. Errors: also
  // kUnsupported if a required extension of it is not known.
  Result<std::string> read_metadata(const catalog::Metadata& metadata) const;
  // Gives the source a prefetch hint for these values, in this order. See io::Source::prefetch().
  // The reader must outlive the result. The methods that read give hints by themselves.
  std::unique_ptr<io::Prefetch> prefetch(std::span<const catalog::Metadata> metadata) const;
  // Gives the source a prefetch hint for these chunks, for a caller who reads them one by one.
  std::unique_ptr<io::Prefetch> prefetch(std::span<const catalog::Chunk> chunks) const;
  // Reads the payload of a group of this archive and checks it. Does not decode it.
  Result<std::vector<std::byte>> read_payload(const catalog::Group& group) const;

  // Decodes whole tensors into an output. Chunks are decoded and placed on several threads, in any
  // order. `sink` must be able to place and must have reserved the ranges of all tensors, which
  // must not overlap. Calls `placed`, if it is set, on the calling thread with the number of bytes
  // placed so far. After an error, a part of the tensors may be placed. Errors: also those of
  // sink.place().
  Status place_tensors(std::span<const Placement> placements, io::Sink& sink,
                       const std::function<void(std::uint64_t)>& placed = {}) const;

  // Appends whole tensors to an output, one after the other, with all threads. If the sink can
  // place, each thread writes what it has decoded; otherwise the calling thread writes in order.
  // Calls `written`, if it is set, on the calling thread with the number of bytes written so far.
  // Errors: also those of the sink.
  Status write_tensors(std::span<const std::uint32_t> tensors, io::Sink& sink,
                       const std::function<void(std::uint64_t)>& written = {}) const;

  // Calls the visitor for these tensors, in this order. Errors: also those of the visitor.
  Status visit_tensors(std::span<const std::uint32_t> tensors, Visitor& visitor) const;
  // Calls the visitor for these files and their tensors, in this order. Errors: also those of the
  // visitor, and those of catalog::check_file().
  Status visit_files(std::span<const std::uint32_t> files, Visitor& visitor) const;
  // Calls the visitor for all files, in archive order. Errors: those of visit_files().
  Status visit_all(Visitor& visitor) const;

 private:
  Status check_range(std::uint32_t tensor, std::uint64_t offset, std::uint64_t size) const;
  struct State;
  class Placer;
  explicit Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Returns a base of the tensors of an archive, which is called `name` in messages. What leans in that
// archive is read as the reader's own base allows.
std::shared_ptr<Base> base_of(std::shared_ptr<const Reader> reader, std::string name);

}  // namespace bbz
