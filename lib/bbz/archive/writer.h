// Writer: writes an archive of files and tensors in one pass.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>

#include "bbz/archive/tensor_spec.h"
#include "bbz/base/threads.h"
#include "bbz/codec/codec.h"
#include "bbz/format/catalog/catalog.h"
#include "bbz/io/sink.h"
#include "bbz/io/source.h"

namespace bbz {

// Options of a Writer.
struct WriteOptions {
  DigestKind digest = DigestKind::kXxh3_128;    // kSha256 also adds digests to records
  codec::Level level = codec::Level::kDefault;  // how much time encoding may take
  // Whether chunks that repeat earlier ones are stored as references to them, up to the first group.
  bool dedup = true;
  // The approximate decoded size of a chunk. At most Limits::chunk_bytes and codec::kMaxChunkBytes.
  std::uint64_t chunk_bytes = std::uint64_t{1} << 20;
  // The payloads of chunks of so many bytes and more begin at multiples of it in the archive, so that
  // they can be mapped into memory: a power of two from 16 bytes to 2 MiB, or 0 for none.
  std::uint64_t alignment = 0;
  // The id of the archive. If it is not given, it is derived from the options and the first records:
  // up to the first chunk, or some 64 KiB, which are held back until then.
  std::optional<std::uint64_t> id{};
  unsigned threads = kAllCores;  // the number of threads that encode
  Limits limits;                 // what exceeds them is refused
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
// - kInvalidArgument for calls out of order, and for text that is not UTF-8; for a tensor that leans,
//   also if the digest of its support is of another kind than that of the archive;
// - kLimit for what exceeds a limit: a path or a name, a rank, a size;
// - kMalformed, kUnsupported, kUnsafePath for other values that the format does not allow;
// - those of the sink.
// After an error, later calls return that error. An error of the sink or of a chunk may come late,
// because records are queued.
//
// A Writer can be moved. One that was moved from can only be destroyed or assigned to.
class Writer {
 public:
  // Makes a writer. `sink` must outlive it. The file header is written when the archive's id is
  // known. Errors: also kInvalidArgument if options.chunk_bytes or options.alignment is out of
  // range.
  static Result<Writer> create(io::Sink& sink, const WriteOptions& options = {});
  // Makes a writer that writes nothing, to measure an index at the front. It takes the calls that
  // will write the archive, without the data: write_from() does not read its source, which may be
  // null, and write() does not look at its bytes. Names and shapes determine the size of the index.
  // Errors: those of create().
  static Result<Writer> measure(const WriteOptions& options = {});
  // Makes a writer of an archive that has an index at the front as well. `measuring` comes from
  // measure(), and must have taken all calls up to finish() that the new writer will take. Its
  // options apply. Errors: those of create() and of `measuring`; kInvalidArgument if a file is
  // still open in `measuring`, or if the sink cannot patch. If the new writer takes other calls,
  // finish() returns kInternal.
  static Result<Writer> create_index_first(io::Sink& sink, Writer measuring);
  // Takes the archive of another writer.
  Writer(Writer&& other) noexcept;
  // Ends this writer as its destructor does, and takes the archive of another one.
  Writer& operator=(Writer&& other) noexcept;
  // Waits for the threads. If finish() was not called, the archive is incomplete.
  ~Writer();

  // Returns the options that the writer was made with.
  const WriteOptions& options() const;
  // Returns whether it comes from measure().
  bool measures() const;

  // Begins a file. `path` must be safe (see check_safe_path()), and no file may be open. Records
  // its permissions and its modification time as far as `attributes` has them.
  Status begin_file(std::string_view path, catalog::FileKind kind = catalog::FileKind::kRegular,
                    const io::FileAttributes& attributes = {});
  // Ends the open file. No tensor may be open.
  Status end_file();

  // Adds a key and a UTF-8 value to the metadata of the open file or, if none is open, of the
  // archive.
  Status add_metadata(std::string_view key, std::string_view value);

  // Adds the payload of a symmetry group and returns the number of the group.
  Result<std::uint32_t> add_group(catalog::GroupMethod method, Bytes payload);

  // Adds a base and returns its number. `base` need not state one. Errors: also kInvalidArgument if the
  // hint is not UTF-8.
  Result<std::uint32_t> add_base(const catalog::BaseMeta& base);

  // Begins a tensor. No other may be open, and a file must be open unless it is an operand.
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
  // the result of encoding them with `codec`, whose number is below 256, which is not checked. Errors: also kInvalidArgument
  // if a byte of the current chunk was written before, if `plain` has another size than the chunk,
  // or if `payload` is longer than `plain`.
  Status write_coded(Bytes plain, codec::CodecId codec, Bytes payload);
  // Ends the open tensor. Errors: also kInvalidArgument, with the number of missing bytes, if the
  // tensor is not complete.
  Status end_tensor();

  // Waits until the sink has all complete chunks and other records so far, but for records that are
  // held back until the id is known. Afterwards the writer does not use any source.
  Status drain();

  // Writes the index and the trailer, and returns the root digest. Does not finish the sink. No
  // file may be open, and no other call but catalog() and options() may follow.
  Result<Digest> finish();

  // Returns the catalog of the records that were written so far. It is complete after finish().
  const catalog::Catalog& catalog() const;

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);

  static Result<Writer> begin(const WriteOptions& options, io::Sink* sink,
                              std::optional<std::uint64_t> front_index_bytes);
  Status check_begin(const TensorSpec& spec) const;
  // Returns an earlier error, or calls `body` and keeps its error for later calls.
  template <class Body>
  std::invoke_result_t<Body> guarded(const Body& body);

  std::unique_ptr<State> state_;
};

}  // namespace bbz
