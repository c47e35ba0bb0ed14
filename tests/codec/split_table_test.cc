// The tables of the entropy stage and the fields on the wire.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "bbz/codec/split/kernel.h"
#include "bbz/codec/split/wire.h"
#include "codec/generate.h"
#include "emulated/codec_kernels.h"

namespace bbz::codec::split {
namespace {

Frequencies some_frequencies(std::uint64_t seed) {
  Random random(seed);
  std::array<std::uint32_t, kIndices> counts{};
  for (int i = 0; i < kIndices; ++i) {
    counts[i] = static_cast<std::uint32_t>(random.below(4) == 0 ? 0 : random.below(1u << (i % 17)));
  }
  return choose_frequencies(counts).frequencies;
}

TEST(SplitTable, TheLogarithmIsRight) {
  for (std::uint64_t x = 1; x < (1ull << 50); x += x / 7 + 1) {
    EXPECT_NEAR(log2_fixed(x), 4096 * std::log2(static_cast<double>(x)), 3.0) << x;
  }
}

TEST(SplitTable, EveryChoiceSumsTo256AndKeepsTheEscape) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const Frequencies f = some_frequencies(seed);
    EXPECT_EQ(std::accumulate(f.begin(), f.end(), 0), 256);
    EXPECT_GT(f[kEscapeIndex], 0);
  }
  std::array<std::uint32_t, kIndices> counts{};
  EXPECT_GT(choose_frequencies(counts).frequencies[kEscapeIndex], 0);  // no counts at all
  counts[5] = 1000000;
  EXPECT_EQ(choose_frequencies(counts).frequencies[5], 255);
}

TEST(SplitTable, ACodedCostIsCloseToTheEntropy) {
  std::array<std::uint32_t, kIndices> counts{};
  for (int i = 0; i < 20; ++i) counts[i] = 1u << (i < 14 ? i : 27 - i);
  double total = 0;
  double entropy = 0;
  for (const std::uint32_t c : counts) total += c;
  for (const std::uint32_t c : counts) {
    if (c != 0) entropy -= c * std::log2(c / total);
  }
  const double bits = static_cast<double>(choose_frequencies(counts).bits) / 4096;
  EXPECT_GT(bits, entropy);
  EXPECT_LT(bits, entropy * 1.02);
}

TEST(SplitTable, EveryKernelMakesTheSame) {
  std::vector<Frequencies> all;
  for (std::uint64_t seed = 0; seed < 500; ++seed) all.push_back(some_frequencies(seed));
  for (const int most : {1, 63, 64, 65, 128, 255}) {  // and the rest to the escape
    for (const int index : {0, 7, 30}) {
      Frequencies f{};
      f[index] = static_cast<std::uint8_t>(most);
      f[kEscapeIndex] = static_cast<std::uint8_t>(kSlots - most);
      all.push_back(f);
    }
  }
  for (const Kernel* kernel : tested_kernels()) {
    for (const Frequencies& frequencies : all) {
      DecodeTable expected;
      DecodeTable table;
      make_decode_table(frequencies, expected);
      kernel->make_table(frequencies, table);
      EXPECT_EQ(table.symbol, expected.symbol) << kernel->name;
      EXPECT_EQ(table.rank, expected.rank) << kernel->name;
      EXPECT_EQ(table.freq, expected.freq) << kernel->name;
    }
  }
}

// Three bits are enough for it wherever a symbol's slots begin and however many it has.
TEST(SplitTable, TheExcessOfARankIsSmall) {
  for (int before = 0; before < 255; ++before) {
    for (int f = 1; before + f < 256; ++f) {
      Frequencies frequencies{};
      frequencies[0] = static_cast<std::uint8_t>(before);
      frequencies[30] = static_cast<std::uint8_t>(f);
      frequencies[kEscapeIndex] = static_cast<std::uint8_t>(256 - before - f);
      DecodeTable table;
      make_decode_table(frequencies, table);
      for (int slot = 0; slot < kSlots; ++slot) {
        const int index = table.symbol[slot] % kIndices;
        const int excess = static_cast<std::int8_t>(table.excess_index[slot]) >> 5;
        ASSERT_EQ(table.excess_index[slot] % kIndices, index);
        ASSERT_EQ(table.freq[index] * slot / kSlots + excess, table.rank[slot])
            << before << " " << f << " " << slot;
      }
    }
  }
}

TEST(SplitTable, EncodingAndDecodingATableAreInverse) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Frequencies f = some_frequencies(seed);
    DecodeTable decode;
    EncodeTable encode;
    make_decode_table(f, decode);
    make_encode_table(f, encode);
    for (int slot = 0; slot < kSlots; ++slot) {
      const int index = decode.symbol[slot] - kSymbolBias;
      ASSERT_EQ(encode.slot[encode.start[index] + decode.rank[slot]], slot);
      ASSERT_EQ(decode.freq[index], f[index]);
      ASSERT_LT(decode.rank[slot], f[index]);
    }
    for (int i = 0; i < kIndices; ++i) {
      if (f[i] == 0) continue;
      for (unsigned x = 0; x < 256u * f[i]; ++x) {
        const unsigned quotient = x * encode.reciprocal[i] >> 16;
        ASSERT_TRUE(quotient == x / f[i] || quotient + 1 == x / f[i]) << x << " / " << int{f[i]};
      }
    }
  }
}

TEST(SplitTable, TablesComeBackAndBadOnesDoNot) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Frequencies f = some_frequencies(seed);
    std::vector<std::byte> bytes;
    WireWriter out(bytes);
    put_table(f, out);
    WireReader in(bytes);
    EXPECT_EQ(get_table(in).value(), f);
    EXPECT_TRUE(in.finished());
    WireReader cut(Bytes(bytes).first(bytes.size() - 1));
    EXPECT_FALSE(get_table(cut).ok());
  }
  const auto refused = [](std::initializer_list<int> values) {
    std::vector<std::byte> bytes;
    for (const int v : values) bytes.push_back(static_cast<std::byte>(v));
    WireReader in(bytes);
    return get_table(in).code() == Code::kMalformed;
  };
  EXPECT_TRUE(refused({0}));
  EXPECT_TRUE(refused({1, 0}));
  EXPECT_TRUE(refused({2, 200, 57}));
  EXPECT_TRUE(refused({32, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                       1,  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_FALSE(refused({2, 200, 56}));
}

TEST(SplitWire, FieldsComeBack) {
  Random random(1);
  for (int bits = 0; bits <= 16; ++bits) {
    for (const std::size_t count : {0u, 1u, 7u, 8u, 100u}) {
      std::vector<std::uint16_t> values(count);
      for (auto& v : values) v = static_cast<std::uint16_t>(random.below(1ull << bits));
      std::vector<std::byte> bytes;
      WireWriter out(bytes);
      put_fields(values, bits, out);
      EXPECT_EQ(bytes.size(), (count * bits + 7) / 8);
      std::vector<std::uint16_t> back;
      WireReader in(bytes);
      EXPECT_TRUE(get_fields(in, count, bits, back).ok());
      EXPECT_EQ(back, values);
      if (count * bits % 8 != 0) {
        bytes.back() |= std::byte{0x80};
        WireReader dirty(bytes);
        EXPECT_FALSE(get_fields(dirty, count, bits, back).ok());
      }
    }
  }
}

}  // namespace
}  // namespace bbz::codec::split
