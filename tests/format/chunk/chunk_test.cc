#include "bbz/format/chunk/chunk.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

#include "bbz/base/wire.h"
#include "bbz/format/catalog/pivots.h"

namespace bbz::chunk {
namespace {

TEST(ChunkSize, TakesWholeRowsWhereTheyFit) {
  EXPECT_EQ(choose_chunk_elements(16, {4096, 4096}, 1 << 20), 128u * 4096);
  EXPECT_EQ(choose_chunk_elements(16, {100, 1000}, 1 << 20), 524u * 1000);
  EXPECT_EQ(choose_chunk_elements(16, {2, 1'000'000}, 1 << 20), 524'288u);
  EXPECT_EQ(choose_chunk_elements(8, {}, 100), 100u);
  EXPECT_EQ(choose_chunk_elements(64, {5}, 4), 1u);
}

TEST(ChunkSize, PackedElementsFillWholeBytes) {
  for (const unsigned bits : {4u, 6u}) {
    for (const std::uint64_t row : {1u, 3u, 7u, 8u, 1000u, 4096u, 0u}) {
      for (const std::uint64_t target : {1u, 100u, 4096u, 1u << 20}) {
        const std::uint64_t elements = choose_chunk_elements(bits, {9, row}, target);
        EXPECT_GT(elements, 0u);
        EXPECT_EQ(elements * bits % 8, 0u) << bits << " " << row << " " << target;
      }
    }
  }
}

class ChunkTest : public testing::TestWithParam<DigestKind> {
 protected:
  ChunkTest() {
    tensor_.number = 7;
    tensor_.kind = catalog::TensorKind::kTensor;
    tensor_.dtype = DType::kU16;
    tensor_.element_bits = 16;
    tensor_.shape = {10, 100};
    tensor_.stored_elements = 1000;
    tensor_.chunk_elements = 300;
    tensor_.name = "w";
    for (int i = 0; i < 100; ++i) WireWriter(plain_).put(static_cast<std::uint16_t>(i * i));
    make(plain_);
  }

  void make(Bytes plain) {
    std::vector<std::byte> meta;
    const catalog::ChunkMeta encoded = encode(tensor_, 3, plain, {}, GetParam(), payload_);
    catalog::encode_meta(encoded, meta);
    container::RecordView view{
        container::make_head(container::RecordType::kChunk, meta, payload_, 32), meta};
    chunk_ = catalog::chunk_of(tensor_, *catalog::decode_chunk(view, GetParam()));
    chunk_.payload = catalog::payload_of(view);
  }

  catalog::TensorMeta tensor_;
  std::vector<std::byte> plain_;
  std::vector<std::byte> payload_;
  catalog::Chunk chunk_;
};

TEST_P(ChunkTest, ComesBackWithItsPlace) {
  EXPECT_EQ(chunk_.meta.tensor, 7u);
  EXPECT_EQ(chunk_.meta.number, 3u);
  EXPECT_EQ(chunk_.first_element, 900u);
  EXPECT_EQ(chunk_.element_count, 100u);
  EXPECT_EQ(chunk_.decoded_bytes, 200u);
  std::vector<std::byte> out(200);
  const Status decoded = decode(tensor_, chunk_, payload_, out);
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  EXPECT_EQ(out, plain_);
}

TEST_P(ChunkTest, NamesTheChunkWhosePayloadIsDamaged) {
  std::vector<std::byte> out(200);
  payload_[payload_.size() / 2] ^= std::byte{4};
  const Status decoded = decode(tensor_, chunk_, payload_, out);
  EXPECT_EQ(decoded.code(), Code::kChecksum);
  EXPECT_NE(decoded.error().message.find("tensor \"w\", chunk 3 at offset"), std::string::npos);
}

// Whatever happens to a payload: what is decoded is right, or the payload is said to be damaged;
// and a full check finds all damage.
TEST_P(ChunkTest, NeverDecodesToAnythingElse) {
  using codec::CodecId;
  std::map<CodecId, std::vector<std::byte>> chunks;
  chunks[CodecId::kConstant].assign(200, std::byte{7});
  std::minstd_rand random(1);
  for (int i = 0; i < 100; ++i) {
    WireWriter(chunks[CodecId::kZstd]).put(static_cast<std::uint16_t>(i % 10 * 1000));
    WireWriter(chunks[CodecId::kRaw]).put(static_cast<std::uint16_t>(random() >> 8));
    // Signs and mantissas of noise, and one of four exponents.
    const auto bits = static_cast<std::uint16_t>(random() >> 8);
    WireWriter(chunks[CodecId::kSplitFloat])
        .put(static_cast<std::uint16_t>((bits & 0x807F) | (0x3E00 + (bits & 0x100))));
  }
  for (const auto& [codec, plain] : chunks) {
    if (codec == CodecId::kSplitFloat) tensor_.dtype = DType::kBF16;
    make(plain);
    ASSERT_EQ(chunk_.meta.codec, codec);
    std::vector<std::byte> out(200);
    ASSERT_TRUE(decode(tensor_, chunk_, payload_, out, Check::kPayload).ok());
    for (std::size_t bit = 0; bit < payload_.size() * 8; ++bit) {
      SCOPED_TRACE(bit);
      payload_[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
      const Status decoded = decode(tensor_, chunk_, payload_, out);
      if (decoded.ok()) {
        ASSERT_EQ(out, plain);
      } else {
        ASSERT_EQ(decoded.code(), Code::kChecksum);
        ASSERT_THAT(decoded.error().message, testing::HasSubstr(": payload check "));
      }
      const Status verified = decode(tensor_, chunk_, payload_, out, Check::kPayload);
      ASSERT_EQ(verified.code(), Code::kChecksum);
      ASSERT_THAT(verified.error().message, testing::HasSubstr(": payload check "));
      payload_[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    }
  }
}

TEST_P(ChunkTest, ReadsAChunkWhosePayloadCheckIsDamaged) {
  std::vector<std::byte> out(200);
  chunk_.payload.check = *chunk_.payload.check ^ 1;
  EXPECT_TRUE(decode(tensor_, chunk_, payload_, out).ok());
  EXPECT_EQ(out, plain_);
  EXPECT_EQ(decode(tensor_, chunk_, payload_, out, Check::kPayload).code(), Code::kChecksum);
}

TEST_P(ChunkTest, ChecksWhatTheCodecGave) {
  std::vector<std::byte> out(200);
  catalog::Chunk other = chunk_;
  other.meta.decoded_checksum ^= 1;
  Status decoded = decode(tensor_, other, payload_, out);
  EXPECT_EQ(decoded.code(), Code::kChecksum);
  EXPECT_THAT(decoded.error().message, testing::HasSubstr(": decoded checksum"));
  if (GetParam() == DigestKind::kSha256) {
    other = chunk_;
    other.meta.decoded_digest->bytes[31] ^= std::byte{1};
    EXPECT_EQ(decode(tensor_, other, payload_, out).code(), Code::kChecksum);
  }
  other = chunk_;
  other.meta.codec = codec::CodecId{99};
  EXPECT_EQ(decode(tensor_, other, payload_, out).code(), Code::kUnsupported);
}

// Bytes of a dtype that is not known are delivered, if no codec had to know it.
TEST_P(ChunkTest, OfAnUnknownDtype) {
  tensor_.dtype = DType{99};
  std::vector<std::byte> out(200);
  chunk_.meta.codec = codec::CodecId::kRaw;
  payload_ = plain_;
  chunk_.payload.check = check32(payload_);
  const Status decoded = decode(tensor_, chunk_, payload_, out, Check::kPayload);
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  EXPECT_EQ(out, plain_);
  std::vector<std::byte> wrong = plain_;
  wrong[7] ^= std::byte{1};
  EXPECT_EQ(decode(tensor_, chunk_, wrong, out).code(), Code::kChecksum);
  chunk_.meta.codec = codec::CodecId::kSplitFloat;
  const Status refused = decode(tensor_, chunk_, payload_, out);
  EXPECT_EQ(refused.code(), Code::kUnsupported);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("unknown dtype 99"));
  // A payload that is damaged is said to be so.
  payload_[0] ^= std::byte{1};
  EXPECT_EQ(decode(tensor_, chunk_, payload_, out).code(), Code::kChecksum);
}

INSTANTIATE_TEST_SUITE_P(Kinds, ChunkTest,
                         testing::Values(DigestKind::kXxh3_128, DigestKind::kSha256));

TEST(CodecShape, SaysWhereInItsRowAChunkBegins) {
  catalog::TensorMeta tensor;
  tensor.dtype = DType::kF16;
  tensor.element_bits = 16;
  tensor.shape = {4, 1000};
  tensor.stored_elements = 4000;
  tensor.chunk_elements = 300;
  for (const std::uint64_t chunk : {0u, 1u, 3u, 4u, 13u}) {
    const codec::ChunkShape shape = codec_shape(tensor, chunk * 300, 300);
    EXPECT_EQ(shape.row_length, 1000u);
    EXPECT_EQ(shape.elements, 300u);
    EXPECT_EQ(shape.first_column, chunk * 300 % 1000) << chunk;
  }
}

TEST(CodecShape, HasWholeRowsBelowATriangle) {
  catalog::TensorMeta tensor;
  tensor.dtype = DType::kF16;
  tensor.element_bits = 16;
  tensor.form = catalog::Form::kLower;
  tensor.shape = {50, 20};
  tensor.stored_elements = 20 * 21 / 2 + 30 * 20;
  // The first chunk begins in the triangle, the others behind its 210 elements.
  EXPECT_EQ(codec_shape(tensor, 209, 100).row_length, tensor.stored_elements);
  EXPECT_EQ(codec_shape(tensor, 210, 100).row_length, 20u);
  EXPECT_EQ(codec_shape(tensor, 210, 100).first_column, 0u);
  EXPECT_EQ(codec_shape(tensor, 257, 100).first_column, 7u);
  tensor.shape = {50, 0};
  EXPECT_EQ(codec_shape(tensor, 300, 100).row_length, tensor.stored_elements);
}

TEST(CodecShape, HasRowsWithoutPivots) {
  catalog::TensorMeta tensor;
  tensor.dtype = DType::kF16;
  tensor.element_bits = 16;
  tensor.form = catalog::Form::kPivot;
  const auto expect_row = [&](std::uint64_t length) {
    const codec::ChunkShape shape = codec_shape(tensor, 250, 30);
    EXPECT_EQ(shape.row_length, length);
    EXPECT_EQ(shape.first_column, 250 % length);
    if (length != tensor.stored_elements) {
      EXPECT_GE(shape.joined_length, length);
    }
  };
  const std::vector<std::uint32_t> lines = {1, 2, 5};
  tensor.stored_elements = 300;
  tensor.shape = {103, 3};
  tensor.pivots = std::make_shared<const catalog::Pivots>(0, 103, lines);
  expect_row(3);
  tensor.shape = {3, 103};
  tensor.pivots = std::make_shared<const catalog::Pivots>(1, 103, lines);
  expect_row(100);
  // What does not fit the shape makes one row.
  tensor.stored_elements = 299;
  expect_row(299);
  tensor.stored_elements = 300;
  for (const Shape& shape : {Shape{3, 2}, Shape{103}, Shape{103, 3}}) {
    tensor.shape = shape;
    expect_row(300);
  }
  tensor.shape = {3, 103};
  tensor.pivots = std::make_shared<const catalog::Pivots>(7, 103, lines);
  expect_row(300);
}

}  // namespace
}  // namespace bbz::chunk
