// The metas of the records: one struct each, encode and decode side by side.
// Field by field in format-spec/records.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bbz/base/hash.h"
#include "bbz/base/shape.h"
#include "bbz/format/container/record.h"

namespace bbz::catalog {

// Stands in the format for "none" where a number of a file, layer or group is expected.
inline constexpr std::uint32_t kNone = 0xFFFFFFFF;

enum class FileKind : std::uint8_t { kRegular = 0, kDirectory = 1 };

struct FileMeta {
  std::uint32_t number = 0;
  FileKind kind = FileKind::kRegular;
  std::string path;
};

struct FileEndMeta {
  std::uint32_t number = 0;
  std::uint32_t tensor_count = 0;
  std::uint64_t size = 0;        // bytes
  std::optional<Digest> digest;  // SHA-256 of the file's bytes
};

enum class TensorKind : std::uint8_t { kBytes = 0, kTensor = 1 };

// How a tensor's elements follow from its chunks. Others than kDense belong to the symmetry coder.
inline constexpr std::uint8_t kFormDense = 0;

struct TensorMeta {
  std::uint32_t number = 0;
  std::uint32_t file = kNone;
  std::uint64_t offset = 0;  // in the file, bytes
  TensorKind kind = TensorKind::kBytes;
  DType dtype{};
  std::uint8_t element_bits = 8;
  std::uint8_t form = kFormDense;
  std::uint32_t layer = kNone;
  std::uint32_t group = kNone;
  std::uint64_t stored_elements = 0;
  std::uint64_t chunk_elements = 1;
  Shape shape;
  std::string name;
};

struct ChunkMeta {
  std::uint32_t tensor = 0;
  std::uint32_t number = 0;  // in the tensor
  std::uint64_t first_element = 0;
  std::uint32_t element_count = 0;
  std::uint16_t codec = 0;
  std::uint64_t decoded_checksum = 0;    // XXH3-64
  std::optional<Digest> decoded_digest;  // SHA-256, where that is the archive's digest kind
};

struct MetadataMeta {
  std::uint32_t file = kNone;
  std::string key;
  std::optional<Digest> payload_digest;  // as ChunkMeta::decoded_digest
};

struct GroupMeta {
  std::uint32_t number = 0;
  std::uint8_t method = 0;
  std::optional<Digest> payload_digest;
};

void encode_meta(const FileMeta& meta, std::vector<std::byte>& out);
void encode_meta(const FileEndMeta& meta, std::vector<std::byte>& out);
void encode_meta(const TensorMeta& meta, std::vector<std::byte>& out);
void encode_meta(const ChunkMeta& meta, std::vector<std::byte>& out);
void encode_meta(const MetadataMeta& meta, std::vector<std::byte>& out);
void encode_meta(const GroupMeta& meta, std::vector<std::byte>& out);

// Each takes the meta of a record of its type, which must be taken exactly. What a single meta can
// break is checked here; how records fit together is CatalogBuilder's to check.
// Errors: kMalformed, kUnsupported (unknown kinds), kUnsafePath, kLimit; the record's offset is
// named.
Result<FileMeta> decode_file(const container::RecordView& record, const Limits& limits);
Result<FileEndMeta> decode_file_end(const container::RecordView& record);
Result<TensorMeta> decode_tensor(const container::RecordView& record, const Limits& limits);
Result<ChunkMeta> decode_chunk(const container::RecordView& record, DigestKind kind);
Result<MetadataMeta> decode_metadata(const container::RecordView& record, DigestKind kind);
Result<GroupMeta> decode_group(const container::RecordView& record, DigestKind kind);

// Where the codec stands in a chunk's meta: the root digest leaves it out.
inline constexpr std::size_t kChunkCodecOffset = 0;

}  // namespace bbz::catalog
