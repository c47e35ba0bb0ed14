// The split-float codec: every bit pattern comes back, every kernel writes the same payload, and
// weights take as few bytes as they should.
#include <gtest/gtest.h>

#include <cstring>

#include "bbz/base/wire.h"
#include "bbz/codec/split/binding.h"
#include "bbz/codec/split/wire.h"
#include "codec/generate.h"
#include "emulated/codec_kernels.h"
#include "support/bytes.h"

namespace bbz::codec {
namespace {

constexpr DType kFloats[] = {DType::kBF16,       DType::kF16,       DType::kF32,
                             DType::kF64,        DType::kF8E4M3,    DType::kF8E5M2,
                             DType::kF8E4M3Fnuz, DType::kF8E5M2Fnuz};

// Returns whether the codec takes a type for another of kFloats, so that its large chunks need no tests of their own.
bool is_alias(DType dtype) {
  return dtype == DType::kF8E4M3Fnuz || dtype == DType::kF8E5M2Fnuz;
}

std::size_t element_size(DType dtype) {
  return static_cast<std::size_t>(dtype_info(dtype).bits / 8);
}

split::Header header_of(Bytes payload) {
  WireReader in(payload);
  return split::get_header(in).value();
}

// Encodes with every kernel that takes the chunk, expects one payload, decodes it with every
// kernel, which hashes it at the same time. Returns the payload; if the codec cannot make the chunk
// smaller, an empty one.
std::vector<std::byte> round_trip(const ChunkShape& shape, Bytes plain,
                                  Level level = Level::kDefault) {
  std::vector<std::byte> first;
  if (!split::encode_with(&split::kPortableKernel, shape, plain, level, plain.size(), first)) {
    return {};
  }
  const split::Header header = header_of(first);
  const split::Layout layout = split::layout_of(shape.dtype, header.top_bits);
  const split::Grid grid{shape.elements, header.width, header.first, header.lanes()};
  for (const split::Kernel* kernel : split::tested_kernels()) {
    if (!kernel->takes(layout, grid)) continue;
    SCOPED_TRACE(kernel->name);
    std::vector<std::byte> payload;
    EXPECT_TRUE(split::encode_with(kernel, shape, plain, level, plain.size(), payload));
    EXPECT_TRUE(payload == first) << "another payload than the portable kernel's";
    std::vector<std::byte> out(plain.size(), std::byte{0xA5});
    Xxh3Follower hash(out);
    const Status status = split::decode_with(kernel, shape, first, out, &hash);
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
    EXPECT_TRUE(std::ranges::equal(out, plain));
    EXPECT_EQ(hash.finish(), xxh3_64(plain));
  }
  return first;
}

TEST(SplitFloat, SizesAroundEveryStepComeBack) {
  for (const DType dtype : kFloats) {
    SCOPED_TRACE(dtype_info(dtype).name);
    for (const std::uint64_t row : {1u, 3u, 64u, 200u, 304u, 1000u, 4096u}) {
      for (const std::uint64_t elements :
           {1u, 2u, 127u, 128u, 129u, 255u, 300u, 2047u, 2048u, 4096u, 4100u, 33000u}) {
        const auto plain = gaussian_rows(dtype, elements, row, row + elements);
        for (const std::uint64_t first : {std::uint64_t{0}, row - 1, row / 3}) {
          const auto payload = round_trip({dtype, elements, row, first}, plain);
          EXPECT_TRUE(elements < 4096 || !payload.empty()) << elements << " of " << row;
        }
      }
    }
  }
}

TEST(SplitFloat, LongRowsAndLargeChunksComeBack) {
  int chunks = 0;
  for (const DType dtype : kFloats) {
    if (is_alias(dtype)) continue;
    SCOPED_TRACE(dtype_info(dtype).name);
    ++chunks;  // each length of rows comes with both
    for (const std::uint64_t row : {77u, 250u, 4096u, 5000u, 12288u, 1000003u}) {
      // Of 128 lanes and of 256, in turn.
      const std::uint64_t elements = ++chunks % 2 == 0 ? 135001 : 264001;
      const auto plain = gaussian_rows(dtype, elements, row, row);
      EXPECT_FALSE(round_trip({dtype, elements, row, row / 2}, plain).empty()) << row;
    }
  }
}

TEST(SplitFloat, EveryPatternOfSixteenBitsComesBackAmongWeights) {
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    SCOPED_TRACE(dtype_info(dtype).name);
    const std::uint64_t elements = 16 * 65536;
    auto plain = gaussian_rows(dtype, elements, 4096, 3);
    Random random(5);
    for (std::uint64_t pattern = 0; pattern < 65536; ++pattern) {
      const std::uint64_t at = pattern * 16 + random.below(16);
      std::memcpy(plain.data() + at * 2, &pattern, 2);
    }
    const auto payload = round_trip({dtype, elements, 4096, 0}, plain);
    ASSERT_FALSE(payload.empty());
    EXPECT_GT(header_of(payload).escape_count, 10000u);
    if (dtype == DType::kBF16) {
      EXPECT_GT(header_of(payload).patch_count, 1000u);
    }
  }
}

TEST(SplitFloat, OutliersInEveryTypeComeBack) {
  for (const DType dtype : kFloats) {
    SCOPED_TRACE(dtype_info(dtype).name);
    const std::size_t size = element_size(dtype);
    for (const std::uint64_t one_in : {3u, 50u, 5000u}) {
      const std::uint64_t elements = 140000;
      auto plain = gaussian_rows(dtype, elements, 500, one_in, 2.0);
      Random random(one_in);
      for (std::uint64_t i = 0; i < elements; i += 1 + random.below(2 * one_in)) {
        const std::uint64_t noise = random.below(4) == 0 ? 0 : random.bits();
        std::memcpy(plain.data() + i * size, &noise, size);
      }
      round_trip({dtype, elements, 500, 33}, plain);
    }
  }
}

TEST(SplitFloat, ZerosInfinitiesNansAndDenormalsComeBack) {
  for (const DType dtype : kFloats) {
    SCOPED_TRACE(dtype_info(dtype).name);
    const DTypeInfo& info = dtype_info(dtype);
    const std::size_t size = element_size(dtype);
    const std::uint64_t sign = std::uint64_t{1} << (info.bits - 1);
    const std::uint64_t most = ((std::uint64_t{1} << info.layout.exponent_bits) - 1)
                               << info.layout.mantissa_bits;
    for (const std::uint64_t special : {std::uint64_t{0}, sign, most, most | sign, most | 1,
                                        most | sign | 1, std::uint64_t{1}, sign | 1}) {
      const std::uint64_t elements = 33000;
      auto plain = gaussian_rows(dtype, elements, 300, special);
      // A row full of it, a column full of it, and one here and there.
      for (std::uint64_t i = 0; i < elements; ++i) {
        if (i / 300 == 7 || i % 300 == 11 || i % 997 == 0) {
          std::memcpy(plain.data() + i * size, &special, size);
        }
      }
      round_trip({dtype, elements, 300, 0}, plain);
    }
  }
}

TEST(SplitFloat, EncodeTakesItForWeightsAndFallsBackForNoise) {
  std::vector<std::byte> payload;
  for (const DType dtype : kFloats) {
    SCOPED_TRACE(dtype_info(dtype).name);
    const std::uint64_t elements = 100000;
    const ChunkShape shape{dtype, elements, 1000, 0};
    EXPECT_EQ(encode(shape, gaussian_rows(dtype, elements, 1000, 1), {}, payload),
              CodecId::kSplitFloat);
    const auto random = noise(elements * element_size(dtype), 2);
    EXPECT_EQ(encode(shape, random, {}, payload), CodecId::kRaw);
    EXPECT_EQ(payload, random);
  }
  // Widened weights repeat their zero bits, which split-number does not store.
  const auto narrow = gaussian_rows(DType::kBF16, 50000, 1000, 3);
  std::vector<std::byte> wide(narrow.size() * 2);
  for (std::size_t i = 0; i < narrow.size() / 2; ++i) {
    std::memcpy(wide.data() + 4 * i + 2, narrow.data() + 2 * i, 2);
  }
  EXPECT_EQ(encode({DType::kF32, 50000, 1000, 0}, wide, {}, payload), CodecId::kSplitNumber);
  EXPECT_LT(payload.size(), narrow.size());
}

TEST(SplitFloat, ScalesOfColumnsAreTakenOutWhereTheyPay) {
  const std::uint64_t elements = 1 << 18;
  const auto flat = gaussian_rows(DType::kF16, elements, 512, 1);
  const auto spread = gaussian_rows(DType::kF16, elements, 512, 1, 0.8);
  const auto flat_payload = round_trip({DType::kF16, elements, 512, 0}, flat);
  const auto spread_payload = round_trip({DType::kF16, elements, 512, 0}, spread);
  EXPECT_EQ(header_of(flat_payload).column_bits, 0);
  EXPECT_GT(header_of(spread_payload).column_bits, 0);
  // The difference is what a fraction of a binade costs.
  EXPECT_LT(spread_payload.size(), flat_payload.size() + elements / 100);
}

TEST(SplitFloat, ChunksOfOneMebibyteReachTheirRatio) {
  const struct {
    DType dtype;
    double most;
  } rows[] = {{DType::kBF16, 0.6615}, {DType::kF16, 0.847}, {DType::kF32, 0.830}};
  for (const auto& [dtype, most] : rows) {
    const std::uint64_t elements = (1 << 20) / element_size(dtype);
    const auto plain = gaussian_rows(dtype, elements, 4096, 11);
    for (const Level level : {Level::kFast, Level::kDefault, Level::kSmall}) {
      const auto payload = round_trip({dtype, elements, 4096, 0}, plain, level);
      const double ratio = static_cast<double>(payload.size()) / static_cast<double>(plain.size());
      EXPECT_LE(ratio, most) << dtype_info(dtype).name;
      EXPECT_GT(ratio, most - 0.01) << "below the entropy?";
    }
  }
}

}  // namespace
}  // namespace bbz::codec
