// The split-number codec: whatever the bytes are, they come back, in every kind, size and grid, through
// the encoder of one candidate and through the one that chooses.
#include <gtest/gtest.h>

#include <cstring>

#include "bbz/base/wire.h"
#include "bbz/codec/number/binding.h"
#include "bbz/codec/number/wire.h"
#include "codec/generate.h"
#include "codec/generate_numbers.h"
#include "emulated/codec_kernels.h"
#include "support/bytes.h"

namespace bbz::codec::number {
namespace {

struct KindOf {
  Kind kind;
  int bits;
  int float_bits;
};

// Every kind with every size that it has.
constexpr KindOf kKinds[] = {
    {Kind::kFloat, 8, 3},
    {Kind::kFloat, 8, 2},
    {Kind::kFloat, 16, 7},
    {Kind::kFloat, 16, 10},
    {Kind::kFloat, 32, 23},
    {Kind::kFloat, 64, 52},
    {Kind::kInteger, 4, 0},
    {Kind::kInteger, 8, 0},
    {Kind::kInteger, 16, 0},
    {Kind::kInteger, 32, 0},
    {Kind::kInteger, 64, 0},
    {Kind::kFirstDifference, 8, 0},
    {Kind::kFirstDifference, 8, 1},
    {Kind::kFirstDifference, 16, 0},
    {Kind::kFirstDifference, 16, 1},
    {Kind::kFirstDifference, 32, 1},
    {Kind::kFirstDifference, 64, 0},
    {Kind::kSecondDifference, 8, 1},
    {Kind::kSecondDifference, 16, 0},
    {Kind::kSecondDifference, 32, 1},
    {Kind::kSecondDifference, 64, 1},
    {Kind::kScaled, 16, 7},
    {Kind::kScaled, 16, 10},
    {Kind::kScaled, 32, 23},
};

Candidate candidate_of(const KindOf& k, std::uint64_t width, std::uint64_t first,
                       Level level = Level::kDefault) {
  Candidate candidate;
  candidate.model.kind = k.kind;
  candidate.model.bits = k.bits;
  candidate.model.float_bits = k.float_bits;
  candidate.width = static_cast<std::uint32_t>(width);
  candidate.first = static_cast<std::uint32_t>(first);
  candidate.level = level;
  return candidate;
}

// Encodes with every kernel, expects one payload, and decodes it with every kernel, which hashes the
// chunk at the same time. Returns the payload, or nothing if there is none below the limit.
std::vector<std::byte> round_trip(const Candidate& candidate, Bytes plain) {
  std::vector<std::byte> first;
  const std::size_t limit = 40 * plain.size() + 100000;
  if (!encode_with(&split::kPortableKernel, candidate, plain, limit, first)) return {};
  for (const split::Kernel* kernel : split::tested_kernels()) {
    SCOPED_TRACE(kernel->name);
    std::vector<std::byte> payload;
    EXPECT_TRUE(encode_with(kernel, candidate, plain, limit, payload));
    EXPECT_TRUE(payload == first) << "another payload than the portable kernel's";
    for (const Kernel* loops : tested_kernels()) {
      SCOPED_TRACE(loops->name);
      std::vector<std::byte> out(plain.size(), std::byte{0xA5});
      Xxh3Follower hash(out);
      const Status status = decode_with({loops, kernel}, first, out, &hash);
      if (first.size() >= plain.size()) {
        EXPECT_EQ(status.code(), Code::kMalformed);  // no payload is as long as its chunk
        continue;
      }
      EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
      EXPECT_TRUE(std::ranges::equal(out, plain));
      EXPECT_EQ(hash.finish(), xxh3_64(plain));
    }
  }
  return first;
}

// Elements of a kind that it can make small: small numbers of the type, sums of them along rows, or
// products of a scale.
std::vector<std::byte> suitable(const KindOf& k, std::uint64_t elements, std::uint64_t width,
                                std::uint64_t seed) {
  Random random(seed);
  const std::uint64_t mask = k.bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << k.bits) - 1;
  std::vector<std::uint64_t> values(elements);
  for (std::uint64_t i = 0; i < elements; ++i) {
    const auto small = static_cast<std::int64_t>(random.gaussian() * (k.bits == 4 ? 1 : 5));
    const auto value = static_cast<std::uint64_t>(small);
    const double scale = 0.001 * static_cast<double>(1 + i / width % 7);
    switch (k.kind) {
      case Kind::kFloat:
        // A few of the exponents in the middle, and a few bits below them.
        values[i] = (std::uint64_t{3} << (k.bits - 3)) + (value << std::max(k.float_bits - 2, 0));
        if (small == 0) values[i] = random.below(2) << (k.bits - 1);
        break;
      case Kind::kInteger:
        values[i] = value;
        break;
      case Kind::kScaled: {
        const DType dtype = k.bits == 32        ? DType::kF32
                            : k.float_bits == 7 ? DType::kBF16
                                                : DType::kF16;
        const double rounded = value_of(dtype, round_to(dtype, scale));
        values[i] = round_to(dtype, rounded * static_cast<double>(small));
        break;
      }
      default:
        values[i] = (i < width ? 77 : values[i - width]) + value;
    }
    values[i] &= mask;
  }
  std::vector<std::byte> bytes(elements * static_cast<std::uint64_t>(k.bits) / 8);
  for (std::uint64_t i = 0; i < elements; ++i) {
    if (k.bits == 4) {
      bytes[i / 2] |= static_cast<std::byte>(values[i] << (i % 2 * 4));
    } else {
      std::memcpy(bytes.data() + i * static_cast<std::uint64_t>(k.bits) / 8, &values[i],
                  static_cast<std::size_t>(k.bits) / 8);
    }
  }
  return bytes;
}

TEST(Number, SizesAroundEveryStepComeBackInEveryKind) {
  for (const KindOf& k : kKinds) {
    SCOPED_TRACE(testing::Message()
                 << "kind " << int(k.kind) << ", " << k.bits << " bits, " << k.float_bits);
    for (const std::uint64_t width : {1u, 3u, 64u, 301u}) {
      for (const std::uint64_t elements : {2u, 128u, 300u, 4100u}) {
        for (const std::uint64_t first : {std::uint64_t{0}, width - 1, width / 3}) {
          if (elements > 300 && first != 0) continue;  // rows begin in all ways in shorter ones
          SCOPED_TRACE(testing::Message() << elements << " of " << width << " from " << first);
          const auto plain = suitable(k, elements, width, width + elements);
          const auto payload = round_trip(candidate_of(k, width, first), plain);
          // Each kind makes its numbers small, if rows are long enough for what is stored of them.
          EXPECT_TRUE(elements < 4100 || width < 64 || k.bits == 4 ||
                      payload.size() < plain.size());
        }
      }
    }
  }
}

TEST(Number, AnElementAloneComesBack) {
  for (const KindOf& k : kKinds) {
    if (k.bits == 4) continue;
    const auto size = static_cast<std::size_t>(k.bits / 8);
    for (const unsigned byte : {0x00u, 0x80u, 0x3Cu, 0xFFu}) {
      const std::vector<std::byte> plain(size, static_cast<std::byte>(byte));
      // The payload is longer than the element, which only the encoder can be asked for.
      round_trip(candidate_of(k, 5, 4), plain);
    }
  }
}

TEST(Number, NoiseComesBackInEveryKind) {
  for (const KindOf& k : kKinds) {
    SCOPED_TRACE(testing::Message() << "kind " << int(k.kind) << ", " << k.bits << " bits");
    // Zeros before the noise make room for what its numbers take more than they are.
    for (const std::size_t zeros : {std::size_t{0}, std::size_t{30000}}) {
      std::vector<std::byte> plain(zeros);
      const auto tail = noise(6000, static_cast<unsigned>(k.bits));
      plain.insert(plain.end(), tail.begin(), tail.end());
      for (const std::uint64_t width : {7u, 500u}) round_trip(candidate_of(k, width, 3), plain);
    }
  }
}

TEST(Number, WideRowsAndLargeChunksComeBack) {
  for (const KindOf& k : kKinds) {
    SCOPED_TRACE(testing::Message() << "kind " << int(k.kind) << ", " << k.bits << " bits");
    for (const std::uint64_t width : {1000003u, 1u << 26}) {
      // So many elements have all lanes, which are the same for all kinds.
      const bool is_large = width == 1000003 && k.kind == Kind::kFloat;
      const auto plain = suitable(k, is_large ? 264002 : 10000, 130000, width);
      const auto payload = round_trip(candidate_of(k, width, width - 10), plain);
      EXPECT_TRUE(k.kind == Kind::kScaled || k.bits == 4 || !payload.empty());
    }
  }
}

TEST(Number, TooManyRowsAreRefusedByTheEncoder) {
  const auto plain = noise(1 << 20, 3);
  std::vector<std::byte> payload;
  EXPECT_FALSE(encode_with(nullptr, candidate_of({Kind::kInteger, 8, 0}, 1, 0), plain,
                           2 * plain.size(), payload));
}

TEST(Number, EveryCandidateOfEveryCaseComesBack) {
  for (const NumbersCase& which : numbers_cases()) {
    SCOPED_TRACE(which.name);
    Numbers numbers = make_numbers(which, 3 * 4096);
    for (const std::uint64_t first : {0u, 1000u}) {
      numbers.shape.first_column = first;
      for (const Candidate& candidate :
           find_candidates(numbers.shape, numbers.bytes, Level::kSmall)) {
        SCOPED_TRACE(int(candidate.model.kind));
        const bool is_empty = round_trip(candidate, numbers.bytes).empty();
        // A row that begins elsewhere than that of the case has two scales.
        EXPECT_TRUE(!is_empty || (candidate.model.kind == Kind::kScaled && first != 0));
      }
      if (first != 0) continue;
      for (const Level level : {Level::kFast, Level::kDefault, Level::kSmall}) {
        std::vector<std::byte> payload;
        std::vector<std::byte> out(numbers.bytes.size());
        const CodecId id = encode(numbers.shape, numbers.bytes, {level}, payload);
        EXPECT_TRUE(decode(id, numbers.shape, payload, out).ok());
        EXPECT_TRUE(out == numbers.bytes);
      }
    }
  }
}

TEST(Number, DTypesThatAreNoFloatsComeBack) {
  std::vector<std::byte> payload;
  for (const DTypeInfo& row : dtype_table()) {
    SCOPED_TRACE(row.name);
    const KindOf kind{Kind::kInteger, row.bits < 8 ? 4 : row.bits, 0};
    const auto plain = suitable(kind, 3 * 8192, 96, 9);
    const ChunkShape shape{row.dtype, plain.size() * 8 / static_cast<std::uint64_t>(row.bits), 96,
                           7};
    const CodecId id = encode(shape, plain, {}, payload);
    std::vector<std::byte> out(plain.size());
    EXPECT_TRUE(decode(id, shape, payload, out).ok());
    EXPECT_TRUE(out == plain);
    // Of bytes, zstd makes about as little.
    if (row.layout.exponent_bits == 0 && row.bits > 8) {
      EXPECT_EQ(id, CodecId::kSplitNumber);
    }
  }
}

TEST(Number, ExceptionsAreStoredWhole) {
  // A chunk of BF16 in F32, but for a few elements.
  auto plain = make_numbers(numbers_cases()[3], 40000).bytes;
  for (const std::size_t element : {0u, 1234u, 39999u}) {
    const std::uint32_t odd = 0x3C812345;
    std::memcpy(plain.data() + 4 * element, &odd, 4);
  }
  const auto payload = round_trip(candidate_of({Kind::kFloat, 32, 23}, 4096, 0), plain);
  WireReader in(payload);
  const Result<Header> header = get_header(in);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->model.precision, 7);
  EXPECT_EQ(header->whole_count, 3u);
}

