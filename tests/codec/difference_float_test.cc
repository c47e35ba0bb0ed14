// The difference codec for floats: every pair of bits comes back, from every kernel, and all kernels
// give the same payloads.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "bbz/codec/difference/binding.h"
#include "codec/generate.h"
#include "emulated/codec_kernels.h"

namespace bbz::codec::difference {
namespace {

constexpr DType kFloats[] = {DType::kBF16,   DType::kF16,        DType::kF32,       DType::kF8E4M3,
                             DType::kF8E5M2, DType::kF8E4M3Fnuz, DType::kF8E5M2Fnuz};

std::size_t size_of(DType dtype) {
  return static_cast<std::size_t>(dtype_info(dtype).bits / 8);
}

std::vector<std::byte> bytes_of(DType dtype, const std::vector<std::uint32_t>& elements) {
  std::vector<std::byte> bytes(elements.size() * size_of(dtype));
  for (std::size_t i = 0; i < elements.size(); ++i) {
    std::memcpy(bytes.data() + i * size_of(dtype), &elements[i], size_of(dtype));
  }
  return bytes;
}

// Encodes with every pair of kernels, and expects the same payload; decodes it with every pair.
// Returns the payload.
std::vector<std::byte> round_trip(DType dtype, Bytes plain, Bytes base) {
  const ChunkShape shape{dtype, plain.size() / size_of(dtype), 64, 0};
  const std::size_t limit = 4 * plain.size() + 4096;
  std::vector<std::byte> expected;
  EXPECT_TRUE(encode_float({&kPortableKernel, &split::kPortableKernel}, shape, plain, base,
                           Level::kDefault, limit, expected));
  for (const Kernel* loops : tested_kernels()) {
    for (const split::Kernel* symbols : split::tested_kernels()) {
      SCOPED_TRACE(std::string(loops->name) + ", " + std::string(symbols->name));
      const Kernels pair{loops, symbols};
      std::vector<std::byte> payload;
      EXPECT_TRUE(encode_float(pair, shape, plain, base, Level::kDefault, limit, payload));
      EXPECT_TRUE(payload == expected);
      // Guards around the output find bytes that are written outside of it.
      constexpr std::size_t kAround = 64;
      std::vector<std::byte> memory(base.size() + 2 * kAround, std::byte{0xA5});
      const MutableBytes out = MutableBytes(memory).subspan(kAround, base.size());
      std::ranges::copy(base, out.begin());
      Xxh3Follower hash(out);
      const Status status = decode_float(pair, shape, payload, out, &hash);
      EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
      EXPECT_TRUE(std::ranges::equal(out, plain));
      EXPECT_EQ(hash.finish(), xxh3_64(plain));
      for (std::size_t i = 0; i < kAround; ++i) {
        EXPECT_EQ(memory[i], std::byte{0xA5});
        EXPECT_EQ(memory[memory.size() - 1 - i], std::byte{0xA5});
      }
      if (testing::Test::HasFailure()) return expected;
    }
  }
  return expected;
}

// Values of 16 bits, of which `step` leaves some out, are the base of what each function makes of them.
void expect_values_of_16_bits_as_base(std::uint32_t step) {
  Random random(1);
  const auto any = [&](std::uint32_t) { return static_cast<std::uint32_t>(random.below(65536)); };
  const std::vector<std::function<std::uint32_t(std::uint32_t)>> changes = {
      [](std::uint32_t v) { return v + 1; },
      [](std::uint32_t v) { return v - 1; },
      [](std::uint32_t v) { return v ^ 0x8000; },  // of the other sign
      [](std::uint32_t v) { return v ^ 0x7FFF; },
      [](std::uint32_t) { return 0u; },
      [](std::uint32_t) { return 0x8000u; },  // -0
      [](std::uint32_t) { return 0x7FC1u; },  // a NaN of both types
      [](std::uint32_t v) { return v % 97 == 0 ? v + 3 : v; },
      [&](std::uint32_t v) { return v + static_cast<std::uint32_t>(random.below(9)) - 4; },
      [&](std::uint32_t v) { return v + static_cast<std::uint32_t>(random.below(3000)) - 1500; },
      [&](std::uint32_t v) { return random.below(1000) == 0 ? any(v) : v; },
      any,
      any,
  };
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    SCOPED_TRACE(dtype_info(dtype).name);
    for (std::size_t i = 0; i < changes.size(); ++i) {
      SCOPED_TRACE(i);
      std::vector<std::uint32_t> base;
      std::vector<std::uint32_t> plain;
      for (std::uint32_t v = 0; v < 65536; v += step) {
        base.push_back(v);
        plain.push_back(changes[i](v) & 0xFFFF);
      }
      round_trip(dtype, bytes_of(dtype, plain), bytes_of(dtype, base));
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(DifferenceFloat, ValuesOf16BitsAsBase) {
  expect_values_of_16_bits_as_base(5);
}

TEST(DifferenceFloat, EveryValueOf16BitsAsBaseExhaustive) {
  expect_values_of_16_bits_as_base(1);
}

TEST(DifferenceFloat, EveryPairOf8Bits) {
  std::vector<std::uint32_t> base;
  std::vector<std::uint32_t> plain;
  for (std::uint32_t pair = 0; pair < 65536; ++pair) {
    base.push_back(pair >> 8);
    plain.push_back(pair & 255);
  }
  for (const DType dtype : kFloats) {
    if (size_of(dtype) == 1) round_trip(dtype, bytes_of(dtype, plain), bytes_of(dtype, base));
  }
}

TEST(DifferenceFloat, RandomAndSpecialValuesOf32Bits) {
  constexpr std::uint32_t kSpecial[] = {0,          0x80000000, 1,          0x80000001, 0x007FFFFF,
                                        0x00800000, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000,
                                        0x7F800001, 0xFFFFFFFF, 0x3F800000, 0xBF800000};
  Random random(2);
  std::vector<std::uint32_t> base;
  std::vector<std::uint32_t> plain;
  for (const std::uint32_t a : kSpecial) {
    for (const std::uint32_t b : kSpecial) {
      base.push_back(a);
      plain.push_back(b);
    }
  }
  for (int i = 0; i < 100000; ++i) {
    const auto v = static_cast<std::uint32_t>(random.bits());
    base.push_back(v);
    // Steps of every width.
    const auto step = static_cast<std::uint32_t>(random.bits() >> 32 >> random.below(32));
    plain.push_back(random.below(4) == 0 ? static_cast<std::uint32_t>(random.bits()) : v + step);
  }
  round_trip(DType::kF32, bytes_of(DType::kF32, plain), bytes_of(DType::kF32, base));
}

// Chunks of training steps, whose symbols fill whole steps of lanes, and every size near a group of
// elements and near a block.
TEST(DifferenceFloat, StepsOfTrainingInChunksOfEverySize) {
  for (const DType dtype : kFloats) {
    SCOPED_TRACE(dtype_info(dtype).name);
    for (const std::uint64_t elements :
         {1, 2, 63, 64, 65, 127, 1000, 8191, 32767, 32768, 32769, 65535, 65536, 65537, 300000}) {
      SCOPED_TRACE(elements);
      // To the codec, these are the types without Fnuz.
      const bool is_alias = dtype == DType::kF8E4M3Fnuz || dtype == DType::kF8E5M2Fnuz;
      if (is_alias && elements > 1000) continue;
      const auto base = gaussian_rows(dtype, elements, 64, elements);
      for (const double step : {2e-4, 4e-6, 3e-2}) {
        if (elements > 40000 && step != 2e-4) continue;
        round_trip(dtype, descendant(dtype, base, step, 5, 40), base);
        if (HasFailure()) return;
      }
    }
  }
}

TEST(DifferenceFloat, AChunkThatHardlyChangesTakesHardlyAnything) {
  const auto base = gaussian_rows(DType::kBF16, 1 << 19, 64, 3);
  auto plain = base;
  plain[123456] ^= std::byte{1};
  EXPECT_LT(round_trip(DType::kBF16, plain, base).size(), 100u);
}

TEST(DifferenceFloat, LevelsAgreeOnWhatComesBack) {
  const auto base = gaussian_rows(DType::kF16, 50000, 64, 3);
  const auto plain = descendant(DType::kF16, base, 1e-4, 5);
  const ChunkShape shape{DType::kF16, 50000, 64, 0};
  std::size_t last = plain.size();
  for (const Level level : {Level::kFast, Level::kDefault, Level::kSmall}) {
    std::vector<std::byte> payload;
    ASSERT_TRUE(encode_float({}, shape, plain, base, level, plain.size(), payload));
    auto out = base;
    ASSERT_TRUE(decode_float({}, shape, payload, out).ok());
    EXPECT_TRUE(out == plain);
    EXPECT_LE(payload.size(), last + last / 100);
    last = payload.size();
  }
}

}  // namespace
}  // namespace bbz::codec::difference
