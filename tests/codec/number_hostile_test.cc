// Payloads that break a rule of the split-number codec, or have a bit changed anywhere.
#include <gmock/gmock.h>
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

using testing::HasSubstr;

struct Payload {
  std::vector<std::byte> plain;
  std::vector<std::byte> bytes;
  Header header;

  Status status_of(Bytes payload) const {
    std::vector<std::byte> out(plain.size());
    return decode(CodecId::kSplitNumber, {DType::kU8, plain.size(), 1, 0}, payload, out);
  }
  // Returns the status of the payload with some bytes changed.
  template <class T>
  Status status_with(std::size_t at, T value) const {
    std::vector<std::byte> payload = bytes;
    store_le(payload.data() + at, value);
    return status_of(payload);
  }
};

// Encodes a case as a kind, with some elements that are stored whole, and some of keys below the others.
Payload make_payload(std::size_t which, Kind kind, int bits, int float_bits,
                     std::uint64_t elements = 9000) {
  Payload p;
  p.plain = make_numbers(numbers_cases()[which], elements).bytes;
  const auto size = static_cast<std::size_t>(std::max(bits, 8) / 8);
  const auto odd = noise(3 * size, 4);
  for (std::size_t i = 0; i < 3; ++i) {
    std::memcpy(p.plain.data() + (i + 1) * 1000 * size, odd.data() + i * size, size);
  }
  Candidate candidate;
  candidate.model = {kind, bits, float_bits, 0, 0, 0};
  candidate.width = 300;
  candidate.first = 17;
  EXPECT_TRUE(encode_with(nullptr, candidate, p.plain, p.plain.size(), p.bytes));
  WireReader in(p.bytes);
  p.header = get_header(in).value();
  return p;
}

// The indices of cases in numbers_cases().
constexpr std::size_t kBF16InF32 = 3;
constexpr std::size_t kZeros = 8;
constexpr std::size_t kFourBits = 22;
constexpr std::size_t kI16 = 25;
constexpr std::size_t kI8 = 26;
constexpr std::size_t kSmooth = 27;

// One of each kind, and of nibbles.
std::vector<Payload> all_payloads() {
  return {make_payload(kBF16InF32, Kind::kFloat, 32, 23),
          make_payload(kZeros, Kind::kFloat, 16, 7),
          make_payload(kI8, Kind::kInteger, 8, 0),
          make_payload(kI16, Kind::kInteger, 16, 0),
          make_payload(kSmooth, Kind::kFirstDifference, 32, 1),
          make_payload(kSmooth, Kind::kSecondDifference, 32, 1),
          make_payload(kFourBits, Kind::kScaled, 32, 23),
          make_payload(kFourBits, Kind::kInteger, 4, 0)};
}

TEST(NumberHostile, CasesAreThoseOfTheirNames) {
  const auto& cases = numbers_cases();
  EXPECT_STREQ(cases[kBF16InF32].name, "BF16 in F32");
  EXPECT_STREQ(cases[kZeros].name, "BF16, 50 % zeros");
  EXPECT_STREQ(cases[kFourBits].name, "4 bits a row in F32");
  EXPECT_STREQ(cases[kI16].name, "I16 rows");
  EXPECT_STREQ(cases[kI8].name, "I8 rows");
  EXPECT_STREQ(cases[kSmooth].name, "smooth rows of F32");
}

TEST(NumberHostile, FieldsOutOfRangeAreNamed) {
  const struct {
    std::size_t at;
    const char* name;
    std::vector<int> values;
    Code code = Code::kMalformed;
  } fields[] = {
      {0, "form", {0, 2, 255}, Code::kUnsupported},
      {1, "kind", {5, 255}, Code::kUnsupported},
      {2, "elements of ", {0, 1, 7, 24, 65, 128, 255}},
      {4, "precision", {64, 255}},
      {5, "top bits", {4, 255}},
      {6, "sign bits", {2, 255}},
      {7, "lanes", {0, 2, 9, 255}},
      {8, "tables", {0, 9, 255}},
      {9, "row bits", {9, 255}},
      {10, "column bits", {9, 255}},
      {11, "floor bits", {9, 255}},
  };
  for (const Payload& p : all_payloads()) {
    SCOPED_TRACE(int(p.header.model.kind));
    ASSERT_TRUE(p.status_of(p.bytes).ok());
    for (const auto& field : fields) {
      for (const int value : field.values) {
        const Status status = p.status_with(field.at, static_cast<std::uint8_t>(value));
        ASSERT_EQ(status.code(), field.code) << field.name << " of " << value;
        EXPECT_THAT(status.error().message, HasSubstr(field.name));
        EXPECT_THAT(status.error().message, HasSubstr("split number: "));
      }
    }
    const bool has_centres =
        p.header.model.kind == Kind::kInteger || p.header.model.kind == Kind::kScaled;
    for (const unsigned centres : {has_centres ? 3U : 1U, 255U}) {
      const Status status = p.status_with(14, static_cast<std::uint8_t>(centres));
      ASSERT_EQ(status.code(), Code::kMalformed);
      EXPECT_THAT(status.error().message, HasSubstr("centres"));
    }
    for (const std::uint32_t width : {0U, (1U << 26) + 1, ~0U}) {
      const Status status = p.status_with(16, width);
      ASSERT_EQ(status.code(), Code::kMalformed);
      EXPECT_THAT(status.error().message, HasSubstr("width"));
    }
    for (const std::uint32_t first : {300U, ~0U}) {
      const Status status = p.status_with(20, first);
      ASSERT_EQ(status.code(), Code::kMalformed);
      EXPECT_THAT(status.error().message, HasSubstr("first"));
    }
    const Status both = p.status_with(9, std::uint8_t{8});
    ASSERT_EQ(both.code(), Code::kMalformed);
  }
}

