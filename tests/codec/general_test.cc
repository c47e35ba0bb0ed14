// The registry and the codecs that fit every dtype.
#include <gtest/gtest.h>

#include <cstring>

#include "bbz/codec/codec.h"
#include "support/bytes.h"

namespace bbz::codec {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

// Encodes, decodes and hashes, compares; returns the codec taken.
CodecId round_trip(const ChunkShape& shape, Bytes plain, std::vector<std::byte>& payload) {
  EXPECT_EQ(*chunk_bytes(shape), plain.size());
  const CodecId id = encode(shape, plain, {}, payload);
  EXPECT_LE(payload.size(), plain.size());
  std::vector<std::byte> out(plain.size(), std::byte{0xA5});
  Xxh3Follower hash(out);
  const Status status = decode(id, shape, payload, out, &hash);
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
  EXPECT_TRUE(std::ranges::equal(out, plain));
  EXPECT_EQ(hash.finish(), xxh3_64(plain));
  return id;
}

TEST(Registry, HasEachNumberOnceInOrder) {
  int last = -1;
  for (const Codec& codec : registry()) {
    EXPECT_GT(static_cast<int>(codec.id), last);
    last = static_cast<int>(codec.id);
    EXPECT_EQ(find_codec(codec.id), &codec);
    EXPECT_FALSE(codec.name.empty());
  }
  EXPECT_EQ(find_codec(static_cast<CodecId>(60000)), nullptr);
}

TEST(ChunkShape, RefusesWhatCannotBe) {
  EXPECT_EQ(*chunk_bytes({DType::kF32, 3, 5, 4}), 12u);
  EXPECT_EQ(*chunk_bytes({DType::kF6E2M3, 8, 8, 0}), 6u);
  EXPECT_EQ(chunk_bytes({static_cast<DType>(0), 1, 1, 0}).code(), Code::kInvalidArgument);
  EXPECT_EQ(chunk_bytes({DType::kF32, 3, 5, 5}).code(), Code::kInvalidArgument);
  EXPECT_EQ(chunk_bytes({DType::kF32, 3, 0, 0}).code(), Code::kInvalidArgument);
  EXPECT_EQ(chunk_bytes({DType::kF4, 3, 5, 0}).code(), Code::kInvalidArgument);
  EXPECT_EQ(chunk_bytes({DType::kF32, ~0ull, 5, 0}).code(), Code::kInvalidArgument);
  EXPECT_EQ(chunk_bytes({DType::kU8, kMaxChunkBytes + 1, 5, 0}).code(), Code::kLimit);
}

// The bits of an element of a dtype that is not known come from who asks.
TEST(ChunkShape, OfAnUnknownDtype) {
  const auto shape = [](DType dtype, std::uint64_t elements, unsigned bits) {
    return ChunkShape{.dtype = dtype, .elements = elements, .unknown_bits = bits};
  };
  for (const DType unknown : {DType{0}, DType{10}, DType{100}, DType{255}}) {
    EXPECT_EQ(element_bits(shape(unknown, 1, 12)), 12u);
    EXPECT_EQ(*chunk_bytes(shape(unknown, 2, 12)), 3u);
    EXPECT_EQ(*chunk_bytes(shape(unknown, 8, 255)), 255u);
    EXPECT_EQ(chunk_bytes(shape(unknown, 3, 12)).code(), Code::kInvalidArgument);
    EXPECT_EQ(chunk_bytes(shape(unknown, 1, 0)).code(), Code::kInvalidArgument);
    EXPECT_EQ(chunk_bytes(shape(unknown, kMaxChunkBytes + 1, 8)).code(), Code::kLimit);
  }
  // Those of one that is known do not.
  EXPECT_EQ(element_bits(shape(DType::kF16, 1, 12)), 16u);
  EXPECT_EQ(*chunk_bytes(shape(DType::kF16, 1, 12)), 2u);
}

// Split-float alone asks what the bits of an element mean.
TEST(General, AnUnknownDtypeIsDecodedByCodecsThatDoNotNeedIt) {
  for (const Codec& codec : registry()) {
    EXPECT_EQ(codec.needs_dtype, codec.id == CodecId::kSplitFloat) << codec.name;
  }
  // 800 elements of 12 bits in patterns of two, which are 3 bytes.
  const ChunkShape shape{.dtype = DType{99}, .elements = 800, .unknown_bits = 12};
  const std::vector<std::byte> pattern = bytes_of("abc");
  std::vector<std::byte> plain;
  for (int i = 0; i < 400; ++i) plain.insert(plain.end(), pattern.begin(), pattern.end());
  std::vector<std::byte> frame;
  const ChunkShape as_bytes{DType::kU8, plain.size(), 1, 0};
  ASSERT_TRUE(
      find_codec(CodecId::kZstd)->encode(as_bytes, plain, Level::kDefault, plain.size(), frame));
  const auto decoded = [&](CodecId id, Bytes payload) {
    std::vector<std::byte> out(plain.size());
    Xxh3Follower hash(out);
    const Status status = decode(id, shape, payload, out, &hash);
    if (status.ok()) {
      EXPECT_EQ(out, plain) << static_cast<int>(id);
      EXPECT_EQ(hash.finish(), xxh3_64(plain));
    }
    return status.code();
  };
  EXPECT_EQ(decoded(CodecId::kRaw, plain), Code::kOk);
  EXPECT_EQ(decoded(CodecId::kConstant, pattern), Code::kOk);
  EXPECT_EQ(decoded(CodecId::kZstd, frame), Code::kOk);
  // What they refuse of other dtypes, they refuse of this one.
  EXPECT_EQ(decoded(CodecId::kRaw, pattern), Code::kMalformed);
  EXPECT_EQ(decoded(CodecId::kConstant, bytes_of("ab")), Code::kMalformed);
  EXPECT_EQ(decoded(CodecId::kConstant, bytes_of("abcabc")), Code::kMalformed);
  EXPECT_EQ(decoded(CodecId::kZstd, pattern), Code::kMalformed);
  EXPECT_EQ(decoded(CodecId::kSplitFloat, pattern), Code::kUnsupported);
  EXPECT_EQ(decoded(CodecId::kSplitFloat, {}), Code::kUnsupported);
  EXPECT_EQ(decoded(CodecId{99}, plain), Code::kUnsupported);
  EXPECT_EQ(decoded(CodecId::kCarried, plain), Code::kMalformed);
}

TEST(General, NoiseIsRawAndTextIsZstdAndEqualElementsAreConstant) {
  std::vector<std::byte> payload;
  EXPECT_EQ(round_trip({DType::kU8, 5000, 100, 0}, noise(5000, 7), payload), CodecId::kRaw);
  EXPECT_EQ(payload.size(), 5000u);

  std::vector<std::byte> text;
  for (int i = 0; i < 500; ++i) {
    const auto line = bytes_of("line " + std::to_string(i % 37) + "\n");
    text.insert(text.end(), line.begin(), line.end());
  }
  EXPECT_EQ(round_trip({DType::kU8, text.size(), text.size(), 0}, text, payload), CodecId::kZstd);
  EXPECT_LT(payload.size(), text.size() / 4);

  for (const DTypeInfo& row : dtype_table()) {
    const std::size_t pattern = row.bits == 6 ? 3 : std::max(row.bits / 8, 1);
    const auto element = noise(pattern, 7);
    std::vector<std::byte> plain;
    for (int i = 0; i < 999; ++i) plain.insert(plain.end(), element.begin(), element.end());
    const std::uint64_t elements = plain.size() * 8 / static_cast<std::size_t>(row.bits);
    EXPECT_EQ(round_trip({row.dtype, elements, 3, 1}, plain, payload), CodecId::kConstant);
    EXPECT_EQ(payload.size(), pattern) << row.name;
  }
}

TEST(General, TheSmallestChunksStayExact) {
  std::vector<std::byte> payload;
  EXPECT_EQ(round_trip({DType::kF32, 0, 4, 0}, {}, payload), CodecId::kRaw);
  EXPECT_EQ(round_trip({DType::kF32, 1, 1, 0}, noise(4, 7), payload), CodecId::kRaw);
  EXPECT_EQ(round_trip({DType::kU8, 1, 1, 0}, noise(1, 7), payload), CodecId::kRaw);
}

TEST(General, EncodeOverwritesTheOldPayload) {
  std::vector<std::byte> payload = noise(100, 7);
  encode({DType::kU8, 10, 10, 0}, noise(10, 7), {}, payload);
  EXPECT_EQ(payload, noise(10, 7));
}

TEST(General, MalformedPayloadsAreRefused) {
  const ChunkShape shape{DType::kF32, 100, 10, 0};
  std::vector<std::byte> out(400);
  const auto code = [&](CodecId id, Bytes payload) {
    const Status status = decode(id, shape, payload, out);
    return status.ok() ? Code::kOk : status.error().code;
  };
  EXPECT_EQ(code(static_cast<CodecId>(999), {}), Code::kUnsupported);
  EXPECT_EQ(code(CodecId::kRaw, noise(399, 7)), Code::kMalformed);
  EXPECT_EQ(code(CodecId::kRaw, noise(401, 7)), Code::kMalformed);
  EXPECT_EQ(code(CodecId::kConstant, noise(3, 7)), Code::kMalformed);
  EXPECT_EQ(code(CodecId::kConstant, noise(5, 7)), Code::kMalformed);
  EXPECT_EQ(code(CodecId::kZstd, {}), Code::kMalformed);
  EXPECT_EQ(code(CodecId::kZstd, noise(30, 7)), Code::kMalformed);
  std::vector<std::byte> small(399);
  EXPECT_EQ(decode(CodecId::kRaw, shape, noise(400, 7), small).error().code,
            Code::kInvalidArgument);
}

TEST(General, NothingIsNoConstantAndOnlyRidersCarry) {
  const std::vector<std::byte> element(4);
  std::vector<std::byte> none, one(4);
  EXPECT_EQ(decode(CodecId::kConstant, {DType::kF32, 0, 1, 0}, element, none).code(),
            Code::kMalformed);
  EXPECT_EQ(decode(CodecId::kConstant, {DType::kF32, 1, 1, 0}, element, one).code(), Code::kOk);
  EXPECT_EQ(decode(CodecId::kCarried, {DType::kF32, 1, 1, 0}, element, one).code(),
            Code::kMalformed);
}

// A frame of RFC 8878 with what follows its magic number up to its content, in one block as it is.
std::vector<std::byte> zstd_frame(std::vector<unsigned> header, std::size_t content) {
  std::vector<std::byte> frame;
  for (const unsigned b : {0x28u, 0xB5u, 0x2Fu, 0xFDu}) frame.push_back(std::byte(b));
  for (const unsigned b : header) frame.push_back(std::byte(b));
  const std::size_t block = content << 3 | 1;
  for (const int shift : {0, 8, 16}) frame.push_back(std::byte(block >> shift & 0xFF));
  frame.resize(frame.size() + content, std::byte{'x'});
  return frame;
}

TEST(Zstd, IsOneFrameThatNeedsNothingElse) {
  std::vector<std::byte> out(300);
  const auto code = [&](const std::vector<std::byte>& payload) {
    return decode(CodecId::kZstd, {DType::kU8, 300, 300, 0}, payload, out).code();
  };
  // Sizes of two bytes are less 256.
  EXPECT_EQ(code(zstd_frame({0x60, 44, 0}, 300)), Code::kOk);
  EXPECT_TRUE(std::ranges::all_of(out, [](std::byte b) { return b == std::byte{'x'}; }));
  EXPECT_EQ(code(zstd_frame({0x60, 45, 0}, 301)), Code::kMalformed);
  EXPECT_EQ(code(zstd_frame({0x60, 44, 0}, 299)), Code::kMalformed);
  EXPECT_EQ(code(zstd_frame({0x00, 0x00}, 300)), Code::kMalformed);  // of unknown size
}

TEST(Zstd, TakesNoDictionaryAndNothingToSkip) {
  const auto decoded = [](const std::vector<std::byte>& payload, std::size_t size) {
    std::vector<std::byte> out(size);
    return decode(CodecId::kZstd, {DType::kU8, size, 300, 0}, payload, out);
  };
  const Status status = decoded(zstd_frame({0x61, 7, 44, 0}, 300), 300);
  ASSERT_EQ(status.code(), Code::kMalformed);
  EXPECT_NE(status.error().message.find("dictionary"), std::string::npos);
  // A frame to be skipped, which is of no bytes, alone and before another.
  std::vector<std::byte> skipped;
  for (const unsigned b : {0x50u, 0x2Au, 0x4Du, 0x18u, 0u, 0u, 0u, 0u}) {
    skipped.push_back(std::byte(b));
  }
  EXPECT_EQ(decoded(skipped, 0).code(), Code::kMalformed);
  const auto frame = zstd_frame({0x60, 44, 0}, 300);
  skipped.insert(skipped.end(), frame.begin(), frame.end());
  EXPECT_EQ(decoded(skipped, 300).code(), Code::kMalformed);
}

TEST(Zstd, WindowsAreNoLargerThanChunks) {
  std::vector<std::byte> out(300);
  const auto code = [&](unsigned window) {
    const auto payload = zstd_frame({0x40, window, 44, 0}, 300);
    return decode(CodecId::kZstd, {DType::kU8, 300, 300, 0}, payload, out).code();
  };
  EXPECT_EQ(code(16 << 3), Code::kOk);  // 2^26 bytes
  EXPECT_EQ(code(16 << 3 | 1), Code::kMalformed);
  EXPECT_EQ(code(17 << 3), Code::kMalformed);
}

TEST(Zstd, EveryCutAndEveryTrailingByteIsRefused) {
  const ChunkShape shape{DType::kI32, 300, 300, 0};
  std::vector<std::byte> plain(1200);
  for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = static_cast<std::byte>(i % 7);
  std::vector<std::byte> payload;
  ASSERT_EQ(encode(shape, plain, {}, payload), CodecId::kZstd);
  std::vector<std::byte> out(1200);
  for (std::size_t size = 0; size < payload.size(); ++size) {
    EXPECT_FALSE(decode(CodecId::kZstd, shape, Bytes(payload).first(size), out).ok()) << size;
  }
  payload.push_back(std::byte{0});
  EXPECT_EQ(decode(CodecId::kZstd, shape, payload, out).error().code, Code::kMalformed);
  payload.pop_back();
  // A chunk of another size than the frame's content.
  out.resize(1204);
  EXPECT_EQ(decode(CodecId::kZstd, {DType::kI32, 301, 301, 0}, payload, out).error().code,
            Code::kMalformed);
}

}  // namespace
}  // namespace bbz::codec
