// The metas of bases, and what a tensor's record says of the tensor on which it leans.
#include "bbz/format/catalog/internal/meta_fields.h"

namespace bbz::catalog {

using container::RecordView;

namespace {

// Reads a digest of a known kind.
Digest get_whole_digest(WireReader& r, DigestKind kind) {
  Digest digest;
  digest.kind = kind;
  std::ranges::copy(r.get_bytes(digest.size()), digest.bytes.begin());
  return digest;
}

}  // namespace

void encode_meta(const BaseMeta& meta, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put_varint(meta.number);
  w.put(static_cast<std::uint8_t>(meta.root ? static_cast<std::uint8_t>(meta.root->kind) : 0));
  internal::put_digest(w, meta.root);
  internal::put_string(w, meta.hint);
}

Result<BaseMeta> decode_base(const RecordView& record) {
  WireReader r(record.meta);
  BaseMeta meta;
  meta.number = r.get_varint<std::uint32_t>();
  const auto kind = r.get<std::uint8_t>();
  if (kind > static_cast<std::uint8_t>(DigestKind::kSha256)) {
    return make_error(Code::kUnsupported, "base record at offset {}: a root digest of kind {}",
                      record.head.offset, kind);
  }
  if (kind != 0) meta.root = get_whole_digest(r, static_cast<DigestKind>(kind));
  meta.hint = internal::get_string(r);
  if (!internal::get_end(record, r, meta)) return internal::wrong_length(record);
  if (meta.hint.size() > BaseMeta::kMostHint) {
    return make_error(Code::kLimit, "base record at offset {}: a hint of {} bytes, the limit is {}",
                      record.head.offset, meta.hint.size(), BaseMeta::kMostHint);
  }
  if (!is_utf8(meta.hint)) return malformed(record, "the hint {} is not UTF-8", quoted(meta.hint));
  return meta;
}

std::vector<std::byte> encode_support(const Support& support, std::string_view tensor) {
  std::vector<std::byte> fields;
  WireWriter w(fields);
  w.put_varint(support.base);
  w.put_bytes(support.digest.view());
  if (support.name != tensor) w.put_bytes(support.name);
  return fields;
}

std::shared_ptr<const Support> decode_support(Bytes fields, std::string_view tensor,
                                              DigestKind kind) {
  WireReader r(fields);
  Support support;
  support.base = r.get_varint<std::uint32_t>();
  support.digest = get_whole_digest(r, kind);
  support.name = r.get_string(r.remaining());
  // A name that is stated is another one, so that there is one way to write a tensor.
  const bool stated = !support.name.empty();
  if (!r.ok() || (stated && support.name == tensor)) return nullptr;
  if (!stated) support.name = tensor;
  return std::make_shared<const Support>(std::move(support));
}

}  // namespace bbz::catalog
