// Visitor: receives an archive's content in order, whatever way the archive is read.
#pragma once

#include "bbz/format/catalog/catalog.h"

namespace bbz {

// Reader and read_stream() call these on the thread that started the visit, in this order:
//
//   begin_archive  { begin_file  { metadata | begin_tensor  data*  end_tensor }*  end_file }*
//
// without the file's calls where only tensors were asked for, or for operands; metadata comes from
// read_stream() alone, for Reader can be asked for it. What is passed lives until the call returns.
// An error that a call returns ends the visit with that error.
class Visitor {
 public:
  virtual ~Visitor() = default;

  virtual Status begin_archive(const container::FileHeader& header) {
    return (void)header, Status();
  }
  virtual Status metadata(const catalog::Metadata& metadata, std::string_view value) {
    return (void)metadata, (void)value, Status();
  }

  // Size and digest of the file may not be known yet.
  virtual Status begin_file(const catalog::File& file) { return (void)file, Status(); }
  virtual Status begin_tensor(const catalog::Tensor& tensor) { return (void)tensor, Status(); }

  // Decoded and checked bytes of the tensor, from byte `offset` of it.
  virtual Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) {
    return (void)tensor, (void)offset, (void)bytes, Status();
  }
  virtual Status end_tensor(const catalog::Tensor& tensor) { return (void)tensor, Status(); }
  virtual Status end_file(const catalog::File& file) { return (void)file, Status(); }

  // A chunk that could not be read or decoded. Returning success passes it over and goes on.
  virtual Status damaged(const catalog::Tensor& tensor, const catalog::Chunk& chunk,
                         const Error& error) {
    return (void)tensor, (void)chunk, error;
  }
  // A tensor without chunks of its own that cannot be put together: what it follows from is damaged
  // or does not fit. Returning success passes it over, without a call of data(), and goes on.
  virtual Status not_derived(const catalog::Tensor& tensor, const Error& error) {
    return (void)tensor, error;
  }
};

}  // namespace bbz
