// The metas of the records: a struct, an encoder and a decoder for each type.
// format-spec/records.md defines the fields.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bbz/base/block_type.h"
#include "bbz/base/hash.h"
#include "bbz/base/shape.h"
#include "bbz/codec/codec.h"
#include "bbz/format/catalog/form.h"
#include "bbz/format/container/extensions.h"
#include "bbz/format/container/record.h"

namespace bbz::catalog {

// Means "none" in a field that numbers a file, layer or group.
inline constexpr std::uint32_t kNone = 0xFFFFFFFF;

// The check that begins the meta of a record with a payload.
struct PayloadCheck {
  std::uint64_t checksum = 0;    // XXH3-64 of the payload
  std::optional<Digest> digest;  // its SHA-256, if that is the archive's digest kind
};
// Returns the check of a payload. `kind` is that of the file header.
PayloadCheck check_of(DigestKind kind, Bytes payload);

// The extensions of a record are in `extensions` of its meta. encode_meta() writes those that this
// version knows; the caller sets kFlagExtended then.

// The kind of a file record.
enum class FileKind : std::uint8_t { kRegular = 0, kDirectory = 1 };

// The meta of a file record, which opens a file.
struct FileMeta {
  std::uint32_t number = 0;                // of the file, from 0 in archive order
  FileKind kind = FileKind::kRegular;      // a directory has no tensors
  std::string path;                        // relative and safe (check_safe_path)
  container::FileExtensions extensions{};  // of the record
};

// The meta of a file end record, which closes a file.
struct FileEndMeta {
  std::uint32_t number = 0;            // of the file that ends
  std::uint32_t tensor_count = 0;      // tensors that cover the file; operands do not count
  std::uint64_t size = 0;              // bytes
  bool ordered = true;                 // its tensors with bytes are in the order of the file
  std::optional<Digest> digest;        // SHA-256 of the file's bytes, if the writer stored it
  container::Extensions extensions{};  // of the record
};

// Tells a tensor from plain bytes of a file, such as its header.
enum class TensorKind : std::uint8_t { kBytes = 0, kTensor = 1 };

// The elements of its base that a tensor of form view has: that of index (i, j, ...) has its first
// byte at `offset` + (i * strides[0] + j * strides[1] + ...) * the bytes of an element.
struct View {
  std::uint32_t back = 0;              // its base is the tensor of a number that is so much lower
  std::uint64_t offset = 0;            // of the first element in the base, bytes
  std::vector<std::uint64_t> strides;  // in elements of the view, for each axis
};

class Pivots;  // pivots.h

// The tensor of a base on which a tensor leans: any with this name, this content, and the dtype and the
// shape of the tensor itself.
struct Support {
  std::uint32_t base = 0;  // number of the base
  std::string name;        // UTF-8
  Digest digest;           // of its bytes, of the kind in the file header
};

// What a tensor is. Its record states most of it, and the rest follows from the records before it or
// from its name.
struct TensorMeta {
  std::uint32_t number = 0;              // of the tensor, from 0 in archive order
  std::uint32_t file = kNone;            // number of its file; kNone for an operand
  std::uint64_t offset = 0;              // in the file, bytes; of a view: of its first element
  TensorKind kind = TensorKind::kBytes;  // plain bytes have dtype kU8, one axis and no name
  DType dtype{};                         // may be unknown: see find_dtype()
  std::uint32_t element_bits = 8;        // bits of one element, at least 1
  std::uint32_t block_type = kNone;      // number of the block type, if dtype is kBlock
  Form form = Form::kDense;              // how the elements follow from the chunks; may be unknown
  std::uint32_t layer = kNone;           // layer of the model, by the name of the tensor, if any
  std::uint32_t group = kNone;           // number of the group that the form needs, if any
  std::uint64_t stored_elements = 0;     // in all chunks
  std::uint64_t chunk_elements = 1;      // in each chunk but the last, which may have fewer
  Shape shape;                           // extents in elements, outermost first; empty for a scalar
  std::string name;                      // UTF-8
  container::Extensions extensions{};    // of the record
  // Of a tensor of form view, else null. CatalogBuilder checks that the base has all its elements.
  std::shared_ptr<const View> view{};
  // Of a tensor of form pivot, else null. They may not fit its shape: see symmetry::check_record().
  std::shared_ptr<const Pivots> pivots{};
  // Of a tensor that leans on one of a base, else null. Such a tensor is dense and in a file.
  std::shared_ptr<const Support> support{};

