// Payloads that break a rule of the difference codec, or have a bit changed anywhere, and bases that
// are not the right ones.
#include <gtest/gtest.h>

#include <cstring>

#include "bbz/base/wire.h"
#include "bbz/codec/difference/binding.h"
#include "codec/generate.h"
#include "emulated/codec_kernels.h"

namespace bbz::codec::difference {
namespace {

struct Sample {
  ChunkShape shape;
  std::vector<std::byte> base;
  std::vector<std::byte> plain;
  std::vector<std::byte> payload;
};

Sample make_sample(DType dtype, std::uint64_t elements, double step = 1e-4) {
  Sample s;
  s.shape = {dtype, elements, 100, 0};
  s.base = gaussian_rows(dtype, elements, 100, 9);
  s.plain = descendant(dtype, s.base, step, 4, 20);
  // An element that changes though its table is not live, and one of another sign.
  s.plain[elements / 2 * static_cast<std::size_t>(dtype_info(dtype).bits / 8)] ^= std::byte{1};
  s.plain.back() ^= std::byte{0x80};
  EXPECT_TRUE(
      encode_float({}, s.shape, s.plain, s.base, Level::kDefault, s.plain.size(), s.payload));
  return s;
}

Code code_of(const Sample& s, Bytes payload) {
  auto out = s.base;
  return decode(CodecId::kDifference, s.shape, payload, out).code();
}

template <class T>
Code code_with(const Sample& s, std::size_t at, T value) {
  auto payload = s.payload;
  store_le(payload.data() + at, value);
  return code_of(s, payload);
}

std::uint8_t byte_at(const Sample& s, std::size_t at) {
  return std::to_integer<std::uint8_t>(s.payload[at]);
}

TEST(DifferenceHostile, EachFieldIsChecked) {
  const Sample s = make_sample(DType::kBF16, 5000);
  ASSERT_EQ(code_of(s, s.payload), Code::kOk);
  for (const int form : {0, 3, 255}) {
    EXPECT_EQ(code_with(s, 0, static_cast<std::uint8_t>(form)), Code::kUnsupported);
  }
  for (const int lanes : {0, 2, 9, 255}) {
    EXPECT_EQ(code_with(s, 1, static_cast<std::uint8_t>(lanes)), Code::kMalformed);
  }
  const unsigned tables = byte_at(s, 2);
  ASSERT_GE(tables, 2u);
  for (const unsigned other : {0u, 9u, 255u, tables - 1, tables + 1}) {
    EXPECT_EQ(code_with(s, 2, static_cast<std::uint8_t>(other)), Code::kMalformed);
  }
  EXPECT_EQ(code_with(s, 3, static_cast<std::uint8_t>(byte_at(s, 3) | 1 << tables)),
            Code::kMalformed);
  EXPECT_EQ(code_with(s, 3, std::uint8_t{0}), Code::kMalformed);
  for (const std::size_t at : {5u, 9u, 13u, 17u, 21u}) {
    std::uint32_t value = 0;
    std::memcpy(&value, s.payload.data() + at, 4);
    for (const std::uint32_t other : {value + 1, ~0u, 0u}) {
      if (other == value) continue;
      EXPECT_EQ(code_with(s, at, other), Code::kMalformed) << at;
    }
  }
  // The exponents of the tables.
  EXPECT_EQ(code_with(s, 25, std::uint8_t{0}), Code::kMalformed);
  ASSERT_GE(tables, 3u);
  EXPECT_EQ(code_with(s, 26, byte_at(s, 25)), Code::kMalformed);
}

TEST(DifferenceHostile, ExponentsOfTablesFitTheDtype) {
  Sample s = make_sample(DType::kF16, 5000, 1e-5);
  ASSERT_EQ(code_of(s, s.payload), Code::kOk);
  ASSERT_GE(byte_at(s, 2), 2);
  EXPECT_EQ(code_with(s, 25 + byte_at(s, 2) - 2u, std::uint8_t{32}), Code::kMalformed);
}

TEST(DifferenceHostile, OnlyFloatsOfUpTo32BitsHaveFormOne) {
  const Sample s = make_sample(DType::kBF16, 5000);
  const auto code = [&](ChunkShape shape) {
    auto out = s.base;
    return decode(CodecId::kDifference, shape, s.payload, out).code();
  };
  EXPECT_EQ(code({DType::kI16, 5000, 100, 0}), Code::kMalformed);
  EXPECT_EQ(code({DType::kF64, 1250, 100, 0}), Code::kMalformed);
  EXPECT_EQ(code({.dtype = DType::kBlock, .elements = 5000, .unknown_bits = 16}), Code::kMalformed);
  EXPECT_EQ(code({.dtype = DType{99}, .elements = 5000, .unknown_bits = 16}), Code::kUnsupported);
}

TEST(DifferenceHostile, EveryCutAndEveryExtraByteIsRefused) {
  for (const Sample& s : {make_sample(DType::kBF16, 1000), make_sample(DType::kF32, 300, 1e-6),
                          make_sample(DType::kF8E4M3, 3000, 1e-3)}) {
    ASSERT_EQ(code_of(s, s.payload), Code::kOk);
    for (std::size_t size = 0; size < s.payload.size(); ++size) {
      ASSERT_EQ(code_of(s, Bytes(s.payload).first(size)), Code::kMalformed) << size;
    }
    auto longer = s.payload;
    longer.push_back(std::byte{0});
    EXPECT_EQ(code_of(s, longer), Code::kMalformed);
  }
}

TEST(DifferenceHostile, PayloadsAreShorterThanTheirChunks) {
  std::vector<std::byte> out(100);
  const ChunkShape shape{DType::kBF16, 50, 100, 0};
  EXPECT_EQ(decode(CodecId::kDifference, shape, std::vector<std::byte>(100), out).code(),
            Code::kMalformed);
  EXPECT_EQ(decode(CodecId::kDifference, shape, {}, out).code(), Code::kMalformed);
  EXPECT_EQ(decode(CodecId::kDifference, {DType::kBF16, 0, 100, 0}, {}, {}).code(),
            Code::kMalformed);
}

// Whatever the portable kernels make of a payload and a base, all others make of them too.
void expect_same_of_all(const Sample& s, Bytes payload, Bytes base) {
  std::vector<std::byte> expected(base.begin(), base.end());
  const Status wanted =
      decode_float({&kPortableKernel, &split::kPortableKernel}, s.shape, payload, expected);
  for (const Kernel* loops : tested_kernels()) {
    for (const split::Kernel* symbols : split::tested_kernels()) {
      std::vector<std::byte> out(base.begin(), base.end());
      Xxh3Follower hash(out);
      const Status status = decode_float({loops, symbols}, s.shape, payload, out, &hash);
      ASSERT_EQ(status.code(), wanted.code()) << loops->name << ", " << symbols->name;
      if (!status.ok()) continue;
      ASSERT_TRUE(out == expected) << loops->name << ", " << symbols->name;
      ASSERT_EQ(hash.finish(), xxh3_64(expected));
    }
  }
}

TEST(DifferenceHostile, ChangedBitsAreHarmlessInEveryKernel) {
  Random random(3);
  for (const Sample& s :
       {make_sample(DType::kBF16, 9000), make_sample(DType::kF16, 9000),
        make_sample(DType::kF32, 9000, 1e-6), make_sample(DType::kF8E5M2, 9000, 1e-3)}) {
    SCOPED_TRACE(dtype_info(s.shape.dtype).name);
    expect_same_of_all(s, s.payload, s.base);
    for (int round = 0; round < 300; ++round) {
      auto payload = s.payload;
      const std::uint64_t most = round % 2 == 0 ? 200 : payload.size();
      payload[random.below(most)] ^= static_cast<std::byte>(1 << random.below(8));
      expect_same_of_all(s, payload, s.base);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(DifferenceHostile, AnotherBaseIsHarmless) {
  Random random(4);
  for (const Sample& s : {make_sample(DType::kBF16, 40000), make_sample(DType::kF32, 9000, 1e-6)}) {
    expect_same_of_all(s, s.payload, s.plain);
    for (int round = 0; round < 60; ++round) {
      auto base = s.base;
      for (int i = 0; i < 1 << (round % 12); ++i) {
        base[random.below(base.size())] = static_cast<std::byte>(random.bits());
      }
      expect_same_of_all(s, s.payload, base);
      if (HasFatalFailure()) return;
    }
    expect_same_of_all(s, s.payload, std::vector<std::byte>(s.base.size()));
  }
}

// An element of another table is noticed even if the symbols and the other parts fit it.
TEST(DifferenceHostile, ABaseOfOtherCountsIsRefused) {
  Random random(6);
  Sample s;
  s.shape = {DType::kBF16, 20000, 100, 0};
  for (std::uint32_t i = 0; i < 20000; ++i) {
    // Of two exponents, of which the lower one changes more often.
    const auto base =
        static_cast<std::uint32_t>((i % 2 == 0 ? 0x3C80 : 0x3D00) + random.below(128));
    const bool changes = random.below(i % 2 == 0 ? 2 : 10) == 0;
    const std::uint32_t plain = changes ? base ^ 1 : base;
    for (const int shift : {0, 8}) {
      s.base.push_back(static_cast<std::byte>(base >> shift));
      s.plain.push_back(static_cast<std::byte>(plain >> shift));
    }
  }
  ASSERT_TRUE(
      encode_float({}, s.shape, s.plain, s.base, Level::kDefault, s.plain.size(), s.payload));
  ASSERT_EQ(byte_at(s, 3), 3);  // two live tables
  for (const std::size_t element : {0u, 1u, 9999u, 19999u}) {
    auto out = s.base;
    out[2 * element] ^= std::byte{0x80};
    out[2 * element + 1] ^= std::byte{0x01};
    const Status status = decode(CodecId::kDifference, s.shape, s.payload, out);
    EXPECT_EQ(status.code(), Code::kMalformed) << element;
  }
}

TEST(DifferenceHostile, FormTwoIsChecked) {
  const ChunkShape shape{DType::kI32, 1000, 100, 0};
  std::vector<std::byte> base(4000);
  auto plain = base;
  for (std::size_t i = 0; i < 4000; i += 100) plain[i] = std::byte{3};
  std::vector<std::byte> payload;
  ASSERT_EQ(encode_on_base(shape, plain, std::vector<std::byte>(4000, std::byte{9}), {}, payload),
            CodecId::kZstd);
  for (std::size_t i = 0; i < 4000; ++i) base[i] = static_cast<std::byte>(i * i / 7 + i * 31);
  for (std::size_t i = 0; i < 4000; ++i) plain[i] = base[i];
  plain[100] ^= std::byte{1};
  ASSERT_EQ(encode_on_base(shape, plain, base, {}, payload), CodecId::kDifference);
  ASSERT_EQ(payload[0], std::byte{2});
  const auto code = [&](std::size_t at, int value) {
    auto other = payload;
    other[at] = static_cast<std::byte>(value);
    auto out = base;
    return decode(CodecId::kDifference, shape, other, out).code();
  };
  EXPECT_EQ(code(1, 2), Code::kMalformed);
  for (const int width : {0, 3, 16, 255}) EXPECT_EQ(code(2, width), Code::kMalformed);
  for (std::size_t size = 0; size < payload.size(); ++size) {
    auto out = base;
    EXPECT_EQ(decode(CodecId::kDifference, shape, Bytes(payload).first(size), out).code(),
              Code::kMalformed);
  }
}

}  // namespace
}  // namespace bbz::codec::difference
