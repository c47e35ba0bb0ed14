// All values of the small dtypes, through every model that the encoder can be made to choose and through
// every level of the library: in order, shuffled, repeated, and in wider floats.
#include <gtest/gtest.h>

#include <cstring>

#include "bbz/base/wire.h"
#include "bbz/codec/number/binding.h"
#include "bbz/codec/number/wire.h"
#include "codec/generate.h"

namespace bbz::codec::number {
namespace {

enum class Order { kAscending, kShuffled, kRepeated, kSigns };

// Returns all values of so many bits, each as often as makes at least 4096 elements.
std::vector<std::uint64_t> all_values(int bits, Order order) {
  const std::uint64_t count = std::uint64_t{1} << bits;
  const std::uint64_t times =
      std::max<std::uint64_t>(4096 / count, 1) * (order == Order::kRepeated ? 4 : 1);
  std::vector<std::uint64_t> values(count * times);
  for (std::uint64_t i = 0; i < values.size(); ++i) {
    switch (order) {
      case Order::kRepeated:
        values[i] = i / times;
        break;
      case Order::kSigns:  // a magnitude of both signs, and then the next one
        values[i] = (i / 2 + (i % 2 << (bits - 1))) % count;
        break;
      default:
        values[i] = i % count;
    }
  }
  if (order == Order::kShuffled) {
    Random random(7);
    for (std::size_t i = values.size() - 1; i > 0; --i) {
      std::swap(values[i], values[random.below(i + 1)]);
    }
  }
  return values;
}

std::vector<std::byte> pack(const std::vector<std::uint64_t>& values, int bits) {
  std::vector<std::byte> bytes(values.size() * static_cast<std::size_t>(bits) / 8);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::memcpy(bytes.data() + i * static_cast<std::size_t>(bits) / 8, &values[i],
                static_cast<std::size_t>(bits) / 8);
  }
  return bytes;
}

// What payloads had in their headers.
struct Seen {
  std::array<bool, 5> kinds{};
  std::array<bool, 4> top_bits{};
  std::array<bool, 2> sign_bits{};
  bool wholes = false;
  bool floors = false;
  bool precisions = false;

