// FileAssembler: assembles one file from the bytes of its tensors.
#pragma once

#include "bbz/archive/visitor.h"
#include "bbz/io/sink.h"

namespace bbz::ops {

// Takes the bytes of a file's tensors as a visitor gets them from a stream. The checksums of the
// chunks and the tiling of the file prove that they are correct: see format-spec/records.md.
class FileAssembler {
 public:
  // Begins a file at the end of `sink`, which must outlive the assembler.
  explicit FileAssembler(io::Sink& sink) : sink_(sink), begin_(sink.written()) {}

  // Writes bytes that begin at `offset` of a tensor. Errors: those of the sink; kUnsupported for
  // bytes out of order if the sink cannot patch.
  Status put(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes);
  // Checks that the file has the length that the archive says. Errors: kMalformed; those of
  // catalog::check_file().
  Status end(const catalog::File& file);

 private:
  io::Sink& sink_;
  std::uint64_t begin_;  // offset of the file in the sink
};

}  // namespace bbz::ops
