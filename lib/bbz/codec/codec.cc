#include "bbz/codec/codec.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "bbz/base/format.h"
#include "bbz/base/shape.h"
#include "bbz/codec/difference/difference.h"
#include "bbz/codec/fields/fields.h"
#include "bbz/codec/internal/general.h"
#include "bbz/codec/number/split_number.h"
#include "bbz/codec/split/split_float.h"

namespace bbz::codec {
namespace {

// Chunks of floats up to this size are encoded with both zstd and split-float.
constexpr std::size_t kTryBoth = std::size_t{16} << 10;

// Returns whether the low mantissa bits of a chunk of floats do not look like noise, for example
// because values repeat, are zero, or come from a narrower type. Only then can zstd beat
// split-float, which stores these bits.
bool mantissas_repeat(const DTypeInfo& info, Bytes plain) {
  constexpr std::size_t kPieces = 16;  // adjacent elements are read much faster than distant ones
  constexpr std::size_t kPiece = 256;
  const auto size = static_cast<std::size_t>(info.bits / 8);
  const std::size_t elements = plain.size() / size;
  const std::size_t stride = std::max(elements / kPieces, kPiece);
  const int bits = std::min(info.layout.mantissa_bits, 8);
  std::array<std::uint32_t, 256> count{};
  std::uint64_t looks = 0;
  for (std::size_t begin = 0; begin + kPiece <= elements; begin += stride) {
    for (std::size_t i = begin; i < begin + kPiece; ++i, ++looks) {
      ++count[std::to_integer<unsigned>(plain[i * size]) & ((1u << bits) - 1)];
    }
  }
  std::uint64_t pairs = 0;
  for (const std::uint64_t c : count) pairs += c * c;
  // For noise, the expected sum is about looks^2 / 2^bits, plus `looks` by chance.
  const std::uint64_t noise = (looks * looks >> bits) + looks;
  return pairs > noise + noise / 4;
}

bool is_float(const ChunkShape& shape) {
  const DTypeInfo* const dtype = find_dtype(shape.dtype);
  return dtype != nullptr && dtype->layout.exponent_bits != 0;
}

bool suits_constant(const ChunkShape&, Bytes) {
  return true;
}

bool suits_zstd(const ChunkShape& shape, Bytes plain) {
  return !is_float(shape) || plain.size() <= kTryBoth ||
         mantissas_repeat(dtype_info(shape.dtype), plain);
}

bool suits_split_float(const ChunkShape& shape, Bytes) {
  return is_float(shape);
}

// Returns a size below which encode() cannot get with a chunk, or 0 if only trying tells.
std::size_t least_own_size(const ChunkShape& shape, Bytes plain) {
  if (!is_float(shape) || suits_zstd(shape, plain)) return 0;
  // Split-float stores at least so many bits of each element, and a constant chunk suits zstd.
  const DTypeInfo& info = dtype_info(shape.dtype);
  return plain.size() / static_cast<std::size_t>(info.bits) *
         static_cast<std::size_t>(info.layout.mantissa_bits);
}

constexpr std::array<Codec, 8> kRegistry = {{
    {CodecId::kRaw, "raw", false, false, nullptr, false, encode_raw, decode_raw},
    {CodecId::kConstant, "constant", false, false, suits_constant, true, encode_constant,
     decode_constant},
    {CodecId::kZstd, "zstd", false, false, suits_zstd, false, encode_zstd, decode_zstd},
    {CodecId::kSplitFloat, "split-float", true, false, suits_split_float, false, encode_split_float,
     decode_split_float},
    {CodecId::kUnchanged, "unchanged", false, true, nullptr, false, nullptr, decode_unchanged},
    {CodecId::kDifference, "difference", false, true, nullptr, false, nullptr, decode_difference},
    {CodecId::kSplitNumber, "split-number", false, false, suits_split_number, false,
     encode_split_number, decode_split_number},
    {CodecId::kFields, "fields", false, false, suits_fields, false, encode_fields, decode_fields},
}};

}  // namespace

std::span<const Codec> registry() {
  return kRegistry;
}

const Codec* find_codec(CodecId id) {
  const auto* row = std::ranges::find(kRegistry, id, &Codec::id);
  return row == kRegistry.end() ? nullptr : row;
}

unsigned element_bits(const ChunkShape& shape) {
  const DTypeInfo* const dtype = find_dtype(shape.dtype);
  return dtype == nullptr ? shape.unknown_bits : static_cast<unsigned>(dtype->bits);
}

Result<std::uint64_t> chunk_bytes(const ChunkShape& shape) {
  if (element_bits(shape) == 0) {
    return make_error(Code::kInvalidArgument, "chunk: elements without bits of unknown dtype {}",
                      static_cast<int>(shape.dtype));
  }
  if (shape.first_column >= shape.row_length) {
    return make_error(Code::kInvalidArgument, "chunk: first column {} is outside a row of {}",
                      shape.first_column, shape.row_length);
  }
  const auto bytes = packed_bytes(shape.elements, element_bits(shape));
  if (!bytes) {
    return make_error(Code::kInvalidArgument, "chunk: {} elements of {} bits are no whole bytes",
                      shape.elements, element_bits(shape));
  }
  if (*bytes > kMaxChunkBytes) {
    return make_error(Code::kLimit, "chunk: {} bytes, the limit is {}", *bytes, kMaxChunkBytes);
  }
  return *bytes;
}

CodecId encode(const ChunkShape& shape, Bytes plain, const EncodeOptions& options,
               std::vector<std::byte>& payload) {
  thread_local std::vector<std::byte> other;
  CodecId best = CodecId::kRaw;
  std::size_t limit = plain.size();
  for (const Codec& codec : kRegistry) {
    if (codec.suits == nullptr || !codec.suits(shape, plain)) continue;
    std::vector<std::byte>& target = best == CodecId::kRaw ? payload : other;
    // Dense weights are decoded faster by split-float, so split-number must gain a little.
    const bool must_gain = codec.id == CodecId::kSplitNumber && best == CodecId::kSplitFloat &&
                           options.level != Level::kSmall;
    const std::size_t most = must_gain ? limit - limit / 64 : limit;
    if (!codec.encode(shape, plain, options.level, most, target)) continue;
    if (&target == &other) payload.assign(other.begin(), other.end());
    best = codec.id;
    limit = payload.size();
    if (codec.settles) break;
  }
  if (best == CodecId::kRaw && !suits_zstd(shape, plain) &&
      encode_zstd(shape, plain, options.level, limit, payload)) {
    return CodecId::kZstd;
  }
  if (best == CodecId::kRaw) payload.assign(plain.begin(), plain.end());
  // Floats that no other codec makes smaller are tables of few values, where a thorough search pays.
  if (best == CodecId::kZstd && options.level == Level::kDefault && is_float(shape) &&
      encode_zstd_thoroughly(plain, limit, other)) {
    payload.assign(other.begin(), other.end());
  }
  return best;
}

CodecId encode_on_base(const ChunkShape& shape, Bytes plain, Bytes base,
                       const EncodeOptions& options, std::vector<std::byte>& payload) {
  if (!plain.empty() && std::memcmp(plain.data(), base.data(), plain.size()) == 0) {
    payload.clear();
    return CodecId::kUnchanged;
  }
  const bool differs = encode_difference(shape, plain, base, options.level, plain.size(), payload);
  if (differs && payload.size() <= least_own_size(shape, plain)) return CodecId::kDifference;
  thread_local std::vector<std::byte> own;
  const CodecId id = encode(shape, plain, options, own);
  if (differs && payload.size() < own.size()) return CodecId::kDifference;
  payload.assign(own.begin(), own.end());
  return id;
}

Status decode(CodecId id, const ChunkShape& shape, Bytes payload, MutableBytes out,
              Xxh3Follower* hash) {
  BBZ_ASSIGN(const std::uint64_t bytes, chunk_bytes(shape));
  if (out.size() != bytes) {
    return make_error(Code::kInvalidArgument, "chunk: a buffer of {} bytes, expected {}",
                      out.size(), bytes);
  }
  if (id == CodecId::kCarried) {
    return error_with_message(Code::kMalformed,
                              "chunk: codec carried in a tensor that is not a rider");
  }
  if (id == CodecId::kSame) {
    return error_with_message(Code::kMalformed, "chunk: codec same without an earlier chunk");
  }
  const Codec* codec = find_codec(id);
  if (codec == nullptr) {
    return make_error(Code::kUnsupported, "chunk: unknown codec {}", static_cast<int>(id));
  }
  if (codec->needs_dtype && shape.dtype == DType::kBlock) {
    return make_error(Code::kMalformed, "chunk: codec {} of blocks", codec->name);
  }
  if (codec->needs_dtype && find_dtype(shape.dtype) == nullptr) {
    return make_error(Code::kUnsupported, "chunk: codec {} of unknown dtype {}", codec->name,
                      static_cast<int>(shape.dtype));
  }
  return codec->decode(shape, payload, out, hash);
}

}  // namespace bbz::codec
