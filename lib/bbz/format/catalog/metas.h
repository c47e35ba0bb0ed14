// The metas of the records: a struct, an encoder and a decoder for each type.
// format-spec/records.md defines the fields.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bbz/base/hash.h"
#include "bbz/base/shape.h"
#include "bbz/format/catalog/form.h"
#include "bbz/format/container/record.h"

namespace bbz::catalog {

// Means "none" in a field that numbers a file, layer or group.
inline constexpr std::uint32_t kNone = 0xFFFFFFFF;

// The kind of a file record.
enum class FileKind : std::uint8_t { kRegular = 0, kDirectory = 1 };

// The meta of a file record, which opens a file.
struct FileMeta {
  std::uint32_t number = 0;            // of the file, from 0 in archive order
  FileKind kind = FileKind::kRegular;  // a directory has no tensors
  std::string path;                    // relative and safe (check_safe_path)
};

// The meta of a file end record, which closes a file.
struct FileEndMeta {
  std::uint32_t number = 0;        // of the file that ends
  std::uint32_t tensor_count = 0;  // tensors that cover the file; operands do not count
  std::uint64_t size = 0;          // bytes
  std::optional<Digest> digest;    // SHA-256 of the file's bytes, if the writer stored it
};

// Tells a tensor from plain bytes of a file, such as its header.
enum class TensorKind : std::uint8_t { kBytes = 0, kTensor = 1 };

// The meta of a tensor record. The tensor's chunk records follow it.
struct TensorMeta {
  std::uint32_t number = 0;              // of the tensor, from 0 in archive order
  std::uint32_t file = kNone;            // number of its file; kNone for an operand
  std::uint64_t offset = 0;              // in the file, bytes
  TensorKind kind = TensorKind::kBytes;  // plain bytes have dtype kU8, one axis and no name
  DType dtype{};                         // may be unknown: see find_dtype()
  std::uint8_t element_bits = 8;         // bits of one element, at least 1
  Form form = Form::kDense;              // how the elements follow from the chunks
  std::uint32_t layer = kNone;           // layer of the model, if the tensor belongs to one
  std::uint32_t group = kNone;           // number of the group that the form needs, if any
  std::uint64_t stored_elements = 0;     // in all chunks
  std::uint64_t chunk_elements = 1;      // in each chunk but the last, which may have fewer
  Shape shape;                           // extents in elements, outermost first; empty for a scalar
  std::string name;                      // UTF-8
};

// The meta of a chunk record.
struct ChunkMeta {
  std::uint32_t tensor = 0;            // number of its tensor
  std::uint32_t number = 0;            // of the chunk, from 0 in its tensor
  std::uint64_t first_element = 0;     // index among the tensor's stored elements
  std::uint32_t element_count = 0;     // stored elements in the chunk
  std::uint16_t codec = 0;             // a codec::CodecId; may be unknown
  std::uint64_t decoded_checksum = 0;  // XXH3-64 of the decoded bytes
  // SHA-256 of the decoded bytes, if that is the archive's digest kind.
  std::optional<Digest> decoded_digest;
};

// The meta of a metadata record. Without a file, the value belongs to the whole archive.
struct MetadataMeta {
  std::uint32_t file = kNone;  // number of the file that it describes, if any
  std::string key;             // UTF-8 of 1 to 255 bytes
  // SHA-256 of the payload, if that is the archive's digest kind.
  std::optional<Digest> payload_digest;
};

// The meta of a group record.
struct GroupMeta {
  std::uint32_t number = 0;  // of the group, from 0 in archive order
  GroupMethod method{};      // how it rebuilds tensors
  // SHA-256 of the payload, if that is the archive's digest kind.
  std::optional<Digest> payload_digest;
};

// Appends the encoded meta of a file record to `out`. No encode_meta() checks values.
void encode_meta(const FileMeta& meta, std::vector<std::byte>& out);
// Appends the encoded meta of a file end record to `out`.
void encode_meta(const FileEndMeta& meta, std::vector<std::byte>& out);
// Appends the encoded meta of a tensor record to `out`.
void encode_meta(const TensorMeta& meta, std::vector<std::byte>& out);
// Appends the encoded meta of a chunk record to `out`.
void encode_meta(const ChunkMeta& meta, std::vector<std::byte>& out);
// Appends the encoded meta of a metadata record to `out`.
void encode_meta(const MetadataMeta& meta, std::vector<std::byte>& out);
// Appends the encoded meta of a group record to `out`.
void encode_meta(const GroupMeta& meta, std::vector<std::byte>& out);

// Decodes the meta of a file record, which must be consumed exactly. Checks the rules for a single
// meta; CatalogBuilder checks that records fit together. Precondition: the record has the type.
// Errors, with the record's offset: kMalformed; kUnsupported if the kind is unknown; kUnsafePath;
// kLimit if the path is too long.
Result<FileMeta> decode_file(const container::RecordView& record, const Limits& limits);
// Decodes the meta of a file end record in the same way. Errors: kMalformed.
Result<FileEndMeta> decode_file_end(const container::RecordView& record);
// Decodes the meta of a tensor record in the same way. An unknown dtype or form is no error.
// Errors: kMalformed; kUnsupported if the kind is unknown; kLimit if the rank or the name is too
// long.
Result<TensorMeta> decode_tensor(const container::RecordView& record, const Limits& limits);
// Decodes the meta of a chunk record in the same way. `kind` is that of the file header, here and
// below. Errors: kMalformed.
Result<ChunkMeta> decode_chunk(const container::RecordView& record, DigestKind kind);
// Decodes the meta of a metadata record in the same way. Errors: kMalformed.
Result<MetadataMeta> decode_metadata(const container::RecordView& record, DigestKind kind);
// Decodes the meta of a group record in the same way. Errors: kMalformed.
Result<GroupMeta> decode_group(const container::RecordView& record, DigestKind kind);

// The offset of the codec in a chunk's meta, in bytes. The root digest counts the codec as 0.
inline constexpr std::size_t kChunkCodecOffset = 0;

}  // namespace bbz::catalog
