#include "bbz/codec/fields/fields.h"

#include <array>
#include <cstring>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"
#include "bbz/codec/fields/block_fields.h"
#include "bbz/codec/internal/general.h"
#include "bbz/codec/number/binding.h"
#include "bbz/codec/number/split_number.h"

namespace bbz::codec {
namespace {

using fields::Content;
using fields::Field;

constexpr std::uint8_t kForm = 1;
constexpr unsigned kMaxFields = 16;

// A field of a payload: of each block so many bytes, and what codes them.
struct Part {
  std::uint16_t size = 0;
  std::uint16_t codec = 0;
  std::uint32_t payload_size = 0;
};

// Returns the shape of a field's content: bytes of no other meaning.
ChunkShape shape_of(std::uint64_t bytes) {
  ChunkShape shape;
  shape.dtype = DType::kU8;
  shape.elements = bytes;
  shape.row_length = bytes;
  return shape;
}

// Copies a field out of all blocks (gather), or into them (scatter).
void gather(Bytes blocks, std::size_t block, std::size_t at, std::size_t size, std::byte* out) {
  for (; at < blocks.size(); at += block, out += size) std::memcpy(out, blocks.data() + at, size);
}
void scatter(const std::byte* in, std::size_t block, std::size_t at, std::size_t size,
             MutableBytes blocks) {
  for (; at < blocks.size(); at += block, in += size) std::memcpy(blocks.data() + at, in, size);
}

// Encodes the content of a field by the codec that makes it smallest, and returns that.
CodecId encode_field(const Field& field, Bytes content, Level level,
                     std::vector<std::byte>& payload) {
  thread_local std::vector<std::byte> other;
  const ChunkShape shape = shape_of(content.size());
  if (encode_constant(shape, content, level, content.size(), payload)) return CodecId::kConstant;
  CodecId best = CodecId::kRaw;
  std::size_t limit = content.size();
  const auto keep = [&](CodecId codec, bool is_smaller) {
    if (!is_smaller) return;
    best = codec;
    limit = other.size();
    payload.assign(other.begin(), other.end());
  };
  keep(CodecId::kZstd, encode_zstd(shape, content, level, limit, other));
  if (field.content == Content::kFloat16) {
    number::Candidate candidate;
    candidate.model.bits = 16;
    candidate.model.float_bits = 10;
    candidate.level = level;
    candidate.width = static_cast<std::uint32_t>(content.size() / 2);
    keep(CodecId::kSplitNumber, number::encode_with(nullptr, candidate, content, limit, other));
  } else if (suits_split_number(shape, content)) {
    keep(CodecId::kSplitNumber, encode_split_number(shape, content, level, limit, other));
  }
  if (best == CodecId::kRaw) payload.assign(content.begin(), content.end());
  return best;
}

// Reads the header of a payload for a chunk of so many bytes, and checks all that it says: the payloads
// of the parts are what is left. Errors: kUnsupported if the form is unknown; kMalformed.
Result<std::vector<Part>> get_parts(WireReader& in, std::size_t chunk) {
  const std::size_t payload = in.remaining();
  // Whatever comes after it is only known of this form.
  const auto form = in.get<std::uint8_t>();
  if (in.ok() && form != kForm) {
    return make_error(Code::kUnsupported, "fields: unknown form {}", form);
  }
  if (payload >= chunk) {
    return make_error(Code::kMalformed, "fields: payload of {} bytes for a chunk of {}", payload,
                      chunk);
  }
  const auto count = in.get<std::uint8_t>();
  const std::uint64_t block = in.get<std::uint16_t>();
  if (!in.ok()) return error_with_message(Code::kMalformed, "fields: payload ends in the header");
  if (count < 1 || count > kMaxFields) {
    return make_error(Code::kMalformed, "fields: {} fields, expected 1 to {}", count, kMaxFields);
  }
  if (block == 0 || chunk % block != 0) {
    return make_error(Code::kMalformed, "fields: blocks of {} bytes in a chunk of {}", block,
                      chunk);
  }
  std::vector<Part> parts(count);
  std::uint64_t sum = 0;
  std::uint64_t coded = 0;
  for (Part& part : parts) {
    part.size = in.get<std::uint16_t>();
    part.codec = in.get<std::uint16_t>();
    part.payload_size = in.get<std::uint32_t>();
    sum += part.size;
    coded += part.payload_size;
    const auto codec = static_cast<CodecId>(part.codec);
    if (in.ok() &&
        (part.size == 0 || (codec != CodecId::kRaw && codec != CodecId::kConstant &&
                            codec != CodecId::kZstd && codec != CodecId::kSplitNumber))) {
      return make_error(Code::kMalformed, "fields: a field of {} bytes by codec {}", part.size,
                        part.codec);
    }
    const std::uint64_t content = chunk / block * part.size;
    if (in.ok() && part.payload_size > content) {
      return make_error(Code::kMalformed, "fields: payload of {} bytes for a field of {}",
                        part.payload_size, content);
    }
  }
  if (!in.ok()) return error_with_message(Code::kMalformed, "fields: payload ends in the header");
  if (sum != block) {
    return make_error(Code::kMalformed, "fields: fields of {} bytes in blocks of {}", sum, block);
  }
  if (coded != in.remaining()) {
    return make_error(Code::kMalformed, "fields: payloads of {} bytes, {} bytes are left", coded,
                      in.remaining());
  }
  return parts;
}

}  // namespace

bool suits_fields(const ChunkShape& shape, Bytes plain) {
  return shape.dtype == DType::kBlock && !plain.empty() &&
         !fields::block_fields(shape.unknown_bits / 8).empty();
}

bool encode_fields(const ChunkShape& shape, Bytes plain, Level level, std::size_t limit,
                   std::vector<std::byte>& payload) {
  if (!suits_fields(shape, plain)) return false;
  const std::size_t block = shape.unknown_bits / 8;
  const std::span<const Field> layout = fields::block_fields(block);
  const std::size_t blocks = plain.size() / block;
  thread_local std::vector<std::byte> content;
  thread_local std::vector<std::byte> coded;
  std::vector<std::byte> payloads;
  payload.clear();
  WireWriter out(payload);
  out.put(kForm);
  out.put(static_cast<std::uint8_t>(layout.size()));
  out.put(static_cast<std::uint16_t>(block));
  std::size_t at = 0;
  for (const Field& field : layout) {
    content.resize(blocks * field.size);
    gather(plain, block, at, field.size, content.data());
    const CodecId codec = encode_field(field, content, level, coded);
    out.put(field.size);
    out.put(static_cast<std::uint16_t>(codec));
    out.put(static_cast<std::uint32_t>(coded.size()));
    payloads.insert(payloads.end(), coded.begin(), coded.end());
    at += field.size;
  }
  out.put_bytes(payloads);
  return payload.size() < limit;
}

Status decode_fields(const ChunkShape&, Bytes payload, MutableBytes out, Xxh3Follower*) {
  WireReader in(payload);
  BBZ_ASSIGN(const std::vector<Part> parts, get_parts(in, out.size()));
  std::size_t block = 0;
  for (const Part& part : parts) block += part.size;
  const std::size_t blocks = out.size() / block;
  thread_local std::vector<std::byte> content;
  std::size_t at = 0;
  for (const Part& part : parts) {
    const Bytes coded = in.get_bytes(part.payload_size);
    content.resize(blocks * part.size);
    const Codec* const codec = find_codec(static_cast<CodecId>(part.codec));
    BBZ_TRY(codec->decode(shape_of(content.size()), coded, content, nullptr));
    scatter(content.data(), block, at, part.size, out);
    at += part.size;
  }
  return {};
}

}  // namespace bbz::codec
