// The fields that metas have in common.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/wire.h"
#include "bbz/format/catalog/internal/malformed.h"
#include "bbz/format/catalog/metas.h"

namespace bbz::catalog::internal {

using container::RecordView;

inline constexpr std::size_t kSha256Size = 32;

// Returns the error of a meta that its fields do not fill.
inline Error wrong_length(const RecordView& record) {
  return malformed(record, "its fields do not fill its meta of {} bytes exactly",
                   record.meta.size());
}

// Writes a number or kNone: kNone is stored as 0, any other number plus 1.
inline void put_optional(WireWriter& w, std::uint32_t number) {
  w.put_varint(static_cast<std::uint32_t>(number + 1));
}
// Reads what put_optional() wrote.
inline std::uint32_t get_optional(WireReader& r) {
  return r.get_varint<std::uint32_t>() - 1;
}

// Writes a text with its length.
inline void put_string(WireWriter& w, std::string_view text) {
  w.put_varint(text.size());
  w.put_bytes(text);
}
// Reads what put_string() wrote.
inline std::string get_string(WireReader& r) {
  return r.get_string(r.get_varint<std::uint64_t>());
}

// Writes a digest, if there is one.
inline void put_digest(WireWriter& w, const std::optional<Digest>& digest) {
  if (digest) w.put_bytes(digest->view());
}

// Reads the digest that ends a meta if the archive's digest kind is SHA-256.
inline std::optional<Digest> get_digest(WireReader& r, DigestKind kind) {
  if (kind != DigestKind::kSha256) return std::nullopt;
  Digest digest;
  digest.kind = kind;
  const Bytes bytes = r.get_bytes(kSha256Size);
  std::ranges::copy(bytes, digest.bytes.begin());
  return digest;
}

// Writes a check: a checksum, and a digest if there is one.
inline void put_check(WireWriter& w, const PayloadCheck& check) {
  w.put(check.checksum);
  put_digest(w, check.digest);
}
// Reads a check. `kind` is that of the file header.
inline PayloadCheck get_check(WireReader& r, DigestKind kind) {
  PayloadCheck check;
  check.checksum = r.get<std::uint64_t>();
  check.digest = get_digest(r, kind);
  return check;
}

// Reads the extensions that end a meta, or checks that nothing is left of it.
template <class Meta>
bool get_end(const RecordView& record, WireReader& r, Meta& meta) {
  auto extensions = container::read_extensions(record.head, r);
  if (extensions) meta.extensions = std::move(*extensions);
  return extensions.has_value();
}

// Checks a path or a name against its limit, and that it is UTF-8.
inline Status check_name(const RecordView& record, std::string_view name, const Limits& limits) {
  if (name.size() > limits.name_bytes) {
    return make_error(Code::kLimit, "{} record at offset {}: a name of {} bytes, the limit is {}",
                      container::type_name(record.head.type), record.head.offset, name.size(),
                      limits.name_bytes);
  }
  return is_utf8(name) ? Status() : malformed(record, "the name {} is not UTF-8", quoted(name));
}

}  // namespace bbz::catalog::internal
