#include "bbz/format/chunk/chunk.h"

#include <algorithm>
#include <numeric>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/format/catalog/lower.h"

namespace bbz::chunk {
namespace {

std::string where(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk) {
  const std::string what = tensor.kind == catalog::TensorKind::kTensor
                               ? fmt::format("tensor {}", quoted(tensor.name))
                               : fmt::format("bytes at {} of file {}", tensor.offset, tensor.file);
  return fmt::format("{}, chunk {} at offset {}", what, chunk.meta.number, chunk.payload.offset);
}

// Compares bytes, whose XXH3-64 is `computed`, with what a chunk decodes to.
Status compare_decoded(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes plain,
                       std::uint64_t computed) {
  const std::uint64_t expected = chunk.meta.decoded_checksum;
  if (expected != computed) {
    return placed(tensor, chunk,
                  make_error(Code::kChecksum, "{}: decoded checksum {:016x}, computed {:016x}",
                             where(tensor, chunk), expected, computed));
  }
  if (!chunk.meta.decoded_digest) return {};
  const Digest digest = digest_of(chunk.meta.decoded_digest->kind, plain);
  if (digest == *chunk.meta.decoded_digest) return {};
  return placed(
      tensor, chunk,
      make_error(Code::kChecksum, "{}: decoded digest {}, computed {}", where(tensor, chunk),
                 chunk.meta.decoded_digest->to_string(), digest.to_string()));
}

}  // namespace

Error placed(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Error error) {
  error.place = std::make_shared<const ErrorPlace>(
      ErrorPlace{tensor.name, tensor.number, chunk.meta.number, chunk.payload.offset});
  return error;
}

std::uint64_t choose_chunk_elements(unsigned element_bits, const Shape& shape,
                                    std::uint64_t target_bytes) {
  // Eight elements of any size fill whole bytes.
  const std::uint64_t unit = element_bits % 8 == 0 ? 1 : 8;
  const std::uint64_t most = std::max(target_bytes * 8 / element_bits / unit * unit, unit);
  const std::uint64_t row = std::lcm(std::min(bbz::row_length(shape), most + 1), unit);
  if (row == 0 || row > most) return most;
  return most / row * row;
}

namespace {

// Returns the elements of a lower matrix that are stored before its first row without a triangle, if
// the chunk whose first element this is lies behind them.
std::optional<std::uint64_t> triangle_before(const catalog::TensorMeta& tensor,
                                             std::uint64_t element) {
  constexpr std::uint64_t kMostColumns = std::uint64_t{1} << 31;
  if (tensor.form != catalog::Form::kLower || tensor.shape.size() != 2) return std::nullopt;
  const std::uint64_t cols = tensor.shape[1];
  if (cols == 0 || cols >= kMostColumns) return std::nullopt;
  const std::uint64_t triangle = catalog::lower_count(cols, cols);
  return element >= triangle ? std::optional(triangle) : std::nullopt;
}

}  // namespace

codec::ChunkShape codec_shape(const catalog::TensorMeta& tensor, std::uint64_t first_element,
                              std::uint64_t count) {
  const std::optional<Shape> stored = catalog::stored_shape(tensor);
  codec::ChunkShape shape;
  shape.dtype = tensor.dtype;
  shape.unknown_bits = tensor.element_bits;
  shape.elements = count;
  shape.row_length = stored ? bbz::row_length(*stored) : tensor.stored_elements;
  shape.first_column = first_element % shape.row_length;
  if (stored && tensor.stored_elements != 0) {
    shape.joined_length = bbz::joined_row_length(*stored, codec::kJoinedLength);
    shape.joined_first = first_element % shape.joined_length;
  }
  if (const auto triangle = triangle_before(tensor, first_element)) {
    shape.row_length = tensor.shape[1];
    shape.first_column = (first_element - *triangle) % shape.row_length;
  }
  return shape;
}

catalog::ChunkMeta describe(const catalog::TensorMeta& tensor, std::uint32_t number, Bytes plain,
                            codec::CodecId codec, DigestKind digest) {
  catalog::ChunkMeta fields;
  fields.tensor = tensor.number;
  fields.number = number;
  fields.codec = codec;
  fields.decoded_checksum = xxh3_64(plain);
  if (digest == DigestKind::kSha256) fields.decoded_digest = digest_of(digest, plain);
  return fields;
}

catalog::ChunkMeta encode(const catalog::TensorMeta& tensor, std::uint32_t number, Bytes plain,
                          const codec::EncodeOptions& options, DigestKind digest,
                          std::vector<std::byte>& payload) {
  const std::uint64_t elements = plain.size() * 8 / tensor.element_bits;
  const codec::ChunkShape shape = codec_shape(tensor, number * tensor.chunk_elements, elements);
  const codec::CodecId codec = codec::encode(shape, plain, options, payload);
  return describe(tensor, number, plain, codec, digest);
}

catalog::ChunkMeta encode_on_base(const catalog::TensorMeta& tensor, std::uint32_t number,
                                  Bytes plain, Bytes support, const codec::EncodeOptions& options,
                                  DigestKind digest, std::vector<std::byte>& payload) {
  const std::uint64_t elements = plain.size() * 8 / tensor.element_bits;
  const codec::ChunkShape shape = codec_shape(tensor, number * tensor.chunk_elements, elements);
  const codec::CodecId codec = codec::encode_on_base(shape, plain, support, options, payload);
  return describe(tensor, number, plain, codec, digest);
}

Status check_decoded(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes plain) {
  return compare_decoded(tensor, chunk, plain, xxh3_64(plain));
}

Status check_payload(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk,
                     Bytes payload) {
  if (!chunk.payload.check) return {};
  const std::uint32_t computed = check32(payload);
  if (computed == *chunk.payload.check) return {};
  return placed(tensor, chunk,
                make_error(Code::kChecksum, "{}: payload check {:08x}, computed {:08x}",
                           where(tensor, chunk), *chunk.payload.check, computed));
}

Status check_known(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk) {
  if (!chunk.meta.extensions.unknown) return {};
  Status known = container::check_extensions(chunk.meta.extensions, where(tensor, chunk));
  if (known.ok()) return known;
  return placed(tensor, chunk, std::move(known).error());
}

namespace {

// Checks that a chunk that needs the bytes of a base has them.
Status check_support(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk,
                     Before before) {
  if (!catalog::needs_base(chunk.meta.codec)) return {};
  if (!tensor.leans()) {
    return placed(tensor, chunk,
                  make_error(Code::kMalformed, "{}: codec {} in a tensor that leans on no base",
                             where(tensor, chunk), static_cast<int>(chunk.meta.codec)));
  }
  if (before == Before::kSupport) return {};
  return placed(tensor, chunk,
                make_error(Code::kUnsupported,
                           "{}: it leans on a tensor of a base, which is not at hand here",
                           where(tensor, chunk)));
}

// Decodes an unchecked payload, and checks the decoded bytes.
Status decode_checked(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload,
                      MutableBytes out, Before before) {
  BBZ_TRY(check_known(tensor, chunk));
  BBZ_TRY(check_support(tensor, chunk, before));
  Xxh3Follower hash(out);
  const Status decoded =
      codec::decode(chunk.meta.codec, codec_shape(tensor, chunk.first_element, chunk.element_count),
                    payload, out, &hash);
  if (!decoded.ok()) {
    return placed(
        tensor, chunk,
        make_error(decoded.code(), "{}: {}", where(tensor, chunk), decoded.error().message));
  }
  return compare_decoded(tensor, chunk, out, hash.finish());
}

}  // namespace

Status decode(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload,
              MutableBytes out, Check check, Before before) {
  Status decoded = decode_checked(tensor, chunk, payload, out, before);
  if (!decoded.ok() || check == Check::kPayload) {
    BBZ_TRY(check_payload(tensor, chunk, payload));  // cheap now, since it is in the cache
  }
  return decoded;
}

}  // namespace bbz::chunk
