// Visitor: receives the content of an archive in order, from Reader or read_stream().
#pragma once

#include "bbz/format/catalog/catalog.h"

namespace bbz {

// Receives calls on the thread that started the visit, in this order:
//
//   begin_archive  { begin_file  { metadata | begin_tensor  data*  end_tensor }*  end_file }*
//
// Operands, metadata of the archive, and the tensors of Reader::visit_tensors() come without the
// calls for a file. Only read_stream() passes metadata; Reader::read_metadata() returns it
// otherwise. Arguments live until the call returns. If a call returns an error, the visit ends with
// it. By default, calls do nothing, and damaged() and not_derived() return their error.
class Visitor {
 public:
  virtual ~Visitor() = default;

  // Begins the visit.
  virtual Status begin_archive(const container::FileHeader& header) {
    return (void)header, Status();
  }
  // Receives an entry of the metadata and its value, which is UTF-8.
  virtual Status metadata(const catalog::Metadata& metadata, std::string_view value) {
    return (void)metadata, (void)value, Status();
  }

  // Reports an entry of the metadata whose value cannot be understood, because a required extension
  // of it is not known. The visit continues if it returns success, as it does by default.
  virtual Status metadata_unknown(const catalog::Metadata& metadata, const Error& error) {
    return (void)metadata, (void)error, Status();
  }

  // Begins a file. In a stream, its size, digest and tensors are not known yet.
  virtual Status begin_file(const catalog::File& file) { return (void)file, Status(); }
  // Begins a tensor.
  virtual Status begin_tensor(const catalog::Tensor& tensor) { return (void)tensor, Status(); }

  // Receives decoded and checked bytes of the tensor, the first of which is byte `offset` of it.
  // Calls come in the order of offsets.
  virtual Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) {
    return (void)tensor, (void)offset, (void)bytes, Status();
  }
  // Asks for bytes that data() passed before: a chunk repeats them, or a view has them, and the
  // archive is a stream, in which nobody can go back. Fills all of `bytes` with those of `tensor`
  // from byte `offset` on and returns true. Returns false if nobody wants the chunk or the view,
  // which data() does not pass then. The bytes of a chunk are checked before data() passes them.
  // Those of a view are not, because it has no checksum: they must be what data() passed before.
  // By default, returns kUnsupported.
  virtual Result<bool> recall(const catalog::Tensor& tensor, std::uint64_t offset,
                              MutableBytes bytes);

  // Ends a tensor.
  virtual Status end_tensor(const catalog::Tensor& tensor) { return (void)tensor, Status(); }
  // Ends a file, whose entry is complete now.
  virtual Status end_file(const catalog::File& file) { return (void)file, Status(); }

  // Reports a chunk that could not be read or decoded. If it returns success, the chunk is skipped
  // and the visit continues.
  virtual Status damaged(const catalog::Tensor& tensor, const catalog::Chunk& chunk,
                         const Error& error) {
    return (void)tensor, (void)chunk, error;
  }
  // Reports a tensor without chunks that cannot be derived, because its group, its base or its
  // record is damaged or unsupported. If it returns success, the tensor is skipped, without a call of data(),
  // and the visit continues.
  virtual Status not_derived(const catalog::Tensor& tensor, const Error& error) {
    return (void)tensor, error;
  }
};

}  // namespace bbz