TEST(NumberHostile, FieldsOfRowsHaveAtMostThirteenBits) {
  const Payload p = make_payload(kI8, Kind::kInteger, 8, 0);
  std::vector<std::byte> payload = p.bytes;
  payload[9] = std::byte{7};
  payload[11] = std::byte{7};
  const Status status = p.status_of(payload);
  ASSERT_EQ(status.code(), Code::kMalformed);
  EXPECT_THAT(status.error().message, HasSubstr("row bits and floor bits is 14, expected 0 to 13"));
}

TEST(NumberHostile, BitsOfElementsFitTheKind) {
  // Bits of an element, and of a float below its exponent, which a kind does not have.
  const struct {
    std::size_t payload;
    int bits;
    int float_bits;
  } rows[] = {{0, 4, 2},   {0, 32, 0},  {0, 32, 31}, {0, 64, 63}, {2, 8, 1},   {2, 32, 23},
              {4, 4, 0},   {4, 32, 2},  {4, 8, 23},  {6, 8, 3},   {6, 64, 52}, {6, 32, 10},
              {6, 32, 22}, {6, 16, 23}, {6, 16, 0},  {6, 16, 11}, {6, 4, 0}};
  const std::vector<Payload> all = all_payloads();
  for (const auto& row : rows) {
    std::vector<std::byte> payload = all[row.payload].bytes;
    payload[2] = static_cast<std::byte>(row.bits);
    payload[3] = static_cast<std::byte>(row.float_bits);
    const Status status = all[row.payload].status_of(payload);
    ASSERT_EQ(status.code(), Code::kMalformed) << row.bits << ", " << row.float_bits;
    EXPECT_THAT(status.error().message, HasSubstr("below an exponent"));
  }
}

TEST(NumberHostile, WrongSizesAreRefused) {
  for (const Payload& p : all_payloads()) {
    SCOPED_TRACE(int(p.header.model.kind));
    for (std::size_t at = 24; at < header_size(p.header); at += 4) {
      std::uint32_t value = 0;
      std::memcpy(&value, p.bytes.data() + at, 4);
      for (const std::uint32_t other : {value + 1, value - 1, value + 4, 0U, ~0U, 1U << 31}) {
        if (other == value) continue;
        const Status status = p.status_with(at, other);
        ASSERT_EQ(status.code(), Code::kMalformed) << at << ": " << other << " for " << value;
        EXPECT_THAT(status.error().message, HasSubstr("does not fit its header"));
      }
    }
  }
}

// A byte that one part has too many, and the next one too few.
TEST(NumberHostile, EveryPartIsUsedToItsEnd) {
  for (const Payload& p : all_payloads()) {
    SCOPED_TRACE(int(p.header.model.kind));
    const auto moved = [&](std::size_t from, std::size_t to) {
      std::vector<std::byte> payload = p.bytes;
      store_le(payload.data() + from, load_le<std::uint32_t>(payload.data() + from) - 1);
      store_le(payload.data() + to, load_le<std::uint32_t>(payload.data() + to) + 1);
      return p.status_of(payload).code();
    };
    if (p.header.low_size > 0) {
      EXPECT_EQ(moved(24, 28), Code::kMalformed);
      EXPECT_EQ(moved(24, 36), Code::kMalformed);
    }
    EXPECT_EQ(moved(36, 24), Code::kMalformed);
    EXPECT_EQ(moved(36, 28), Code::kMalformed);
    if (p.header.escape_count > 0) {
      EXPECT_EQ(moved(28, 36), Code::kMalformed);
    }
  }
}

