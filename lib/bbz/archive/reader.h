// Reader: an archive opened by its index, of which any part can be read.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "bbz/archive/visitor.h"
#include "bbz/format/catalog/catalog.h"
#include "bbz/io/sink.h"
#include "bbz/io/source.h"

namespace bbz {

struct ReadOptions {
  unsigned threads = 1;  // that decode; 0: all cores
  bool use_front_index =
      false;  // open by the index at the front, where there is one, and not read the end
  Limits limits;
};

// Where a tensor goes: its first byte to byte `offset` of an output.
struct Placement {
  std::uint32_t tensor = 0;
  std::uint64_t offset = 0;
};

// Opening reads the file header, the trailer and the index; reading a part reads the chunks that
// hold it and nothing else. Every method is safe to call from many threads at once. A tensor is
// named by its number in the catalog. Errors of the methods that read: kInvalidArgument for a
// number, range or size that does not exist; those of the source; kChecksum, kMalformed,
// kUnsupported with tensor, chunk and offset.
class Reader {
 public:
  // Errors: kNotAnArchive, kTruncated, kChecksum, kMalformed, kUnsupported, kLimit, those of the
  // source; kInvalidArgument for a source that cannot seek.
  static Result<std::unique_ptr<Reader>> open(std::shared_ptr<io::Source> source,
                                              const ReadOptions& options = {});
  ~Reader();

  const catalog::Catalog& catalog() const;
  // The root digest, computed from the index and found equal to the one in the trailer, where that
  // was read.
  const Digest& root() const;
  // The archive's length in bytes.
  std::uint64_t archive_bytes() const;
  // Returns the source that it was opened with, as long as the reader lives.
  const io::Source& source() const;

  // Decodes a whole tensor; `out` has exactly its byte_size.
  Status read_tensor(std::uint32_t tensor, MutableBytes out) const;
  // Decodes bytes [offset, offset + out.size()) of a tensor; of none, checks its form and limits.
  Status read_bytes(std::uint32_t tensor, std::uint64_t offset, MutableBytes out) const;
  // Decodes elements [first, first + count) in row-major order into exactly as many bytes as they
  // take; elements of less than a byte in multiples of whole bytes.
  Status read_elements(std::uint32_t tensor, std::uint64_t first, std::uint64_t count,
                       MutableBytes out) const;
  // Decodes bytes [offset, offset + out.size()) of a file.
  Status read_file(std::uint32_t file, std::uint64_t offset, MutableBytes out) const;
  Result<std::string> read_metadata(const catalog::Metadata& metadata) const;
  // Tells the source that these values will be read, in this order, as it is told by itself of the
  // chunks of what is read at once: see io::Source::announce. The reader must outlive the result.
  std::unique_ptr<io::Announcement> announce(std::span<const catalog::Metadata> metadata) const;
  // The same of chunks, for a caller who reads ranges that hold them one by one.
  std::unique_ptr<io::Announcement> announce(std::span<const catalog::Chunk> chunks) const;
  // Reads a payload of the archive and checks its checksum.
  Result<std::vector<std::byte>> read_payload(const catalog::Payload& payload) const;

  // Decodes whole tensors into an output: chunks in no order, each placed by the thread that has
  // decoded it. `sink` can place, and the places of the tensors, which do not overlap, lie within
  // what it has reserved. `placed`, where it is set, is called on the calling thread with how many
  // bytes of them are done. Errors: those of sink.place() too; what was placed before one stays.
  Status place_tensors(std::span<const Placement> placements, io::Sink& sink,
                       const std::function<void(std::uint64_t)>& placed = {}) const;

  // Calls the visitor for these tensors, or for everything of these files, in the order given.
  Status visit_tensors(std::span<const std::uint32_t> tensors, Visitor& visitor) const;
  Status visit_files(std::span<const std::uint32_t> files, Visitor& visitor) const;
  // The same for all files, in archive order.
  Status visit_all(Visitor& visitor) const;

 private:
  struct State;
  class Placer;
  explicit Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bbz
