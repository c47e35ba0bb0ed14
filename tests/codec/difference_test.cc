// The codecs that need a base, through the functions that choose and decode them.
#include <gtest/gtest.h>

#include <cstring>

#include "bbz/codec/codec.h"
#include "codec/generate.h"
#include "support/bytes.h"

namespace bbz::codec {
namespace {

// Encodes on a base, decodes in place with a hash, and compares. Returns the codec.
CodecId round_trip(const ChunkShape& shape, Bytes plain, Bytes base,
                   std::vector<std::byte>& payload) {
  const CodecId id = encode_on_base(shape, plain, base, {}, payload);
  EXPECT_LE(payload.size(), plain.size());
  std::vector<std::byte> out(base.begin(), base.end());
  Xxh3Follower hash(out);
  const Status status = decode(id, shape, payload, out, &hash);
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
  EXPECT_TRUE(std::ranges::equal(out, plain));
  EXPECT_EQ(hash.finish(), xxh3_64(plain));
  return id;
}

TEST(OnBase, EveryDtypeComesBackWhateverItsBase) {
  std::vector<std::byte> payload;
  for (const DTypeInfo& row : dtype_table()) {
    SCOPED_TRACE(row.name);
    const std::size_t size = 3 * 8 * 1024;
    const ChunkShape shape{row.dtype, size * 8 / static_cast<std::size_t>(row.bits), 96, 5};
    const auto base = noise(size, 7);
    EXPECT_EQ(round_trip(shape, base, base, payload), CodecId::kUnchanged);
    EXPECT_TRUE(payload.empty());
    auto plain = base;
    for (std::size_t i = 0; i < size; i += 999) plain[i] ^= std::byte{1};
    EXPECT_EQ(round_trip(shape, plain, base, payload), CodecId::kDifference);
    EXPECT_LT(payload.size(), size / 50);
    EXPECT_EQ(round_trip(shape, noise(size, 8), base, payload), CodecId::kRaw);
    EXPECT_EQ(round_trip(shape, std::vector<std::byte>(size), base, payload), CodecId::kConstant);
  }
}

TEST(OnBase, AChunkOfNothingIsRaw) {
  std::vector<std::byte> payload;
  EXPECT_EQ(round_trip({DType::kF32, 0, 4, 0}, {}, {}, payload), CodecId::kRaw);
}

TEST(OnBase, UnchangedHasNoPayload) {
  std::vector<std::byte> out(8);
  const ChunkShape shape{DType::kF32, 2, 4, 0};
  EXPECT_EQ(decode(CodecId::kUnchanged, shape, {}, out).code(), Code::kOk);
  EXPECT_EQ(decode(CodecId::kUnchanged, shape, noise(1, 7), out).code(), Code::kMalformed);
  EXPECT_EQ(decode(CodecId::kUnchanged, {DType::kF32, 0, 4, 0}, {}, {}).code(), Code::kMalformed);
}

}  // namespace
}  // namespace bbz::codec
