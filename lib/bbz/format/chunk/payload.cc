#include "bbz/format/chunk/payload.h"

#include <array>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/wire.h"
#include "bbz/format/chunk/chunk.h"

namespace bbz::chunk {

Status check_payload(const catalog::PayloadCheck& check, const catalog::Payload& payload,
                     Bytes bytes) {
  if (const std::uint64_t computed = xxh3_64(bytes); computed != check.checksum) {
    return make_error(Code::kChecksum, "payload at offset {}: checksum {:016x}, computed {:016x}",
                      payload.offset, check.checksum, computed);
  }
  if (!check.digest) return {};
  const Digest computed = digest_of(check.digest->kind, bytes);
  if (computed == *check.digest) return {};
  return make_error(Code::kChecksum, "payload at offset {}: digest {}, computed {}", payload.offset,
                    check.digest->to_string(), computed.to_string());
}

Result<std::vector<std::byte>> read_payload(io::Source& source, const catalog::PayloadCheck& check,
                                            const catalog::Payload& payload) {
  std::vector<std::byte> bytes(payload.length);
  BBZ_TRY(io::read_exactly(source, payload.offset, bytes));
  BBZ_TRY(check_payload(check, payload, bytes));
  return bytes;
}

Status check_metadata(const catalog::Metadata& metadata, Bytes value) {
  BBZ_TRY(check_payload(metadata.meta.check, metadata.payload, value));
  if (metadata.meta.extensions.unknown || is_utf8(as_text(value))) return {};
  return make_error(Code::kMalformed, "metadata {} at offset {}: its value is not UTF-8",
                    quoted(metadata.meta.key), metadata.payload.offset);
}

Status check_known(const catalog::Metadata& metadata) {
  return container::check_extensions(
      metadata.meta.extensions,
      fmt::format("metadata {} at offset {}", quoted(metadata.meta.key), metadata.payload.offset));
}

Result<std::uint32_t> read_check(io::Source& source, const catalog::Payload& payload) {
  if (payload.check) return *payload.check;
  std::array<std::byte, container::kCheckSize> bytes{};
  BBZ_TRY(io::read_exactly(source, payload.check_offset(), bytes));
  return load_le<std::uint32_t>(bytes.data());
}

Status explain(io::Source& source, const catalog::TensorMeta& tensor, const catalog::Chunk& chunk,
               Bytes payload, const Error& error) {
  catalog::Chunk checked = chunk;
  BBZ_ASSIGN(checked.payload.check, read_check(source, chunk.payload));
  BBZ_TRY(check_payload(tensor, checked, payload));
  return error;
}

}  // namespace bbz::chunk
