// Writer: writes an archive of files and tensors in one pass.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bbz/codec/codec.h"
#include "bbz/format/catalog/catalog.h"
#include "bbz/io/sink.h"
#include "bbz/io/source.h"

namespace bbz {

// Options of a Writer.
struct WriteOptions {
  DigestKind digest = DigestKind::kXxh3_128;    // kSha256 also adds digests to records
  codec::Level level = codec::Level::kDefault;  // how much time encoding may take
  // The approximate decoded size of a chunk. At most Limits::chunk_bytes and codec::kMaxChunkBytes.
  std::uint64_t chunk_bytes = std::uint64_t{1} << 20;
  unsigned threads = 0;  // threads that encode; 0 means all cores
  // The payload size of an index at the front, from FrontIndexMeter. If it is set, the archive has
  // such an index, and the sink must be able to patch.
  std::optional<std::uint64_t> front_index_bytes;
  Limits limits;  // what exceeds them is refused
};

// Describes a tensor, or bytes of a file that are not a tensor. The members from `offset` on are
// for the symmetry coder (format-spec/records.md); a dense tensor in file order needs none of them.
struct TensorSpec {
  catalog::TensorKind kind = catalog::TensorKind::kTensor;  // a tensor, or other bytes of a file
  std::string name;                                         // UTF-8; empty for bytes
  DType dtype = DType::kU8;                                 // type of its elements
  Shape shape;                                              // extents in elements
  std::optional<std::uint32_t> layer;                       // layer of a model, if it has one

  std::optional<std::uint64_t> offset;           // in the file; by default after the tensor before
  bool operand = false;                          // belongs to no file
  catalog::Form form = catalog::Form::kDense;    // form in which it is stored
  std::optional<std::uint32_t> group;            // number of the group that it needs
  std::optional<std::uint64_t> stored_elements;  // required if the form is not dense

  // Returns the spec of `size` bytes of a file that are not a tensor.
  static TensorSpec bytes(std::uint64_t size);
};

// Writes one archive to a sink. It consists of files, and tensors without gaps cover each file. The
// bytes of a tensor come in pieces of any size.
//
//   begin_file  { begin_tensor  write*  end_tensor }*  end_file      ... finish
//
// Chunks are encoded on several threads and written in order. Memory holds a few chunks for each
// thread, and the catalog. The archive does not depend on the number of threads. Not thread-safe.
//
// Errors of all methods:
// - kInvalidArgument for calls out of order, and for names and ranks of tensors beyond the limits;
// - kMalformed, kUnsupported, kUnsafePath, kLimit for other values that the format or the limits do
//   not allow;
// - those of the sink.
// After an error, later calls return that error. An error of the sink or of a chunk may come late,
// because records are queued.
class Writer {
 public:
  // Makes a writer and writes the file header. `sink` must outlive the writer. Errors: also
  // kInvalidArgument if options.chunk_bytes is out of range, or if there is to be an index at the
  // front and the sink cannot patch.
  static Result<std::unique_ptr<Writer>> create(io::Sink& sink, const WriteOptions& options);
  // Waits for the threads. If finish() was not called, the archive is incomplete.
  ~Writer();

  // Begins a file. `path` must be safe (see check_safe_path()), and no file may be open.
  Status begin_file(std::string_view path, catalog::FileKind kind = catalog::FileKind::kRegular);
  // Ends the open file. No tensor may be open.
  Status end_file();

  // Adds a key and a UTF-8 value to the metadata of the open file or, if none is open, of the
  // archive.
  Status add_metadata(std::string_view key, std::string_view value);

  // Adds the payload of a symmetry group and returns the number of the group.
  Result<std::uint32_t> add_group(catalog::GroupMethod method, Bytes payload);

  // Begins a tensor. No other may be open, and a file must be open unless spec.operand is set.
  Status begin_tensor(const TensorSpec& spec);
  // Appends bytes to the open tensor, in row-major order and little-endian. Errors: also
  // kInvalidArgument if the tensor has fewer bytes.
  Status write(Bytes bytes);
  // Returns the free memory of the current chunk, for the next bytes of the tensor. It is valid
  // until the next call, and is empty if the tensor is complete. Unlike write(), this copies no
  // bytes.
  Result<MutableBytes> reserve();
  // Appends the first `size` bytes of the memory that reserve() returned.
  Status commit(std::size_t size);
  // Appends bytes from `offset` of a source up to the end of the current chunk. Returns their
  // number, which is 0 if the tensor is complete. The bytes of a seekable source may be read later,
  // on another thread; then a later call returns its errors. Errors: also those of the source;
  // kTruncated.
  Result<std::uint64_t> write_from(const std::shared_ptr<io::Source>& source, std::uint64_t offset);
  // Writes a whole chunk that the caller has encoded. `plain` is all of its bytes, and `payload` is
  // the result of encoding them with `codec`, which is not checked. Errors: also kInvalidArgument
  // if a byte of the current chunk was written before, if `plain` has another size than the chunk,
  // or if `payload` is longer than `plain`.
  Status write_coded(Bytes plain, std::uint16_t codec, Bytes payload);
  // Ends the open tensor. Errors: also kInvalidArgument, with the number of missing bytes, if the
  // tensor is not complete.
  Status end_tensor();

  // Waits until the sink has all complete chunks and other records so far. Afterwards the writer
  // does not use any source.
  Status drain();

  // Writes the index and the trailer, and returns the root digest. Does not finish the sink. No
  // file may be open, and no other call but catalog() may follow.
  Result<Digest> finish();

  // Returns the catalog of the records that were written so far. It is complete after finish().
  const catalog::Catalog& catalog() const;

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Returns the meta that a Writer with this size of chunks writes for a tensor, without its numbers
// and its offset. Errors: kInvalidArgument if the dtype is unknown; kMalformed if the number of
// elements exceeds 64 bits.
Result<catalog::TensorMeta> tensor_meta(const TensorSpec& spec, std::uint64_t chunk_bytes);

}  // namespace bbz
