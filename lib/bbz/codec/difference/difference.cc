#include "bbz/codec/difference/difference.h"

#include "bbz/base/format.h"
#include "bbz/codec/difference/binding.h"
#include "bbz/codec/difference/general.h"

namespace bbz::codec {

bool encode_difference(const ChunkShape& shape, Bytes plain, Bytes base, Level level,
                       std::size_t limit, std::vector<std::byte>& payload) {
  const DTypeInfo* const dtype = find_dtype(shape.dtype);
  if (dtype != nullptr && difference::is_difference_dtype(shape.dtype)) {
    return difference::encode_float({}, shape, plain, base, level, limit, payload);
  }
  return difference::encode_general(shape, plain, base, level, limit, payload);
}

Status decode_difference(const ChunkShape& shape, Bytes payload, MutableBytes out,
                         Xxh3Follower* hash) {
  if (payload.size() >= out.size()) {
    return make_error(Code::kMalformed, "difference: payload of {} bytes for a chunk of {}",
                      payload.size(), out.size());
  }
  if (payload.empty()) {
    return error_with_message(Code::kMalformed, "difference: payload ends in the header");
  }
  const auto form = std::to_integer<std::uint8_t>(payload[0]);
  if (form == difference::kFloatForm) {
    return difference::decode_float({}, shape, payload, out, hash);
  }
  if (form == difference::kGeneralForm) return difference::decode_general(payload, out);
  return make_error(Code::kUnsupported, "difference: unknown form {}", form);
}

Status decode_unchanged(const ChunkShape&, Bytes payload, MutableBytes out, Xxh3Follower*) {
  if (!payload.empty() || out.empty()) {
    return make_error(Code::kMalformed, "unchanged: payload of {} bytes for a chunk of {}",
                      payload.size(), out.size());
  }
  return {};
}

}  // namespace bbz::codec