  void add(Bytes payload) {
    WireReader in(payload);
    const Header header = get_header(in).value();
    kinds[static_cast<std::size_t>(header.model.kind)] = true;
    top_bits[static_cast<std::size_t>(header.model.top_bits)] = true;
    sign_bits[static_cast<std::size_t>(header.model.sign_bits)] = true;
    wholes |= header.whole_count != 0;
    floors |= header.floor != 0 || header.floor_bits != 0;
    precisions |= header.model.precision < header.model.mantissa_bits();
  }
};

// Expects a chunk back from each candidate and each level. Zeros follow it, because a payload must be
// shorter than its chunk, and all values take more than they are.
void expect_back(const ChunkShape& shape, const std::vector<std::byte>& values, Seen& seen) {
  std::vector<std::byte> plain = values;
  plain.resize(3 * values.size());
  ChunkShape padded = shape;
  padded.elements = 3 * shape.elements;
  std::vector<std::byte> payload;
  std::vector<std::byte> out(plain.size());
  for (const Candidate& candidate : find_candidates(padded, plain, Level::kSmall)) {
    SCOPED_TRACE(testing::Message() << "kind " << int(candidate.model.kind));
    if (!encode_with(nullptr, candidate, plain, plain.size(), payload)) continue;
    seen.add(payload);
    const Status status = decode_with({}, payload, out);
    ASSERT_TRUE(status.ok()) << status.error().message;
    ASSERT_TRUE(out == plain);
  }
  out.resize(values.size());
  for (const Level level : {Level::kFast, Level::kDefault, Level::kSmall}) {
    const CodecId id = encode(shape, values, {level}, payload);
    ASSERT_TRUE(decode(id, shape, payload, out).ok());
    ASSERT_TRUE(out == values) << find_codec(id)->name;
  }
  // The codecs for all bytes, whatever encode() chooses.
  for (const Codec& codec : registry()) {
    if (codec.encode == nullptr ||
        !codec.encode(shape, values, Level::kSmall, values.size(), payload))
      continue;
    ASSERT_TRUE(codec.decode(shape, payload, out, nullptr).ok()) << codec.name;
    ASSERT_TRUE(out == values) << codec.name;
  }
}

constexpr Order kOrders[] = {Order::kAscending, Order::kShuffled, Order::kRepeated, Order::kSigns};

TEST(NumberExhaustive, EveryValueOfSmallDTypesComesBack) {
  Seen seen;
  for (const DType dtype :
       {DType::kF16, DType::kBF16, DType::kF8E4M3, DType::kF8E5M2, DType::kF8E4M3Fnuz,
        DType::kF8E5M2Fnuz, DType::kI8, DType::kU8, DType::kI16, DType::kU16}) {
    const int bits = dtype_info(dtype).bits;
    for (const Order order : kOrders) {
      SCOPED_TRACE(testing::Message() << dtype_info(dtype).name << ", order " << int(order));
      const auto values = all_values(bits, order);
      for (const std::uint64_t row : {std::uint64_t{64}, std::uint64_t{values.size()}}) {
        expect_back({dtype, values.size(), row, row / 3}, pack(values, bits), seen);
        if (HasFatalFailure()) return;
      }
    }
  }
  for (const bool is_seen : seen.kinds) EXPECT_TRUE(is_seen);
  EXPECT_TRUE(seen.wholes);
}

// Returns the bits of F32 or F64 that an element of a narrower dtype has, NaN payloads included.
std::uint64_t widened(DType from, DType to, std::uint64_t bits) {
  const FloatLayout narrow = dtype_info(from).layout;
  const FloatLayout wide = dtype_info(to).layout;
  const std::uint64_t sign = bits >> (dtype_info(from).bits - 1);
  const std::uint64_t exponents = (std::uint64_t{1} << narrow.exponent_bits) - 1;
  const std::uint64_t exponent = bits >> narrow.mantissa_bits & exponents;
  const std::uint64_t mantissa = bits & ((std::uint64_t{1} << narrow.mantissa_bits) - 1);
  if (exponent == exponents) {
    return sign << (dtype_info(to).bits - 1) |
           ((std::uint64_t{1} << wide.exponent_bits) - 1) << wide.mantissa_bits |
           mantissa << (wide.mantissa_bits - narrow.mantissa_bits);
  }
  return round_to(to, value_of(from, bits));
}

TEST(NumberExhaustive, EveryValueComesBackInWiderFloats) {
  Seen seen;
  for (const DType from : {DType::kF16, DType::kBF16, DType::kF8E4M3, DType::kF8E5M2}) {
    for (const DType to : {DType::kF32, DType::kF64}) {
      for (const Order order : kOrders) {
        SCOPED_TRACE(testing::Message() << dtype_info(from).name << " in " << dtype_info(to).name
                                        << ", order " << int(order));
        auto values = all_values(dtype_info(from).bits, order);
        for (std::uint64_t& value : values) value = widened(from, to, value);
        expect_back({to, values.size(), 512, 100}, pack(values, dtype_info(to).bits), seen);
        if (HasFatalFailure()) return;
      }
    }
  }
  EXPECT_TRUE(seen.precisions);
  EXPECT_TRUE(seen.floors);
}

// Each model that a header can have, by values that make the encoder choose it.
TEST(NumberExhaustive, EveryKeyAndEveryPrecisionComesBack) {
  Seen seen;
  Random random(5);
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
    const int bits = dtype_info(dtype).bits;
    const int mantissa = dtype_info(dtype).layout.mantissa_bits;
    for (int precision = 0; precision <= mantissa; ++precision) {
      for (const unsigned negative : {0u, 30u, 128u}) {
        for (const std::uint64_t exponents : {1u, 3u, 20u}) {
          std::vector<std::uint64_t> values(6000);
          for (std::uint64_t& value : values) {
            const std::uint64_t kept = random.bits() >> (64 - mantissa) >>
                                       (mantissa - precision) << (mantissa - precision);
            value = (5 + random.below(exponents)) << mantissa | kept;
            if (random.below(256) < negative) value |= std::uint64_t{1} << (bits - 1);
          }
          SCOPED_TRACE(testing::Message() << dtype_info(dtype).name << " of " << precision
                                          << " bits, " << exponents << " exponents");
          expect_back({dtype, values.size(), 500, 0}, pack(values, bits), seen);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
  for (const bool is_seen : seen.top_bits) EXPECT_TRUE(is_seen);
  for (const bool is_seen : seen.sign_bits) EXPECT_TRUE(is_seen);
  EXPECT_TRUE(seen.precisions);
}

// Each floor, by floats that are multiples of a power of two.
TEST(NumberExhaustive, EveryFloorComesBack) {
  Random random(6);
  std::array<bool, 256> floors{};
  std::vector<std::byte> payload;
  for (int place = 0; place < 256; ++place) {
    std::vector<std::uint64_t> values(3000);
    for (std::uint64_t& value : values) {
      const auto integer = static_cast<double>(static_cast<std::int64_t>(random.below(255)) - 127);
      value = round_to(DType::kF32, std::ldexp(integer, place - 149));
    }
    const auto plain = pack(values, 32);
    Candidate candidate;
    candidate.model = {Kind::kFloat, 32, 23, 0, 0, 0};
    candidate.width = 3000;
    ASSERT_TRUE(encode_with(nullptr, candidate, plain, plain.size(), payload)) << place;
    WireReader in(payload);
    floors[get_header(in).value().floor] = true;
    std::vector<std::byte> out(plain.size());
    ASSERT_TRUE(decode_with({}, payload, out).ok());
    ASSERT_TRUE(out == plain) << place;
  }
  // Beyond the last one, the least bit is always a fraction of the largest values.
  EXPECT_GE(std::ranges::count(floors, true), 240);
}

}  // namespace
}  // namespace bbz::codec::number
