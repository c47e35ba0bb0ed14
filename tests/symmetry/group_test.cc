#include "bbz/symmetry/group.h"

#include <gtest/gtest.h>

namespace bbz::symmetry {
namespace {

Bytes cut(const std::vector<std::byte>& bytes, std::size_t size) {
  return Bytes(bytes).first(size);
}

TEST(PolarGroup, ComesBackAndIsTakenExactly) {
  PolarGroup group;
  group.pivots = {3, 0, 65535};
  group.decoded_checksum = 0x0123456789abcdef;
  for (const DigestKind kind : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    if (kind == DigestKind::kSha256) group.decoded_digest = digest_of(kind, {});
    std::vector<std::byte> bytes = encode_group(group);
    const auto back = decode_polar_group(bytes, kind);
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(back->pivots, group.pivots);
    EXPECT_EQ(back->decoded_checksum, group.decoded_checksum);
    EXPECT_EQ(back->decoded_digest, group.decoded_digest);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(decode_polar_group(cut(bytes, size), kind).code(), Code::kMalformed) << size;
    }
    bytes.push_back(std::byte{0});
    EXPECT_EQ(decode_polar_group(bytes, kind).code(), Code::kMalformed);
    bytes.pop_back();
    bytes[4] = std::byte{1};
    EXPECT_EQ(decode_polar_group(bytes, kind).code(), Code::kUnsupported);
  }
}

TEST(PolarGroup, AHugeRankAllocatesNothing) {
  std::vector<std::byte> bytes = encode_group(PolarGroup{});
  for (int i = 0; i < 4; ++i) bytes[i] = std::byte{0xFF};
  EXPECT_EQ(decode_polar_group(bytes, DigestKind::kXxh3_128).code(), Code::kMalformed);
}

TEST(BitsBackGroup, ComesBackAndIsTakenExactly) {
  BitsBackGroup group;
  group.width = 56;
  group.carriers = 2;
  group.record = {std::byte{1}, std::byte{2}};
  std::vector<std::byte> bytes = encode_group(group);
  const auto back = decode_bits_back_group(bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->width, 56u);
  EXPECT_EQ(back->carriers, 2u);
  EXPECT_EQ(back->record, group.record);
  for (std::size_t size = 0; size < 8; ++size) {
    EXPECT_EQ(decode_bits_back_group(cut(bytes, size)).code(), Code::kMalformed);
  }
  std::vector<std::byte> reserved = bytes;
  reserved[6] = std::byte{1};
  EXPECT_EQ(decode_bits_back_group(reserved).code(), Code::kUnsupported);
  reserved[4] = std::byte{0};  // a stream must refuse it even where it may skip what is reserved
  EXPECT_EQ(decode_bits_back_group(reserved).code(), Code::kMalformed);
  bytes[4] = std::byte{0};
  EXPECT_EQ(decode_bits_back_group(bytes).code(), Code::kMalformed);
}

TEST(Carried, HeadComesBackAndRefusesNesting) {
  std::vector<std::byte> bytes;
  encode_carried_head({3, 100, 1u << 30}, bytes);
  ASSERT_EQ(bytes.size(), kCarriedHeadSize);
  const auto back = decode_carried_head(bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->codec, 3);
  EXPECT_EQ(back->length, 100u);
  EXPECT_EQ(back->offset, 1u << 30);
  EXPECT_EQ(decode_carried_head(cut(bytes, 15)).code(), Code::kMalformed);
  bytes[2] = std::byte{1};
  EXPECT_EQ(decode_carried_head(bytes).code(), Code::kUnsupported);
  bytes.clear();
  encode_carried_head({kCodecCarried, 1, 0}, bytes);
  EXPECT_EQ(decode_carried_head(bytes).code(), Code::kMalformed);
}

}  // namespace
}  // namespace bbz::symmetry