TEST(Number, FloorsAreFoundByRow) {
  // Rows on grids of their own: multiples of 2^-8, then of 2^-9, and so on.
  std::vector<std::byte> plain;
  Random random(1);
  for (int r = 0; r < 20; ++r) {
    for (int i = 0; i < 500; ++i) {
      const auto integer = static_cast<double>(static_cast<std::int64_t>(random.below(250)) - 125);
      const std::uint64_t bits = round_to(DType::kF32, integer * (r % 5 + 1) / 256);
      for (int shift = 0; shift < 32; shift += 8) {
        plain.push_back(static_cast<std::byte>(bits >> shift));
      }
    }
  }
  for (std::size_t r = 0; r < 20; ++r) {
    for (std::size_t i = 0; i < 500; ++i) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, plain.data() + 4 * (500 * r + i), 4);
      if (bits << 1 == 0) continue;
      bits -= static_cast<std::uint32_t>(r) << 23;  // the scale of the row, which is a power of two
      std::memcpy(plain.data() + 4 * (500 * r + i), &bits, 4);
    }
  }
  const auto payload = round_trip(candidate_of({Kind::kFloat, 32, 23}, 500, 0), plain);
  WireReader in(payload);
  const Result<Header> header = get_header(in);
  ASSERT_TRUE(header.ok());
  EXPECT_GT(header->floor_bits, 3);
  EXPECT_EQ(header->whole_count, 0u);
  EXPECT_LT(payload.size(), plain.size() * 10 / 32);
}

}  // namespace
}  // namespace bbz::codec::number
