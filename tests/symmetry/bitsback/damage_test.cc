// Records and carriers that are not what encode() made: refused, or decoded to the same riders,
// never to others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bbz/base/wire.h"
#include "bbz/symmetry/bitsback/internal/record.h"
#include "symmetry/bitsback/junctions.h"

namespace bbz::bitsback {
namespace {

using testing::HasSubstr;

class Damage : public testing::Test {
 protected:
  void SetUp() override {
    const Junction junction = normal_junction(DType::kF16, 10, 40);
    const auto plan = plan_junction(10, junction.carriers());
    ASSERT_TRUE(plan.ok());
    riders_ = random_bytes(1, capacity_bytes(*plan) - 3);
    auto drawn = encode(*plan, junction.carriers(), riders_);
    ASSERT_TRUE(drawn.ok());
    record_ = drawn->record;
    stored_ = stored(junction, *drawn);
  }

  Result<std::vector<std::byte>> decode_with(Bytes record) const {
    return decode(10, stored_.carriers(), record);
  }

  std::string refusal_of(std::size_t offset, std::uint8_t value) const {
    auto changed = record_;
    changed[offset] = static_cast<std::byte>(value);
    const auto back = decode_with(changed);
    EXPECT_FALSE(back.ok());
    return back.ok() ? "" : back.error().message;
  }

  std::vector<std::byte> riders_;
  std::vector<std::byte> record_;
  Junction stored_;
};

TEST_F(Damage, EveryBitOfTheRecord) {
  int refused = 0;
  for (std::size_t bit = 0; bit < 8 * record_.size(); ++bit) {
    auto changed = record_;
    changed[bit / 8] ^= std::byte{1} << (bit % 8);
    const auto back = decode_with(changed);
    if (!back.ok()) {
      ++refused;
    } else {
      EXPECT_EQ(*back, riders_) << bit;
      EXPECT_GT(bit, 8 * (record_.size() - 4)) << "only the last bits of the code may be idle";
    }
  }
  EXPECT_GT(refused, static_cast<int>(8 * (record_.size() - 4)));
}

TEST_F(Damage, EveryLengthOfTheRecord) {
  for (std::size_t size = 0; size < record_.size(); ++size) {
    EXPECT_FALSE(decode_with(Bytes(record_).first(size)).ok()) << size;
  }
  for (const int more : {0, 1, 255}) {
    auto longer = record_;
    longer.insert(longer.end(), 5, static_cast<std::byte>(more));
    const auto back = decode_with(longer);
    ASSERT_FALSE(back.ok());
    EXPECT_THAT(back.error().message, HasSubstr("bytes follow its end"));
  }
}

TEST_F(Damage, FieldsOutOfRange) {
  EXPECT_THAT(refusal_of(0, 2), HasSubstr("version 2"));
  EXPECT_THAT(refusal_of(2, 0), HasSubstr("grid of 0 bits"));
  EXPECT_THAT(refusal_of(2, 25), HasSubstr("grid of 25 bits"));
  EXPECT_THAT(refusal_of(3, 127), HasSubstr("scale 127"));
  EXPECT_THAT(refusal_of(4, 65), HasSubstr("shift 65"));
  EXPECT_THAT(refusal_of(5, 1), HasSubstr("reserved byte is 0x01"));
  EXPECT_THAT(refusal_of(6, 11), HasSubstr("of width 11, found 40 of width 10"));
  EXPECT_THAT(refusal_of(8, 41), HasSubstr("for 41 carrier rows"));
  EXPECT_THAT(refusal_of(13, 0x7F), HasSubstr("bytes of payload, the limit is"));
  EXPECT_THAT(refusal_of(16, static_cast<std::uint8_t>(~static_cast<unsigned>(record_[16]))),
              HasSubstr("checksum"));
}

// The least change of any stored element is noticed or harmless.
TEST_F(Damage, EveryElementOfTheCarriers) {
  int refused = 0;
  for (std::size_t offset = 0; offset < stored_.tensors[1].size(); ++offset) {
    Junction changed = stored_;
    changed.tensors[1][offset] ^= std::byte{1};
    const auto back = decode(10, changed.carriers(), record_);
    if (back.ok()) {
      EXPECT_EQ(*back, riders_) << offset;
    }
    refused += back.ok() ? 0 : 1;
  }
  EXPECT_GT(refused, static_cast<int>(stored_.tensors[1].size()) / 3);
}

TEST_F(Damage, CarriersThatFixNoFrame) {
  Junction changed = stored_;
  for (auto& bytes : changed.tensors) std::ranges::fill(bytes, std::byte{0});
  EXPECT_EQ(decode(10, changed.carriers(), record_).code(), Code::kMalformed);

  changed = stored_;
  store_le<std::uint16_t>(changed.tensors[1].data() + 2 * 13, 0x7E00);
  const auto nan = decode(10, changed.carriers(), record_);
  ASSERT_FALSE(nan.ok());
  EXPECT_THAT(nan.error().message, HasSubstr("element [1, 3] of carrier 1 is nan"));

  changed = stored_;
  std::swap(changed.tensors[0], changed.tensors[1]);
  EXPECT_FALSE(decode(10, changed.carriers(), record_).ok());
}

TEST(Record, ComesBack) {
  Record record;
  record.seed = 3;
  record.grid = {12, 200, 20};
  record.width = 5;
  record.columns = 9;
  record.payload_size = 15;
  record.payload_checksum = 0x0123456789ABCDEF;
  record.row_exponents = {-64, 64, 0, -1, -2};
  record.listed = {{0, true}, {1, false}, {53, true}};
  record.corrections = {0, 1, -1, 2, -2, 3, -3, 60, -1000000, (1 << 30) + 1};
  const auto bytes = encode_record(record);
  const auto back = decode_record(bytes, 5, 9);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(back->seed, 3);
  EXPECT_EQ(back->grid.bits, 12);
  EXPECT_EQ(back->grid.scale, 200);
  EXPECT_EQ(back->grid.shift, 20);
  EXPECT_EQ(back->payload_size, 15U);
  EXPECT_EQ(back->payload_checksum, record.payload_checksum);
  EXPECT_EQ(back->row_exponents, record.row_exponents);
  ASSERT_EQ(back->listed.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(back->listed[i].index, record.listed[i].index);
    EXPECT_EQ(back->listed[i].upper, record.listed[i].upper);
  }
  EXPECT_EQ(back->corrections, record.corrections);
}

TEST(Record, WhatIsOutOfRangeIsRefused) {
  Record record;
  record.grid = {12, 200, 20};
  record.width = 2;
  record.columns = 3;
  record.row_exponents = {0, 0};
  record.corrections = {0};
  ASSERT_TRUE(decode_record(encode_record(record), 2, 3).ok());

  Record changed = record;
  changed.row_exponents[1] = 65;
  EXPECT_THAT(decode_record(encode_record(changed), 2, 3).error().message,
              HasSubstr("row exponent"));
  changed = record;
  changed.listed = {{9, false}};
  EXPECT_THAT(decode_record(encode_record(changed), 2, 3).error().message,
              HasSubstr("past the last"));
  for (std::uint64_t i = 0; i < 9; ++i) changed.listed.insert(changed.listed.end() - 1, {i, false});
  EXPECT_THAT(decode_record(encode_record(changed), 2, 3).error().message, HasSubstr("10 listed"));
  changed = record;
  changed.corrections[0] = INT32_MIN;
  EXPECT_THAT(decode_record(encode_record(changed), 2, 3).error().message,
              HasSubstr("correction of"));
}

}  // namespace
}  // namespace bbz::bitsback
