// Writer: makes an archive out of files and tensors, in one pass.
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

struct WriteOptions {
  DigestKind digest = DigestKind::kXxh3_128;
  codec::Level level = codec::Level::kDefault;
  // Decoded, about; at most Limits::chunk_bytes and codec::kMaxChunkBytes.
  std::uint64_t chunk_bytes = std::uint64_t{1} << 20;
  unsigned threads = 0;  // that encode; 0: all cores
  // The payload size of an index at the front, as FrontIndexMeter has computed it; nothing: no such
  // index. The sink must be able to patch.
  std::optional<std::uint64_t> front_index_bytes;
  Limits limits;
};

// What begin_tensor needs to know of a tensor, or of bytes of a file that are none.
struct TensorSpec {
  catalog::TensorKind kind = catalog::TensorKind::kTensor;
  std::string name;
  DType dtype = DType::kU8;
  Shape shape;
  std::optional<std::uint32_t> layer;

  // The symmetry coder's: see format-spec/records.md. A dense tensor in file order needs none of
  // them.
  std::optional<std::uint64_t> offset;  // in the file; nothing: where the last tensor ended
  bool operand = false;                 // belongs to no file
  std::uint8_t form = catalog::kFormDense;
  std::optional<std::uint32_t> group;
  std::optional<std::uint64_t> stored_elements;  // needed for forms other than dense

  // `size` bytes of a file that are no tensor.
  static TensorSpec bytes(std::uint64_t size);
};

// Writes one archive to a sink: files, each tiled by tensors, whose bytes come in pieces of any
// size.
//
//   begin_file  { begin_tensor  write*  end_tensor }*  end_file      ... finish
//
// Chunks are encoded on several threads and written in order; memory is bounded by a few chunks a
// thread. What is written depends on the calls and the options, not on the number of threads. Not
// to be used from two threads at once. After an error every call returns that error again. What was
// written is read by Reader and read_stream().
class Writer {
 public:
  // `sink` must outlive the writer. Writes the file header.
  static Result<std::unique_ptr<Writer>> create(io::Sink& sink, const WriteOptions& options);
  ~Writer();

  // Every method returns these errors: kInvalidArgument for calls out of order, each naming its
  // cause; those of the sink; those of CatalogBuilder, for names, shapes and sizes that the format
  // does not allow.
  Status begin_file(std::string_view path, catalog::FileKind kind = catalog::FileKind::kRegular);
  Status end_file();

  // Key and UTF-8 value, of the open file or, outside of one, of the archive.
  Status add_metadata(std::string_view key, std::string_view value);

  // A symmetry group's data; returns its number.
  Result<std::uint32_t> add_group(std::uint8_t method, Bytes payload);

  Status begin_tensor(const TensorSpec& spec);
  Status write(Bytes bytes);
  // The room that is left in the current chunk, to be filled from its start and committed; empty
  // when the tensor is complete. Saves the copy that write() makes.
  Result<MutableBytes> reserve();
  Status commit(std::size_t size);
  // Takes the rest of the current chunk from `offset` of a source, and returns how many bytes that
  // is; 0 when the tensor is complete. A source that can seek may be read later, on the threads
  // that encode, whose errors come with a later call.
  Result<std::uint64_t> write_from(const std::shared_ptr<io::Source>& source, std::uint64_t offset);
  // Writes one whole chunk that the caller has coded: `plain` fills the current chunk, of which
  // nothing was written yet, and `payload` is what `codec` makes of it.
  Status write_coded(Bytes plain, std::uint16_t codec, Bytes payload);
  // Errors: kInvalidArgument if fewer bytes came than the shape says, with how many are missing.
  Status end_tensor();

  // Waits until everything that was given to the writer so far is in the sink, and no source is
  // read or kept any more.
  Status drain();

  // Writes index and trailer and returns the root digest. Nothing may follow; the sink is not
  // finished.
  Result<Digest> finish();

  // What has been written; complete after finish().
  const catalog::Catalog& catalog() const;

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The meta of a tensor as a Writer with these options writes it, but for numbers and offset.
Result<catalog::TensorMeta> tensor_meta(const TensorSpec& spec, std::uint64_t chunk_bytes);

}  // namespace bbz