  // Returns whether the tensor belongs to no file: it only serves to rebuild other tensors.
  bool is_operand() const { return file == kNone; }
  // Returns whether the tensor is a view: it tiles no bytes of its file, but names some of them.
  bool is_view() const { return form == Form::kView; }
  // Returns whether chunks of the tensor may need the bytes of a tensor elsewhere.
  bool leans() const { return support != nullptr; }
  // Returns whether its record has extensions that encode_meta() writes.
  bool is_extended() const { return extensions.has_known() || leans(); }
  // Returns whether the tensor is one of the model: it has a name there, unlike plain bytes,
  // operands, and memory that others are views of.
  bool is_named() const {
    return kind == TensorKind::kTensor && !is_operand() && !extensions.storage;
  }
  // Returns the number of the tensor that has the elements of this one. Precondition: is_view().
  std::uint32_t base() const { return number - view->back; }
};

// How a chunk is coded, and what it decodes to.
struct ChunkMeta {
  std::uint32_t tensor = 0;            // number of its tensor
  std::uint32_t number = 0;            // of the chunk, from 0 in its tensor
  codec::CodecId codec{};              // may be unknown: see codec::find_codec()
  std::uint64_t decoded_checksum = 0;  // XXH3-64 of the decoded bytes
  // SHA-256 of the decoded bytes, if that is the archive's digest kind.
  std::optional<Digest> decoded_digest;
  // Those of its record. The record of chunk 0 is that of the tensor, which has them.
  container::Extensions extensions{};
};

// The meta of a tensor record. The tensor's further chunk records follow it.
struct TensorRecord {
  // Without `placed`, its number, its file and its offset follow from the records before it:
  // decode_tensor() gives 0, 0 (kNone for an operand) and 0, and CatalogBuilder gives the right ones.
  // The record of a view is that of an operand, and its file and offset always follow.
  TensorMeta tensor;
  bool placed = true;  // the record states number, file and offset
  bool moved = false;  // the offset is not the end of the tensor before it in the file
  // Chunk 0, whose payload the record has; nullopt for a tensor that stores no elements.
  std::optional<ChunkMeta> chunk;
};

// The meta of a metadata record. Without a file, the value belongs to the whole archive.
struct MetadataMeta {
  std::uint32_t file = kNone;          // number of the file that it describes, if any
  std::string key;                     // UTF-8 of 1 to 255 bytes
  PayloadCheck check{};                // of the value
  container::Extensions extensions{};  // of the record
};

// The meta of a group record.
struct GroupMeta {
  std::uint32_t number = 0;            // of the group, from 0 in archive order
  GroupMethod method{};                // how it rebuilds tensors
  PayloadCheck check{};                // of the payload
  container::Extensions extensions{};  // of the record
};

// A registry, whose private numbers an archive can name. The numbers are part of the format.
enum class Registry : std::uint8_t {
  kRecordType = 1,
  kDType = 2,
  kCodec = 3,
  kForm = 4,
  kMethod = 5,
  kExtension = 6,
};

// The meta of a private name record: what a private number means in the archive.
struct PrivateNameMeta {
  Registry registry{};                 // may be unknown: the record has no effect then
  std::uint64_t number = 0;            // a private one
  std::string name;                    // such as "org.example.int3"
  container::Extensions extensions{};  // of the record
};

// The meta of a block type record.
struct BlockTypeMeta {
  std::uint32_t number = 0;            // of the block type, from 0 in archive order
  SharedBlockType type;                // not null; decode_block_type() gives one that is valid
  container::Extensions extensions{};  // of the record
};

// The meta of a base record: what helps to find the tensors on which others lean.
struct BaseMeta {
  static constexpr std::size_t kMost = 1024;      // bases of an archive
  static constexpr std::size_t kMostHint = 4096;  // bytes of a hint

