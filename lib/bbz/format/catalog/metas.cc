#include "bbz/format/catalog/metas.h"

#include "bbz/format/catalog/internal/meta_fields.h"

namespace bbz::catalog {
using container::RecordView;
using internal::check_name;
using internal::get_check;
using internal::get_digest;
using internal::get_end;
using internal::get_optional;
using internal::get_string;
using internal::put_check;
using internal::put_digest;
using internal::put_optional;
using internal::put_string;
using internal::wrong_length;

namespace {

// Flags of a file end.
constexpr std::uint8_t kHasDigest = 1;
constexpr std::uint8_t kOrdered = 2;

// Whether a field of a block states the bits of its elements, because they do not follow from the
// dtype.
bool states_bits(DType dtype) {
  return dtype != BlockField::kNoDType && dtype != DType::kBlock && find_dtype(dtype) == nullptr;
}

}  // namespace

PayloadCheck check_of(DigestKind kind, Bytes payload) {
  PayloadCheck check;
  check.checksum = xxh3_64(payload);
  if (kind == DigestKind::kSha256) check.digest = digest_of(kind, payload);
  return check;
}

void encode_meta(const FileMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put_varint(meta.number);
  w.put(static_cast<std::uint8_t>(meta.kind));
  put_string(w, meta.path);
  if (meta.extensions.has_known()) container::write_extensions(meta.extensions, out);
}

Result<FileMeta> decode_file(const RecordView& record, const Limits& limits) {
  WireReader r(record.meta);
  FileMeta meta;
  meta.number = r.get_varint<std::uint32_t>();
  meta.kind = static_cast<FileKind>(r.get<std::uint8_t>());
  meta.path = get_string(r);
  if (!get_end(record, r, meta)) return wrong_length(record);
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
  w.put(static_cast<std::uint8_t>((meta.digest ? kHasDigest : 0) | (meta.ordered ? kOrdered : 0)));
  put_digest(w, meta.digest);
}

Result<FileEndMeta> decode_file_end(const RecordView& record) {
  WireReader r(record.meta);
  FileEndMeta meta;
  meta.number = r.get_varint<std::uint32_t>();
  meta.tensor_count = r.get_varint<std::uint32_t>();
  meta.size = r.get_varint<std::uint64_t>();
  const auto flags = r.get<std::uint8_t>();
  if ((flags & ~(kHasDigest | kOrdered)) != 0) {
    return make_error(Code::kUnsupported, "file end record at offset {}: reserved bits {:#04x}",
                      record.head.offset, flags);
  }
  meta.ordered = (flags & kOrdered) != 0;
  if ((flags & kHasDigest) != 0) meta.digest = get_digest(r, DigestKind::kSha256);
  if (!get_end(record, r, meta)) return wrong_length(record);
  if (meta.digest && !meta.ordered) return malformed(record, "a digest of a file out of order");
  return meta;
}

void encode_meta(const MetadataMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  put_check(w, meta.check);
  put_optional(w, meta.file);
  put_string(w, meta.key);
}

Result<MetadataMeta> decode_metadata(const RecordView& record, DigestKind kind) {
  WireReader r(record.meta);
  MetadataMeta meta;
  meta.check = get_check(r, kind);
  meta.file = get_optional(r);
  meta.key = get_string(r);
  if (!get_end(record, r, meta)) return wrong_length(record);
  if (meta.key.empty() || meta.key.size() > 255 || !is_utf8(meta.key)) {
    return malformed(record, "the key {} is not UTF-8 of 1 to 255 bytes", quoted(meta.key));
  }
  return meta;
}

void encode_meta(const GroupMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  put_check(w, meta.check);
  w.put_varint(meta.number);
  w.put(static_cast<std::uint8_t>(meta.method));
}

Result<GroupMeta> decode_group(const RecordView& record, DigestKind kind) {
  WireReader r(record.meta);
  GroupMeta meta;
  meta.check = get_check(r, kind);
  meta.number = r.get_varint<std::uint32_t>();
  meta.method = static_cast<GroupMethod>(r.get<std::uint8_t>());
  if (!get_end(record, r, meta)) return wrong_length(record);
  return meta;
}

void encode_meta(const PrivateNameMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put(static_cast<std::uint8_t>(meta.registry));
  w.put_varint(meta.number);
  put_string(w, meta.name);
}

Result<PrivateNameMeta> decode_private_name(const RecordView& record) {
  WireReader r(record.meta);
  PrivateNameMeta meta;
  meta.registry = static_cast<Registry>(r.get<std::uint8_t>());
  meta.number = r.get_varint<std::uint64_t>();
  meta.name = get_string(r);
  if (!get_end(record, r, meta)) return wrong_length(record);
  return meta;
}

void encode_meta(const BlockTypeMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put_varint(meta.number);
  put_string(w, meta.type->name);
  w.put_varint(meta.type->values);
  w.put_varint(meta.type->fields.size());
  for (const BlockField& field : meta.type->fields) {
    put_string(w, field.name);
    w.put(static_cast<std::uint8_t>(field.dtype));
    if (states_bits(field.dtype)) w.put(field.element_bits);
    w.put_varint(field.count);
  }
}

Result<BlockTypeMeta> decode_block_type(const RecordView& record) {
  WireReader r(record.meta);
  BlockTypeMeta meta;
  BlockType type;
  meta.number = r.get_varint<std::uint32_t>();
  type.name = get_string(r);
  type.values = r.get_varint<std::uint32_t>();
  const auto count = r.get_varint<std::uint64_t>();
  for (std::uint64_t i = 0; i < count && r.ok(); ++i) {
    std::string name = get_string(r);
    const auto dtype = static_cast<DType>(r.get<std::uint8_t>());
    BlockField field = BlockField::of(std::move(name), dtype, 0);
    if (states_bits(dtype)) field.element_bits = r.get<std::uint8_t>();
    field.count = r.get_varint<std::uint64_t>();
    type.fields.push_back(std::move(field));
  }
  if (!get_end(record, r, meta)) return wrong_length(record);
  const Status valid = check_block_type(type);
  if (!valid.ok()) {
    return make_error(valid.code(), "block type record at offset {}: {}", record.head.offset,
                      valid.error().message);
  }
  meta.type = std::make_shared<const BlockType>(std::move(type));
  return meta;
}

Result<PayloadCheck> decode_check(const RecordView& record, DigestKind kind) {
  WireReader r(record.meta);
  PayloadCheck check = get_check(r, kind);
  if (!r.ok()) return malformed(record, "its meta has no check of its payload");
  return check;
}

}  // namespace bbz::catalog
