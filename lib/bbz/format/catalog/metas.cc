#include "bbz/format/catalog/metas.h"

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

Error wrong_length(const RecordView& record) {
  return malformed(record, fmt::format("its fields do not fill its meta of {} bytes exactly",
                                       record.meta.size()));
}

// Writes a number or kNone: kNone is stored as 0, any other number plus 1.
void put_optional(WireWriter& w, std::uint32_t number) {
  w.put_varint(static_cast<std::uint32_t>(number + 1));
}
std::uint32_t get_optional(WireReader& r) {
  return r.get_varint<std::uint32_t>() - 1;
}

void put_string(WireWriter& w, std::string_view text) {
  w.put_varint(text.size());
  w.put_bytes(text);
}
std::string get_string(WireReader& r) {
  return r.get_string(r.get_varint<std::uint64_t>());
}

void put_digest(WireWriter& w, const std::optional<Digest>& digest) {
  if (digest) w.put_bytes(digest->view());
}

// Reads the digest that ends a meta if the archive's digest kind is SHA-256.
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
  w.put_varint(meta.number);
  w.put(static_cast<std::uint8_t>(meta.kind));
  put_string(w, meta.path);
}

Result<FileMeta> decode_file(const RecordView& record, const Limits& limits) {
  WireReader r(record.meta);
  FileMeta meta;
  meta.number = r.get_varint<std::uint32_t>();
  meta.kind = static_cast<FileKind>(r.get<std::uint8_t>());
  meta.path = get_string(r);
  if (!r.finished()) return wrong_length(record);
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
  w.put_varint(meta.number);
  w.put_varint(meta.tensor_count);
  w.put_varint(meta.size);
  w.put(static_cast<std::uint8_t>(meta.digest ? kSha256Size : 0));
  put_digest(w, meta.digest);
}

Result<FileEndMeta> decode_file_end(const RecordView& record) {
  WireReader r(record.meta);
  FileEndMeta meta;
  meta.number = r.get_varint<std::uint32_t>();
  meta.tensor_count = r.get_varint<std::uint32_t>();
  meta.size = r.get_varint<std::uint64_t>();
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
  w.put_varint(meta.number);
  put_optional(w, meta.file);
  w.put_varint(meta.offset);
  w.put(static_cast<std::uint8_t>(meta.kind));
  w.put(static_cast<std::uint8_t>(meta.dtype));
  w.put(meta.element_bits);
  w.put(static_cast<std::uint8_t>(meta.form));
  put_optional(w, meta.layer);
  put_optional(w, meta.group);
  w.put_varint(meta.stored_elements);
  w.put_varint(meta.chunk_elements);
  w.put_varint(meta.shape.size());
  for (const std::uint64_t extent : meta.shape) w.put_varint(extent);
  put_string(w, meta.name);
}

Result<TensorMeta> decode_tensor(const RecordView& record, const Limits& limits) {
  WireReader r(record.meta);
  TensorMeta meta;
  meta.number = r.get_varint<std::uint32_t>();
  meta.file = get_optional(r);
  meta.offset = r.get_varint<std::uint64_t>();
  meta.kind = static_cast<TensorKind>(r.get<std::uint8_t>());
  meta.dtype = static_cast<DType>(r.get<std::uint8_t>());
  meta.element_bits = r.get<std::uint8_t>();
  meta.form = static_cast<Form>(r.get<std::uint8_t>());
  meta.layer = get_optional(r);
  meta.group = get_optional(r);
  meta.stored_elements = r.get_varint<std::uint64_t>();
  meta.chunk_elements = r.get_varint<std::uint64_t>();
  const auto rank = r.get_varint<std::uint64_t>();
  if (rank > limits.rank) {
    return make_error(Code::kLimit, "tensor record at offset {}: rank {}, the limit is {}",
                      record.head.offset, rank, limits.rank);
  }
  for (std::uint64_t axis = 0; axis < rank && r.ok(); ++axis)
    meta.shape.push_back(r.get_varint<std::uint64_t>());
  meta.name = get_string(r);
  if (!r.finished()) return wrong_length(record);
  BBZ_TRY(check_name(record, meta.name, limits));
  if (meta.kind > TensorKind::kTensor) {
    return make_error(Code::kUnsupported, "tensor record at offset {}: kind {}", record.head.offset,
                      static_cast<int>(meta.kind));
  }
  const DTypeInfo* dtype = find_dtype(meta.dtype);
  if (meta.element_bits == 0 || (dtype != nullptr && meta.element_bits != dtype->bits)) {
    return malformed(record, fmt::format("{} bits an element, dtype {} has {}", meta.element_bits,
                                         dtype != nullptr ? dtype->name : "unknown",
                                         dtype != nullptr ? dtype->bits : 0));
  }
  if (meta.chunk_elements == 0) return malformed(record, "chunks of 0 elements");
  if (meta.kind == TensorKind::kBytes &&
      (meta.dtype != DType::kU8 || meta.shape.size() != 1 || !meta.name.empty())) {
    return malformed(record, "kind bytes needs dtype U8, one axis and no name");
  }
  return meta;
}

void encode_meta(const ChunkMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(meta.codec);
  w.put(meta.decoded_checksum);
  w.put_varint(meta.tensor);
  w.put_varint(meta.number);
  w.put_varint(meta.first_element);
  w.put_varint(meta.element_count);
  put_digest(w, meta.decoded_digest);
}

Result<ChunkMeta> decode_chunk(const RecordView& record, DigestKind kind) {
  WireReader r(record.meta);
  ChunkMeta meta;
  meta.codec = r.get<std::uint16_t>();
  meta.decoded_checksum = r.get<std::uint64_t>();
  meta.tensor = r.get_varint<std::uint32_t>();
  meta.number = r.get_varint<std::uint32_t>();
  meta.first_element = r.get_varint<std::uint64_t>();
  meta.element_count = r.get_varint<std::uint32_t>();
  meta.decoded_digest = get_digest(r, kind);
  if (!r.finished()) return wrong_length(record);
  return meta;
}

void encode_meta(const MetadataMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  put_optional(w, meta.file);
  put_string(w, meta.key);
  put_digest(w, meta.payload_digest);
}

Result<MetadataMeta> decode_metadata(const RecordView& record, DigestKind kind) {
  WireReader r(record.meta);
  MetadataMeta meta;
  meta.file = get_optional(r);
  meta.key = get_string(r);
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
  w.put_varint(meta.number);
  w.put(static_cast<std::uint8_t>(meta.method));
  put_digest(w, meta.payload_digest);
}

Result<GroupMeta> decode_group(const RecordView& record, DigestKind kind) {
  WireReader r(record.meta);
  GroupMeta meta;
  meta.number = r.get_varint<std::uint32_t>();
  meta.method = static_cast<GroupMethod>(r.get<std::uint8_t>());
  meta.payload_digest = get_digest(r, kind);
  if (!r.finished()) return wrong_length(record);
  return meta;
}

}  // namespace bbz::catalog