  std::uint32_t number = 0;            // of the base, from 0 in archive order
  std::optional<Digest> root{};        // of the base, if it was an archive
  std::string hint{};                  // the name that it had, UTF-8; may be empty
  container::Extensions extensions{};  // of the record
};

// Appends the encoded meta of a file record to `out`. No encode_meta() checks values.
void encode_meta(const FileMeta& meta, std::vector<std::byte>& out);
// Appends the encoded meta of a file end record to `out`.
void encode_meta(const FileEndMeta& meta, std::vector<std::byte>& out);
// Appends the encoded meta of a tensor record to `out`.
void encode_meta(const TensorRecord& meta, std::vector<std::byte>& out);
// Appends the encoded meta of a chunk record, which is not chunk 0, to `out`.
void encode_meta(const ChunkMeta& meta, std::vector<std::byte>& out);
// Appends the encoded meta of a metadata record to `out`.
void encode_meta(const MetadataMeta& meta, std::vector<std::byte>& out);
// Appends the encoded meta of a group record to `out`.
void encode_meta(const GroupMeta& meta, std::vector<std::byte>& out);
// Appends the encoded meta of a private name record to `out`.
void encode_meta(const PrivateNameMeta& meta, std::vector<std::byte>& out);
// Appends the encoded meta of a block type record to `out`.
void encode_meta(const BlockTypeMeta& meta, std::vector<std::byte>& out);
// Appends the encoded meta of a base record to `out`.
void encode_meta(const BaseMeta& meta, std::vector<std::byte>& out);

// Decodes the meta of a file record, which must be consumed exactly. Checks the rules for a single
// meta; CatalogBuilder checks that records fit together. Precondition: the record has the type.
// Errors, with the record's offset: kMalformed; kUnsupported if the kind is unknown; kUnsafePath;
// kLimit if the path is too long.
Result<FileMeta> decode_file(const container::RecordView& record, const Limits& limits);
// Decodes the meta of a file end record in the same way. Errors: kMalformed.
Result<FileEndMeta> decode_file_end(const container::RecordView& record);
// Decodes the meta of a tensor record in the same way. `kind` is that of the file header, here and
// below. An unknown dtype or form is no error. Errors: kMalformed; kUnsupported if a reserved bit is
// set; kLimit if the rank or the name is too long.
Result<TensorRecord> decode_tensor(const container::RecordView& record, DigestKind kind,
                                   const Limits& limits);
// Decodes the meta of a chunk record in the same way. Errors: kMalformed.
Result<ChunkMeta> decode_chunk(const container::RecordView& record, DigestKind kind);
// Decodes the meta of a metadata record in the same way. Errors: kMalformed.
Result<MetadataMeta> decode_metadata(const container::RecordView& record, DigestKind kind);
// Decodes the meta of a group record in the same way. Errors: kMalformed.
Result<GroupMeta> decode_group(const container::RecordView& record, DigestKind kind);
// Decodes the meta of a private name record in the same way. An unknown registry is no error.
// Errors: kMalformed.
Result<PrivateNameMeta> decode_private_name(const container::RecordView& record);
// Decodes the meta of a block type record in the same way. A field of an unknown dtype is no error.
// Errors: kMalformed; those of check_block_type().
Result<BlockTypeMeta> decode_block_type(const container::RecordView& record);
// Decodes the meta of a base record in the same way. Errors: kMalformed; kUnsupported if the kind of the
// root digest is unknown; kLimit if the hint is too long.
Result<BaseMeta> decode_base(const container::RecordView& record);
// Decodes the check that begins the meta of an unknown record with a payload. Errors: kMalformed.
Result<PayloadCheck> decode_check(const container::RecordView& record, DigestKind kind);

// Returns the fields of the extension *leaning* of a tensor with this name.
std::vector<std::byte> encode_support(const Support& support, std::string_view tensor);
// Reads such fields. Returns null if they are not valid. `kind` is that of the file header.
std::shared_ptr<const Support> decode_support(Bytes fields, std::string_view tensor,
                                              DigestKind kind);

// Appends what the root digest covers of the meta of a tensor or chunk record: all but the codec.
// Precondition: the meta was decoded without an error.
void append_without_codec(const container::RecordView& record, std::vector<std::byte>& out);

}  // namespace bbz::catalog
