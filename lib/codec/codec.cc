#include "bbz/codec/codec.h"

#include <algorithm>
#include <array>

#include "bbz/base/format.h"
#include "bbz/codec/general.h"
#include "bbz/tensor/shape.h"

namespace bbz::codec {
namespace {

constexpr std::array<Codec, 3> kRegistry = {{
    {CodecId::kRaw, "raw", encode_raw, decode_raw},
    {CodecId::kConstant, "constant", encode_constant, decode_constant},
    {CodecId::kZstd, "zstd", encode_zstd, decode_zstd},
}};

}  // namespace

std::span<const Codec> registry() {
  return kRegistry;
}

const Codec* find_codec(CodecId id) {
  const auto* row = std::ranges::find(kRegistry, id, &Codec::id);
  return row == kRegistry.end() ? nullptr : row;
}

Result<std::uint64_t> chunk_bytes(const ChunkShape& shape) {
  if (tensor::find_dtype(shape.dtype) == nullptr) {
    return make_error(Code::kInvalidArgument, "chunk: dtype {} is not known",
                      static_cast<int>(shape.dtype));
  }
  if (shape.first_column >= shape.row_length) {
    return make_error(Code::kInvalidArgument, "chunk: first column {} is outside a row of {}",
                      shape.first_column, shape.row_length);
  }
  const auto bytes = tensor::byte_size(shape.dtype, shape.elements);
  if (!bytes) return error_with_message(Code::kInvalidArgument, bytes.error().message);
  if (*bytes > kMaxChunkBytes) {
    return make_error(Code::kLimit, "chunk: {} bytes, the limit is {}", *bytes, kMaxChunkBytes);
  }
  return *bytes;
}

CodecId encode(const ChunkShape& shape, Bytes plain, const EncodeOptions& options,
               std::vector<std::byte>& payload) {
  for (const CodecId id : {CodecId::kConstant, CodecId::kZstd}) {
    if (find_codec(id)->encode(shape, plain, options.level, plain.size(), payload)) return id;
  }
  payload.assign(plain.begin(), plain.end());
  return CodecId::kRaw;
}

Status decode(CodecId id, const ChunkShape& shape, Bytes payload, MutableBytes out) {
  BBZ_ASSIGN(const std::uint64_t bytes, chunk_bytes(shape));
  if (out.size() != bytes) {
    return make_error(Code::kInvalidArgument, "chunk: {} bytes of room for {}", out.size(), bytes);
  }
  const Codec* codec = find_codec(id);
  if (codec == nullptr) {
    return make_error(Code::kUnsupported, "chunk: codec {} is not known", static_cast<int>(id));
  }
  return codec->decode(shape, payload, out);
}

}  // namespace bbz::codec
