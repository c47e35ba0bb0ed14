// Fuzz target of the codecs. Byte 0 chooses: an even number decodes the rest as a payload, an odd
// one encodes it and expects it back. Half of it is the bits of an element of an unknown dtype. For
// a codec that needs a base, a number of 16 bits comes first: so many bytes are the beginning of the
// base, which is repeated, and the payload or the chunk follows.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "bbz/base/wire.h"
#include "bbz/codec/codec.h"
#include "bbz/codec/difference/binding.h"
#include "bbz/codec/number/binding.h"
#include "bbz/codec/split/binding.h"
#include "bbz/codec/split/wire.h"
#include "emulated/codec_kernels.h"

namespace {

using namespace bbz;
using namespace bbz::codec;

constexpr std::uint64_t kMaxBytes = 4 << 20;

void require(bool condition) {
  if (!condition) std::abort();
}

// Whatever the portable kernel makes of a payload, every other kernel makes of it too.
void decode_with_every_kernel(const ChunkShape& shape, Bytes payload, MutableBytes out) {
  WireReader in(payload);
  const auto header = split::get_header(in);
  if (!header || !split::is_split_dtype(shape.dtype)) return;
  const split::Grid grid{shape.elements, header->width, header->first, header->lanes()};
  const split::Layout layout = split::layout_of(shape.dtype, header->top_bits);
  const Status expected = split::decode_with(&split::kPortableKernel, shape, payload, out);
  std::vector<std::byte> other(out.size());
  const std::uint64_t hash = xxh3_64(out);
  for (const split::Kernel* kernel : split::tested_kernels()) {
    if (!kernel->takes(layout, grid)) continue;
    // The hash may be made within the loop that decodes.
    Xxh3Follower follower(other);
    const Status status = split::decode_with(kernel, shape, payload, other, &follower);
    require(status.ok() == expected.ok());
    if (!status.ok() || out.empty()) continue;
    require(std::memcmp(other.data(), out.data(), out.size()) == 0);
    require(follower.finish() == hash);
  }
}

// The same of a payload of numbers.
void decode_numbers_with_every_kernel(Bytes payload, MutableBytes out) {
  const Status expected =
      number::decode_with({&number::kPortableKernel, &split::kPortableKernel}, payload, out);
  std::vector<std::byte> other(out.size());
  for (const number::Kernel* loops : number::tested_kernels()) {
    for (const split::Kernel* symbols : split::tested_kernels()) {
      Xxh3Follower follower(other);
      const Status status = number::decode_with({loops, symbols}, payload, other, &follower);
      require(status.ok() == expected.ok());
      require(status.ok() || status.error().message == expected.error().message);
      if (!status.ok()) continue;
      require(std::ranges::equal(other, out));
      require(follower.finish() == xxh3_64(out));
    }
  }
}

// Repeats the beginning of a base until it fills `base`.
void fill_base(Bytes begin, MutableBytes base) {
  for (std::size_t i = 0; i < base.size(); ++i) {
    base[i] = begin.empty() ? std::byte{0} : begin[i % begin.size()];
  }
}

// Whatever the portable kernels make of a payload and a base, all others make of them too.
void decode_on_base_with_every_kernel(const ChunkShape& shape, Bytes payload, Bytes base) {
  std::vector<std::byte> expected(base.begin(), base.end());
  const Status wanted = difference::decode_float(
      {&difference::kPortableKernel, &split::kPortableKernel}, shape, payload, expected);
  for (const difference::Kernel* loops : difference::tested_kernels()) {
    for (const split::Kernel* symbols : split::tested_kernels()) {
      std::vector<std::byte> out(base.begin(), base.end());
      Xxh3Follower hash(out);
      const Status status = difference::decode_float({loops, symbols}, shape, payload, out, &hash);
      require(status.ok() == wanted.ok());
      if (!status.ok() || out.empty()) continue;
      require(out == expected && hash.finish() == xxh3_64(expected));
    }
  }
}

void fuzz_decode_on_base(CodecId id, const ChunkShape& shape, Bytes begin, Bytes payload) {
  const auto size = chunk_bytes(shape);
  if (!size || *size > kMaxBytes) return;
  std::vector<std::byte> base(*size);
  fill_base(begin, base);
  std::vector<std::byte> out = base;
  const Status status = decode(id, shape, payload, out);
  require(status.ok() || !status.error().message.empty());
  if (id == CodecId::kDifference) decode_on_base_with_every_kernel(shape, payload, base);
}

void fuzz_encode_on_base(ChunkShape shape, Bytes begin, Bytes plain, Level level) {
  const DTypeInfo* info = find_dtype(shape.dtype);
  if (info == nullptr) return;
  shape.elements = plain.size() * 8 / static_cast<std::uint64_t>(info->bits) / 4 * 4;
  const auto size = chunk_bytes(shape);
  if (!size) return;
  plain = plain.first(*size);
  std::vector<std::byte> out(plain.size());
  fill_base(begin, out);
  std::vector<std::byte> payload;
  const CodecId id = encode_on_base(shape, plain, out, {level}, payload);
  require(payload.size() <= plain.size());
  require(decode(id, shape, payload, out).ok());
  require(std::ranges::equal(out, plain));
}

void fuzz_decode(CodecId id, const ChunkShape& shape, Bytes payload) {
  const auto size = chunk_bytes(shape);
  if (!size || *size > kMaxBytes) return;
  std::vector<std::byte> out(*size);
  const Status status = decode(id, shape, payload, out);
  if (id == CodecId::kSplitFloat) decode_with_every_kernel(shape, payload, out);
  if (id == CodecId::kSplitNumber) decode_numbers_with_every_kernel(payload, out);
  require(status.ok() || !status.error().message.empty());
}

// Every way to take a chunk as numbers that the encoder knows gives it back, if it makes it smaller.
void fuzz_candidates(const ChunkShape& shape, Bytes plain) {
  std::vector<std::byte> payload;
  std::vector<std::byte> out(plain.size());
  for (const number::Candidate& candidate : number::find_candidates(shape, plain, Level::kSmall)) {
    if (!number::encode_with(nullptr, candidate, plain, plain.size(), payload)) continue;
    require(number::decode_with({}, payload, out).ok());
    require(std::ranges::equal(out, plain));
  }
}

void fuzz_encode(ChunkShape shape, Bytes plain, Level level) {
  const DTypeInfo* info = find_dtype(shape.dtype);
  if (info == nullptr) return;
  shape.elements = plain.size() * 8 / static_cast<std::uint64_t>(info->bits) / 4 * 4;
  const auto size = chunk_bytes(shape);
  if (!size) return;
  plain = plain.first(*size);
  std::vector<std::byte> payload;
  const CodecId id = encode(shape, plain, {level}, payload);
  require(payload.size() <= plain.size());
  std::vector<std::byte> out(plain.size());
  require(decode(id, shape, payload, out).ok());
  require(plain.empty() || std::memcmp(out.data(), plain.data(), plain.size()) == 0);
  if (!plain.empty()) fuzz_candidates(shape, plain);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  WireReader in(std::as_bytes(std::span(data, size)));
  const auto mode = in.get<std::uint8_t>();
  const auto id = static_cast<CodecId>(in.get<std::uint8_t>());
  ChunkShape shape;
  shape.dtype = static_cast<DType>(in.get<std::uint8_t>());
  shape.elements = in.get<std::uint32_t>();
  shape.row_length = in.get<std::uint32_t>();
  shape.first_column = in.get<std::uint32_t>();
  shape.unknown_bits = mode / 2;
  if (!in.ok()) return 0;
  const Codec* const codec = find_codec(id);
  if (codec != nullptr && codec->needs_base) {
    const Bytes begin = in.get_bytes(in.get<std::uint16_t>());
    if (!in.ok()) return 0;
    const Bytes rest = in.get_bytes(in.remaining());
    if (mode % 2 == 0) {
      fuzz_decode_on_base(id, shape, begin, rest);
    } else {
      fuzz_encode_on_base(shape, begin, rest, static_cast<Level>(mode / 2 % 3));
    }
    return 0;
  }
  const Bytes rest = in.get_bytes(in.remaining());
  if (mode % 2 == 0) {
    fuzz_decode(id, shape, rest);
  } else {
    fuzz_encode(shape, rest, static_cast<Level>(mode / 2 % 3));
  }
  return 0;
}
