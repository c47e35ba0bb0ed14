#include "bbz/format/chunk/payload.h"

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::chunk {

Status check_payload_checksum(const catalog::Payload& payload, Bytes bytes) {
  const std::uint64_t computed = xxh3_64(bytes);
  if (computed == payload.checksum) return {};
  return make_error(Code::kChecksum, "payload at offset {}: checksum {:016x}, computed {:016x}",
                    payload.offset, payload.checksum, computed);
}

Result<std::vector<std::byte>> read_payload(io::Source& source, const catalog::Payload& payload) {
  std::vector<std::byte> bytes(payload.length);
  BBZ_TRY(io::read_exactly(source, payload.offset, bytes));
  BBZ_TRY(check_payload_checksum(payload, bytes));
  return bytes;
}

Status check_payload_digest(const std::optional<Digest>& digest, const catalog::Payload& payload,
                            Bytes bytes) {
  if (!digest) return {};
  const Digest computed = digest_of(digest->kind, bytes);
  if (computed == *digest) return {};
  return make_error(Code::kChecksum, "payload at offset {}: digest {}, computed {}", payload.offset,
                    digest->to_string(), computed.to_string());
}

Status check_metadata(const catalog::Metadata& metadata, Bytes value) {
  BBZ_TRY(check_payload_digest(metadata.meta.payload_digest, metadata.payload, value));
  if (is_utf8(as_text(value))) return {};
  return make_error(Code::kMalformed, "metadata {} at offset {}: its value is not UTF-8",
                    quoted(metadata.meta.key), metadata.payload.offset);
}

}  // namespace bbz::chunk
