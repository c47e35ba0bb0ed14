// Catalog: the contents of an archive, as the heads and metas of its records list them. No payload
// is read for it.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bbz/format/catalog/metas.h"
#include "bbz/format/container/header.h"
#include "bbz/io/byte_range.h"

namespace bbz::catalog {

// A file or directory in the archive. Its number is its index in Catalog::files.
struct File {
  std::string path;                    // relative and safe (check_safe_path)
  FileKind kind = FileKind::kRegular;  // a directory has no tensors
  std::uint64_t size = 0;              // bytes
  std::optional<Digest> digest;        // SHA-256 of the file's bytes, if the archive has it
  // The extensions of its two records. If one is required and not known, the file must not be
  // unpacked, but its tensors can be read: see check_file().
  container::FileExtensions extensions{};
  // Numbers of the tensors that cover the file without hole or overlap, in order of offset.
  std::vector<std::uint32_t> tensors;
  // Numbers of the views of these, in archive order.
  std::vector<std::uint32_t> views{};

  // Returns its permissions and its modification time, as far as the archive records them.
  const io::FileAttributes& attributes() const { return extensions.attributes; }
};

// A tensor, or the plain bytes between tensors (TensorKind::kBytes). Its number is its index in
// Catalog::tensors.
struct Tensor {
  TensorMeta meta;                 // what its record says, or what follows
  std::uint64_t byte_size = 0;     // in the file, decoded
  std::uint64_t first_chunk = 0;   // its chunks are [first_chunk, first_chunk + chunk_count)
  std::uint64_t chunk_count = 0;   // 0 if it stores no elements
  std::uint64_t stored_bytes = 0;  // sum of the payloads of its chunks, but of those that repeat
  bool repeats = false;            // a chunk of it repeats another
  // What an element is, if its dtype is kBlock. Null for other dtypes, and in what was salvaged of a
  // damaged archive also for kBlock.
  SharedBlockType block{};

  // Returns whether the tensor belongs to no file: it only serves to rebuild other tensors.
  bool is_operand() const { return meta.is_operand(); }
};

// The place of a payload in the archive.
struct Payload {
  std::uint64_t offset = 0;       // in the archive
  std::uint64_t length = 0;       // bytes
  std::uint32_t head_length = 0;  // from the beginning of its record to the payload, bytes
  std::uint32_t pad_length = 0;   // of these, bytes of the pad
  // The check32 of the payload. nullopt if the record was listed by an index, which does not have
  // it: it is in the archive then, at check_offset().
  std::optional<std::uint32_t> check;

  // Returns the offset of the payload's check in the archive.
  std::uint64_t check_offset() const { return offset - pad_length - container::kCheckSize; }
  // Returns the whole record: its head, its pad and its payload.
  io::ByteRange record() const { return {offset - head_length, head_length + length}; }
};
// Returns whether chunks of a codec are decoded with the bytes of a base.
bool needs_base(codec::CodecId codec);
// Returns whether a chunk of a tensor is decoded onto bytes of a base. The codec of one that is not may
// need them all the same: decoding it fails.
bool leans(const TensorMeta& tensor, const ChunkMeta& chunk);
// Returns the place of a record's payload.
Payload payload_of(const container::RecordView& record);

// A chunk of a tensor's stored elements.
struct Chunk {
  ChunkMeta meta;                   // what its record, or that of the tensor, says of it
  std::uint64_t first_element = 0;  // index among the tensor's stored elements
  std::uint64_t element_count = 0;  // stored elements in the chunk
  std::uint64_t decoded_bytes = 0;  // size after decoding
  Payload payload;                  // the encoded bytes, at most decoded_bytes
  // The index in Catalog::chunks of the chunk that it repeats, if its record has codec same. Its codec
  // and its payload are those of that chunk then, so that it is read and decoded like any other.
  std::optional<std::uint32_t> same_as{};
};
// Returns the chunk of a tensor with this meta, all but its payload. Precondition: the tensor has
// the chunk.
Chunk chunk_of(const TensorMeta& tensor, ChunkMeta meta);

// A metadata value, which is UTF-8 text, of a file or of the whole archive.
struct Metadata {
  MetadataMeta meta;  // fields of its record
  Payload payload;    // the value
};

// A group of tensors that are rebuilt together by the symmetry coder. Its number is its index in
// Catalog::groups.
struct Group {
  GroupMeta meta;                    // fields of its record
  Payload payload;                   // data of the group, laid out as its method defines
  std::uint32_t first_tensor = 0;    // number of the first tensor record after it
  std::uint32_t first_user = kNone;  // the first tensor that refers to it, if any
};

// The contents in archive order. CatalogBuilder builds it and checks that it is consistent.
struct Catalog {
  container::FileHeader header;                // fields of the file header
  std::vector<File> files;                     // files and empty directories, by number
  std::vector<Tensor> tensors;                 // tensors, plain bytes and operands, by number
  std::vector<Chunk> chunks;                   // of all tensors, each tensor's in one run
  std::vector<Metadata> metadata;              // of all files and of the archive
  std::vector<Group> groups;                   // by number
  std::vector<PrivateNameMeta> private_names;  // in archive order
  std::vector<BlockTypeMeta> block_types;      // by number
  std::vector<BaseMeta> bases;                 // by number
  std::uint64_t unpacked_bytes = 0;            // all files together
  std::uint64_t viewed_bytes = 0;              // all views together, which no file has twice
  std::uint64_t stored_bytes = 0;              // all payloads together

  // Returns the chunks of a tensor of this catalog; the span is valid while `chunks` is unchanged.
  std::span<const Chunk> chunks_of(const Tensor& tensor) const {
    return std::span(chunks).subspan(tensor.first_chunk, tensor.chunk_count);
  }
  // Returns the file with this path, or nullptr. Takes time linear in the number of files.
  const File* find_file(std::string_view path) const;
  // Returns the numbers of all tensors with this name, in ascending order: tensors of different
  // files may share a name. Plain bytes are left out. Takes time linear in the number of tensors.
  std::vector<std::uint32_t> find_tensors(std::string_view name) const;
};

// Returns the shape of a tensor of a catalog in values: that of its elements, unless these are
// blocks.
Shape shape_in_values(const Tensor& tensor);

// Returns the shape of the elements that the chunks of a tensor store: its own if they store all, its
// own without the pivots, or nullopt if they store no array.
std::optional<Shape> stored_shape(const TensorMeta& tensor);

// Makes the error about a name that tensors of several files have where one tensor is wanted.
Error ambiguous_tensor(std::string_view name);

// The most bytes of all views of an archive together.
inline constexpr std::uint64_t kMostViewedBytes = std::uint64_t{1} << 50;

// Returns the end of the bytes that a view has in its base, of the view's `size` bytes; of a view
// without elements, its offset. Returns nullopt if it exceeds 64 bits.
std::optional<std::uint64_t> end_in_base(const TensorMeta& view, std::uint64_t size);

// Returns the bytes of rows [first, last) of a tensor of a catalog, along its outermost axis; a
// tensor of rank 0 has one row. Rows of elements smaller than a byte are rounded outwards to whole
// bytes. Errors: kInvalidArgument for rows that do not exist.
Result<io::ByteRange> row_bytes(const Tensor& tensor, std::uint64_t first, std::uint64_t last);

// Checks that a file may be unpacked. Errors: kUnsupported if an extension is required that this
// version does not know.
Status check_file(const File& file);

}  // namespace bbz::catalog
