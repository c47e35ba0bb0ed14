// FileAssembler: puts the bytes of one file together. Internal to the room.
#pragma once

#include "bbz/archive/visitor.h"
#include "bbz/io/sink.h"

namespace bbz::pack {

// Takes the bytes of a file's tensors as a visitor gets them. Bytes that come in the order of the
// file are hashed on the way, so that the file's digest can be checked.
class FileAssembler {
 public:
  // `sink` must outlive the assembler; `archive_digest` is the archive's kind: only one of SHA-256
  // has digests of files.
  FileAssembler(io::Sink& sink, DigestKind archive_digest);

  // Errors: those of the sink; kUnsupported for bytes out of order where the sink cannot patch.
  Status put(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes);
  // Checks that the file is what the archive says. Errors: kMalformed; kChecksum.
  Status end(const catalog::File& file);

 private:
  io::Sink& sink_;
  std::uint64_t begin_;  // of the file in the sink
  std::optional<Hasher> hash_;
};

}  // namespace bbz::pack
