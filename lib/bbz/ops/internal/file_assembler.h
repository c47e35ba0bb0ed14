// FileAssembler: puts the bytes of one file together. Internal to the room.
#pragma once

#include "bbz/archive/visitor.h"
#include "bbz/io/sink.h"

namespace bbz::ops {

// Takes the bytes of a file's tensors as a visitor gets them from a stream. That they are right is
// what the checksums of the chunks and the tiling of the file have proved: see
// format-spec/records.md.
class FileAssembler {
 public:
  // `sink` must outlive the assembler.
  explicit FileAssembler(io::Sink& sink) : sink_(sink), begin_(sink.written()) {}

  // Errors: those of the sink; kUnsupported for bytes out of order where the sink cannot patch.
  Status put(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes);
  // Checks that the file is as long as the archive says. Errors: kMalformed.
  Status end(const catalog::File& file);

 private:
  io::Sink& sink_;
  std::uint64_t begin_;  // of the file in the sink
};

}  // namespace bbz::ops