TEST(NumberHostile, EveryCutAndEveryExtraByteIsRefused) {
  for (const Payload& p : all_payloads()) {
    SCOPED_TRACE(int(p.header.model.kind));
    for (std::size_t size = 0; size < p.bytes.size(); size += size < 200 ? 1 : 37) {
      ASSERT_EQ(p.status_of(Bytes(p.bytes).first(size)).code(), Code::kMalformed) << size;
    }
    auto longer = p.bytes;
    longer.push_back(std::byte{0});
    EXPECT_EQ(p.status_of(longer).code(), Code::kMalformed);
  }
}

TEST(NumberHostile, ChunksAreAsManyElementsAndLongerThanTheirPayloads) {
  const Payload p = make_payload(kBF16InF32, Kind::kFloat, 32, 23);
  std::vector<std::byte> out(p.plain.size() + 2);
  const Status odd = decode_with({}, p.bytes, out);
  ASSERT_EQ(odd.code(), Code::kMalformed);
  EXPECT_THAT(odd.error().message, HasSubstr("elements of 32 bits in a chunk of"));
  for (const std::size_t size : {std::size_t{0}, std::size_t{4}, p.bytes.size()}) {
    EXPECT_EQ(decode_with({}, p.bytes, MutableBytes(out).first(size)).code(), Code::kMalformed);
  }
  EXPECT_EQ(decode_with({}, p.bytes, MutableBytes(out).first(p.plain.size() - 4)).code(),
            Code::kMalformed);
}

TEST(NumberHostile, TooManyRowsAreRefusedBeforeTheyTakeMemory) {
  const Payload p = make_payload(kI8, Kind::kInteger, 8, 0, 1 << 19);
  std::vector<std::byte> payload = p.bytes;
  store_le(payload.data() + 16, std::uint32_t{1});
  store_le(payload.data() + 20, std::uint32_t{0});
  const Status status = p.status_of(payload);
  ASSERT_EQ(status.code(), Code::kMalformed);
  EXPECT_THAT(status.error().message, HasSubstr("524288 rows"));
}

TEST(NumberHostile, ScalesAreFiniteAndPositive) {
  const Payload p = make_payload(kFourBits, Kind::kScaled, 32, 23);
  ASSERT_EQ(p.header.centres, Centres::kNone);
  // The scales are before the lower bits, of which, as of what follows, the header says the size.
  std::size_t after = p.header.low_size + p.header.escape_count + 4 * p.header.whole_count +
                      2 * static_cast<std::size_t>(p.header.lanes());
  for (int i = 0; i < p.header.streams(); ++i) after += p.header.stream_size[i];
  const std::size_t rows = (p.plain.size() / 4 + 17 + 299) / 300;
  const std::size_t at = p.bytes.size() - after - 4 * rows;
  for (const std::uint32_t scale :
       {0U, 0x80000000U, 0xBF800000U, 0x7F800000U, 0xFF800000U, 0x7FC00000U}) {
    const Status status = p.status_with(at + 8, scale);
    ASSERT_EQ(status.code(), Code::kMalformed) << scale;
    EXPECT_THAT(status.error().message, HasSubstr("row 2 has the scale"));
  }
  EXPECT_TRUE(p.status_with(at + 8, 0x3F800000U).ok());
}

// Whatever the portable kernel makes of a payload, all others make of it too.
void expect_same_of_all(Bytes payload, std::size_t size) {
  std::vector<std::byte> expected(size);
  const Status wanted = decode_with({&kPortableKernel, &split::kPortableKernel}, payload, expected);
  for (const Kernel* loops : tested_kernels()) {
    for (const split::Kernel* symbols : split::tested_kernels()) {
      SCOPED_TRACE(testing::Message() << loops->name << ", " << symbols->name);
      std::vector<std::byte> out(size);
      Xxh3Follower hash(out);
      const Status status = decode_with({loops, symbols}, payload, out, &hash);
      ASSERT_EQ(status.code(), wanted.code());
      if (!status.ok()) {
        ASSERT_EQ(status.error().message, wanted.error().message);
        continue;
      }
      ASSERT_TRUE(out == expected);
      ASSERT_EQ(hash.finish(), xxh3_64(expected));
    }
  }
}

TEST(NumberHostile, ChangedBitsAreHarmlessInEveryKernel) {
  Random random(3);
  for (const Payload& p : all_payloads()) {
    SCOPED_TRACE(int(p.header.model.kind));
    for (int round = 0; round < 80; ++round) {
      auto payload = p.bytes;
      const std::uint64_t most = round % 2 == 0 ? 100 : payload.size();
      for (int change = 0; change < 1 << (round % 3); ++change) {
        payload[random.below(most)] ^= static_cast<std::byte>(1 << random.below(8));
      }
      expect_same_of_all(payload, p.plain.size());
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace bbz::codec::number
