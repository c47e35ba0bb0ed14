#include "bbz/symmetry/bitsback/internal/range_coder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "symmetry/bitsback/junctions.h"

namespace bbz::bitsback {
namespace {

// Encodes bits of a model, raw fields and numbers, in turns.
std::vector<std::byte> encode_mixture(std::uint64_t seed, int count) {
  Words words(seed);
  RangeEncoder out;
  BitModel bit;
  NumberModel number;
  for (int i = 0; i < count; ++i) {
    out.put(bit, words.uniform() < 0.02);
    out.put_raw(static_cast<std::uint32_t>(words.next()), i % 33);
    number.put(out, static_cast<std::uint32_t>(words.next() >> (32 + words.next() % 32)));
  }
  return out.finish();
}

void expect_mixture(RangeDecoder& in, std::uint64_t seed, int count) {
  Words words(seed);
  BitModel bit;
  NumberModel number;
  for (int i = 0; i < count; ++i) {
    ASSERT_EQ(in.get(bit), words.uniform() < 0.02);
    const auto raw = static_cast<std::uint32_t>(words.next());
    ASSERT_EQ(in.get_raw(i % 33), i % 33 == 32 ? raw : raw & ((1U << i % 33) - 1));
    const auto value = static_cast<std::uint32_t>(words.next() >> (32 + words.next() % 32));
    ASSERT_EQ(number.get(in), value);
  }
}

TEST(RangeCoder, WhatGoesInComesOut) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const int count = static_cast<int>(seed * 3);
    const auto bytes = encode_mixture(seed, count);
    RangeDecoder in(bytes);
    expect_mixture(in, seed, count);
    EXPECT_TRUE(in.finished()) << seed;
  }
}

// Long runs of one value drive the coder through carries and waiting 0xFF bytes.
TEST(RangeCoder, CarriesRunThrough) {
  for (const int period : {1, 2, 3, 7, 64, 4095, 100000}) {
    RangeEncoder out;
    BitModel model;
    for (int i = 1; i <= 100000; ++i) out.put(model, i % period == 0);
    const auto bytes = out.finish();
    RangeDecoder in(bytes);
    BitModel again;
    for (int i = 1; i <= 100000; ++i) ASSERT_EQ(in.get(again), i % period == 0);
    EXPECT_TRUE(in.finished());
  }
}

TEST(RangeCoder, NothingTakesNoBytes) {
  EXPECT_TRUE(RangeEncoder().finish().empty());
}

TEST(RangeCoder, CutAndExtendedStreamsAreNoticed) {
  const auto bytes = encode_mixture(5, 100);
  auto longer = bytes;
  longer.resize(bytes.size() + 5, std::byte{1});
  for (const Bytes changed : {Bytes(bytes).first(bytes.size() / 2), Bytes(longer)}) {
    RangeDecoder in(changed);
    BitModel bit;
    NumberModel number;
    for (int i = 0; i < 100; ++i) {
      in.get(bit);
      in.get_raw(i % 33);
      number.get(in);
    }
    EXPECT_FALSE(in.finished());
  }
}

TEST(RangeCoder, CostsAboutTheEntropy) {
  Words words(3);
  RangeEncoder out;
  BitModel model;
  constexpr int kCount = 200000;
  constexpr double kShare = 0.1;
  for (int i = 0; i < kCount; ++i) out.put(model, words.uniform() < kShare);
  const double entropy = -kShare * std::log2(kShare) - (1 - kShare) * std::log2(1 - kShare);
  EXPECT_LT(8.0 * static_cast<double>(out.finish().size()), 1.02 * kCount * entropy);
}

}  // namespace
}  // namespace bbz::bitsback
