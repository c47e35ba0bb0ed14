// The fields codec: blocks of GGUF's types, the size of their fields beside the entropy, and payloads
// that break a rule.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>

#include "bbz/base/wire.h"
#include "bbz/codec/fields/block_fields.h"
#include "bbz/codec/fields/fields.h"
#include "codec/generate.h"

namespace bbz::codec {
namespace {

ChunkShape shape_of(std::uint64_t blocks, unsigned block_bytes) {
  ChunkShape shape;
  shape.dtype = DType::kBlock;
  shape.elements = blocks;
  shape.row_length = 8;
  shape.unknown_bits = block_bytes * 8;
  return shape;
}

// Gaussian weights as Q8_0 (8 bits of a code) or Q4_0 (4 bits) store them: 32 of them share a scale.
std::vector<std::byte> quantised(std::uint64_t blocks, unsigned code_bits) {
  Random random(5);
  std::vector<std::byte> out;
  WireWriter writer(out);
  for (std::uint64_t b = 0; b < blocks; ++b) {
    std::array<double, 32> values{};
    double largest = 0;
    for (double& value : values) {
      value = 0.02 * random.gaussian();
      if (std::fabs(value) > std::fabs(largest)) largest = value;
    }
    const double scale = code_bits == 8 ? std::fabs(largest) / 127 : largest / -8;
    writer.put(static_cast<std::uint16_t>(round_to(DType::kF16, scale)));
    const auto code = [&](int i) {
      return code_bits == 8 ? static_cast<int>(std::floor(values[i] / scale + 0.5))
                            : std::min(static_cast<int>(std::floor(values[i] / scale + 8.5)), 15);
    };
    for (int i = 0; i < (code_bits == 8 ? 32 : 16); ++i) {
      writer.put(static_cast<std::uint8_t>(code_bits == 8 ? code(i) : code(i) | code(i + 16) << 4));
    }
  }
  return out;
}

// The entropy of the codes and the upper byte of the scales in bytes, and their lower bytes.
double entropy_of(Bytes blocks, std::size_t block, unsigned code_bits) {
  std::array<std::array<double, 256>, 2> counts{};
  std::array<double, 2> sum{};
  const auto add = [&](int which, unsigned value) {
    ++counts[which][value];
    ++sum[which];
  };
  for (std::size_t at = 0; at < blocks.size(); at += block) {
    add(0, std::to_integer<unsigned>(blocks[at + 1]));
    for (std::size_t i = 2; i < block; ++i) {
      const auto byte = std::to_integer<unsigned>(blocks[at + i]);
      if (code_bits == 8) {
        add(1, byte);
      } else {
        add(1, byte & 15);
        add(1, byte >> 4);
      }
    }
  }
  double bits = 8.0 * static_cast<double>(blocks.size() / block);
  for (int which = 0; which < 2; ++which) {
    for (const double count : counts[which]) {
      if (count != 0) bits += count * std::log2(sum[which] / count);
    }
  }
  return bits / 8;
}

void expect_back(const ChunkShape& shape, Bytes plain, Bytes payload) {
  std::vector<std::byte> out(plain.size());
  const Status status = decode(CodecId::kFields, shape, payload, out);
  ASSERT_TRUE(status.ok()) << status.error().message;
  EXPECT_EQ(std::memcmp(out.data(), plain.data(), plain.size()), 0);
}

TEST(Fields, OfQuantisedWeightsAreNearTheirEntropy) {
  for (const unsigned code_bits : {4U, 8U}) {
    SCOPED_TRACE(code_bits);
    const std::size_t block = code_bits == 8 ? 34 : 18;
    const std::uint64_t blocks = 1500000 / block;
    const auto plain = quantised(blocks, code_bits);
    const ChunkShape shape = shape_of(blocks, static_cast<unsigned>(block));
    for (const Level level : {Level::kDefault, Level::kSmall}) {
      std::vector<std::byte> payload;
      EXPECT_EQ(encode(shape, plain, {level}, payload), CodecId::kFields);
      EXPECT_LE(static_cast<double>(payload.size()), 1.03 * entropy_of(plain, block, code_bits));
      expect_back(shape, plain, payload);
    }
  }
}

TEST(Fields, OfEveryKnownBlockComeBack) {
  for (unsigned block = 1; block < 400; ++block) {
    const auto layout = fields::block_fields(block);
    if (layout.empty()) continue;
    SCOPED_TRACE(block);
    std::uint64_t sum = 0;
    for (const fields::Field& field : layout) sum += field.size;
    EXPECT_EQ(sum, block);
    for (const std::uint64_t blocks : {1, 2, 7, 300}) {
      // Few different bytes, so that the codec makes the chunk smaller.
      Random random(block);
      std::vector<std::byte> plain(blocks * block);
      for (std::byte& byte : plain) byte = static_cast<std::byte>(random.below(3));
      std::vector<std::byte> payload;
      const ChunkShape shape = shape_of(blocks, block);
      if (!encode_fields(shape, plain, Level::kDefault, plain.size(), payload)) {
        EXPECT_LT(blocks, 300U);
        continue;
      }
      expect_back(shape, plain, payload);
    }
  }
}

TEST(Fields, ThatBreakARuleAreRefused) {
  const std::uint64_t blocks = 200;
  const ChunkShape shape = shape_of(blocks, 34);
  const auto plain = quantised(blocks, 8);
  std::vector<std::byte> payload;
  ASSERT_TRUE(encode_fields(shape, plain, Level::kDefault, plain.size(), payload));
  struct Case {
    std::size_t at;
    unsigned value;
    Code code;
    const char* message;
  };
  for (const Case& c : {
           Case{0, 2, Code::kUnsupported, "fields: unknown form 2"},
           Case{1, 0, Code::kMalformed, "fields: 0 fields, expected 1 to 16"},
           Case{1, 17, Code::kMalformed, "fields: 17 fields, expected 1 to 16"},
           Case{2, 33, Code::kMalformed, "fields: blocks of 33 bytes in a chunk of 6800"},
           Case{4, 3, Code::kMalformed, "fields: fields of 35 bytes in blocks of 34"},
           Case{4, 0, Code::kMalformed, "fields: a field of 0 bytes by codec"},
           Case{6, 3, Code::kMalformed, "fields: a field of 2 bytes by codec 3"},
           Case{6, 9, Code::kMalformed, "fields: a field of 2 bytes by codec 9"},
           Case{11, 255, Code::kMalformed, "bytes for a field of 400"},
           Case{9, 0, Code::kMalformed, "bytes are left"},
       }) {
    SCOPED_TRACE(c.message);
    auto broken = payload;
    broken[c.at] = static_cast<std::byte>(c.value);
    std::vector<std::byte> out(plain.size());
    const Status status = decode(CodecId::kFields, shape, broken, out);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, c.code);
    EXPECT_NE(status.error().message.find(c.message), std::string::npos) << status.error().message;
  }
  for (std::size_t size = 0; size < payload.size(); ++size) {
    std::vector<std::byte> out(plain.size());
    EXPECT_FALSE(decode(CodecId::kFields, shape, Bytes(payload).first(size), out).ok());
  }
}

}  // namespace
}  // namespace bbz::codec
