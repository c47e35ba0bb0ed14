#include "bbz/catalog/metas.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/wire.h"

namespace bbz::catalog {
namespace {

using container::RecordView;

constexpr std::size_t kSha256Size = 32;

Error malformed(const RecordView& record, std::string_view what) {
  return make_error(Code::kMalformed, "{} record at offset {}: {}",
                    container::type_name(record.head.type), record.head.offset, what);
}

Error reserved_set(const RecordView& record) {
  return make_error(Code::kUnsupported, "{} record at offset {}: reserved fields are set",
                    container::type_name(record.head.type), record.head.offset);
}

Error wrong_length(const RecordView& record) {
  return malformed(record, fmt::format("its fields do not fill its meta of {} bytes exactly",
                                       record.meta.size()));
}

void put_digest(WireWriter& w, const std::optional<Digest>& digest) {
  if (digest) w.put_bytes(digest->view());
}

// The digest that ends a meta in archives of digest kind SHA-256.
std::optional<Digest> get_digest(WireReader& r, DigestKind kind) {
  if (kind != DigestKind::kSha256) return std::nullopt;
  Digest digest;
  digest.kind = kind;
  const Bytes bytes = r.get_bytes(kSha256Size);
  std::ranges::copy(bytes, digest.bytes.begin());
  return digest;
}

Status check_name(const RecordView& record, std::string_view name, const Limits& limits) {
  if (name.size() > limits.name_bytes) {
    return make_error(Code::kLimit, "{} record at offset {}: a name of {} bytes, the limit is {}",
                      container::type_name(record.head.type), record.head.offset, name.size(),
                      limits.name_bytes);
  }
  if (!is_utf8(name))
    return malformed(record, fmt::format("the name {} is not UTF-8", quoted(name)));
  return {};
}

}  // namespace

void encode_meta(const FileMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(meta.number);
  w.put(static_cast<std::uint8_t>(meta.kind));
  w.put(std::uint8_t{0});
  w.put(static_cast<std::uint16_t>(meta.path.size()));
  w.put_bytes(meta.path);
}

Result<FileMeta> decode_file(const RecordView& record, const Limits& limits) {
  WireReader r(record.meta);
  FileMeta meta;
  meta.number = r.get<std::uint32_t>();
  meta.kind = static_cast<FileKind>(r.get<std::uint8_t>());
  const auto reserved = r.get<std::uint8_t>();
  meta.path = r.get_string(r.get<std::uint16_t>());
  if (!r.finished()) return wrong_length(record);
  if (reserved != 0) return reserved_set(record);
  if (meta.kind > FileKind::kDirectory) {
    return make_error(Code::kUnsupported, "file record at offset {}: kind {}", record.head.offset,
                      static_cast<int>(meta.kind));
  }
  BBZ_TRY(check_name(record, meta.path, limits));
  const Status safe = check_safe_path(meta.path);
  if (!safe.ok()) {
    return make_error(safe.code(), "file record at offset {}: {}", record.head.offset,
                      safe.error().message);
  }
  return meta;
}

void encode_meta(const FileEndMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(meta.number);
  w.put(meta.tensor_count);
  w.put(meta.size);
  w.put(static_cast<std::uint8_t>(meta.digest ? kSha256Size : 0));
  put_digest(w, meta.digest);
}

Result<FileEndMeta> decode_file_end(const RecordView& record) {
  WireReader r(record.meta);
  FileEndMeta meta;
  meta.number = r.get<std::uint32_t>();
  meta.tensor_count = r.get<std::uint32_t>();
  meta.size = r.get<std::uint64_t>();
  const auto digest_length = r.get<std::uint8_t>();
  if (digest_length != 0 && digest_length != kSha256Size) {
    return malformed(record, fmt::format("a digest of {} bytes, expected 0 or 32", digest_length));
  }
  if (digest_length != 0) meta.digest = get_digest(r, DigestKind::kSha256);
  if (!r.finished()) return wrong_length(record);
  return meta;
}

void encode_meta(const TensorMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(meta.number);
  w.put(meta.file);
  w.put(meta.offset);
  w.put(static_cast<std::uint8_t>(meta.kind));
  w.put(static_cast<std::uint8_t>(meta.dtype));
  w.put(meta.element_bits);
  w.put(meta.form);
  w.put(meta.layer);
  w.put(meta.group);
  w.put(meta.stored_elements);
  w.put(meta.chunk_elements);
  w.put(static_cast<std::uint16_t>(meta.shape.size()));
  w.put(static_cast<std::uint16_t>(meta.name.size()));
  for (const std::uint64_t extent : meta.shape) w.put(extent);
  w.put_bytes(meta.name);
}

Result<TensorMeta> decode_tensor(const RecordView& record, const Limits& limits) {
  WireReader r(record.meta);
  TensorMeta meta;
  meta.number = r.get<std::uint32_t>();
  meta.file = r.get<std::uint32_t>();
  meta.offset = r.get<std::uint64_t>();
  meta.kind = static_cast<TensorKind>(r.get<std::uint8_t>());
  meta.dtype = static_cast<tensor::DType>(r.get<std::uint8_t>());
  meta.element_bits = r.get<std::uint8_t>();
  meta.form = r.get<std::uint8_t>();
  meta.layer = r.get<std::uint32_t>();
  meta.group = r.get<std::uint32_t>();
  meta.stored_elements = r.get<std::uint64_t>();
  meta.chunk_elements = r.get<std::uint64_t>();
  const auto rank = r.get<std::uint16_t>();
  const auto name_length = r.get<std::uint16_t>();
  if (rank > limits.rank) {
    return make_error(Code::kLimit, "tensor record at offset {}: rank {}, the limit is {}",
                      record.head.offset, rank, limits.rank);
  }
  for (unsigned axis = 0; axis < rank && r.ok(); ++axis)
    meta.shape.push_back(r.get<std::uint64_t>());
  meta.name = r.get_string(name_length);
  if (!r.finished()) return wrong_length(record);
  BBZ_TRY(check_name(record, meta.name, limits));
  if (meta.kind > TensorKind::kTensor) {
    return make_error(Code::kUnsupported, "tensor record at offset {}: kind {}", record.head.offset,
                      static_cast<int>(meta.kind));
  }
  const tensor::DTypeInfo* dtype = tensor::find_dtype(meta.dtype);
  if (meta.element_bits == 0 || (dtype != nullptr && meta.element_bits != dtype->bits)) {
    return malformed(record, fmt::format("{} bits an element, dtype {} has {}", meta.element_bits,
                                         dtype != nullptr ? dtype->name : "unknown",
                                         dtype != nullptr ? dtype->bits : 0));
  }
  if (meta.chunk_elements == 0) return malformed(record, "chunks of 0 elements");
  if (meta.kind == TensorKind::kBytes &&
      (meta.dtype != tensor::DType::kU8 || meta.shape.size() != 1 || !meta.name.empty())) {
    return malformed(record, "kind bytes needs dtype U8, one axis and no name");
  }
  return meta;
}

void encode_meta(const ChunkMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(meta.tensor);
  w.put(meta.number);
  w.put(meta.first_element);
  w.put(meta.element_count);
  w.put(meta.codec);
  w.put(std::uint16_t{0});
  w.put(meta.decoded_checksum);
  put_digest(w, meta.decoded_digest);
}

Result<ChunkMeta> decode_chunk(const RecordView& record, DigestKind kind) {
  WireReader r(record.meta);
  ChunkMeta meta;
  meta.tensor = r.get<std::uint32_t>();
  meta.number = r.get<std::uint32_t>();
  meta.first_element = r.get<std::uint64_t>();
  meta.element_count = r.get<std::uint32_t>();
  meta.codec = r.get<std::uint16_t>();
  const auto reserved = r.get<std::uint16_t>();
  meta.decoded_checksum = r.get<std::uint64_t>();
  meta.decoded_digest = get_digest(r, kind);
  if (!r.finished()) return wrong_length(record);
  if (reserved != 0) return reserved_set(record);
  return meta;
}

void encode_meta(const MetadataMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(meta.file);
  w.put(static_cast<std::uint16_t>(meta.key.size()));
  w.put_bytes(meta.key);
  put_digest(w, meta.payload_digest);
}

Result<MetadataMeta> decode_metadata(const RecordView& record, DigestKind kind) {
  WireReader r(record.meta);
  MetadataMeta meta;
  meta.file = r.get<std::uint32_t>();
  meta.key = r.get_string(r.get<std::uint16_t>());
  meta.payload_digest = get_digest(r, kind);
  if (!r.finished()) return wrong_length(record);
  if (meta.key.empty() || meta.key.size() > 255 || !is_utf8(meta.key)) {
    return malformed(record,
                     fmt::format("the key {} is not UTF-8 of 1 to 255 bytes", quoted(meta.key)));
  }
  return meta;
}

void encode_meta(const GroupMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(meta.number);
  w.put(meta.method);
  w.put(std::uint8_t{0});
  w.put(std::uint16_t{0});
  put_digest(w, meta.payload_digest);
}

Result<GroupMeta> decode_group(const RecordView& record, DigestKind kind) {
  WireReader r(record.meta);
  GroupMeta meta;
  meta.number = r.get<std::uint32_t>();
  meta.method = r.get<std::uint8_t>();
  const unsigned reserved = r.get<std::uint8_t>() | r.get<std::uint16_t>();
  meta.payload_digest = get_digest(r, kind);
  if (!r.finished()) return wrong_length(record);
  if (reserved != 0) return reserved_set(record);
  return meta;
}

}  // namespace bbz::catalog
