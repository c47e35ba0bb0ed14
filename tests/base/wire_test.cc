#include "bbz/base/wire.h"

#include <gtest/gtest.h>

#include "bbz/base/checked.h"

namespace bbz {
namespace {

TEST(Wire, ReadsWhatWasWrittenAndSeesTheEnd) {
  std::vector<std::byte> buffer;
  WireWriter writer(buffer);
  writer.put(std::uint8_t{7});
  writer.put(std::uint32_t{0x01020304});
  writer.put_bytes("name");
  ASSERT_EQ(buffer.size(), 9u);
  EXPECT_EQ(buffer[1], std::byte{4});

  WireReader reader(buffer);
  EXPECT_EQ(reader.get<std::uint8_t>(), 7u);
  EXPECT_EQ(reader.get<std::uint32_t>(), 0x01020304u);
  EXPECT_FALSE(reader.finished());
  EXPECT_EQ(reader.get_string(4), "name");
  EXPECT_TRUE(reader.finished());
}

TEST(Wire, AReadPastTheEndFailsForGood) {
  const std::array<std::byte, 3> buffer{std::byte{1}, std::byte{2}, std::byte{3}};
  WireReader reader(buffer);
  EXPECT_EQ(reader.get<std::uint32_t>(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.get<std::uint8_t>(), 0u);
  EXPECT_FALSE(reader.finished());
  WireReader huge(buffer);
  EXPECT_TRUE(huge.get_bytes(~std::uint64_t{0}).empty());
  EXPECT_FALSE(huge.ok());
}

TEST(Checked, SaysWhenItOverflows) {
  const std::uint64_t max = ~std::uint64_t{0};
  EXPECT_EQ(checked_add(max - 1, 1), max);
  EXPECT_EQ(checked_add(max, 1), std::nullopt);
  EXPECT_EQ(checked_mul(max / 3, 3), max);
  EXPECT_EQ(checked_mul(max / 2, 3), std::nullopt);
  EXPECT_EQ(divide_up(0, 8), 0u);
  EXPECT_EQ(divide_up(9, 8), 2u);
  EXPECT_EQ(divide_up(max, 2), (std::uint64_t{1} << 63));
}

TEST(Wire, VarintsInTheFewestBytes) {
  const std::pair<std::uint64_t, std::size_t> cases[] = {
      {0, 1},          {1, 1},           {127, 1},
      {128, 2},        {16383, 2},       {16384, 3},
      {0xFFFFFFFF, 5}, {1ull << 63, 10}, {~std::uint64_t{0}, 10},
  };
  for (const auto& [value, size] : cases) {
    std::vector<std::byte> out;
    WireWriter(out).put_varint(value);
    EXPECT_EQ(out.size(), size) << value;
    WireReader r(out);
    EXPECT_EQ(r.get_varint<std::uint64_t>(), value);
    EXPECT_TRUE(r.finished());
    for (std::size_t cut = 0; cut < size; ++cut) {
      WireReader part(Bytes(out).first(cut));
      EXPECT_EQ(part.get_varint<std::uint64_t>(), 0u);
      EXPECT_FALSE(part.ok());
    }
    WireReader narrow(out);
    narrow.get_varint<std::uint32_t>();
    EXPECT_EQ(narrow.ok(), value <= 0xFFFFFFFF) << value;
  }
  const auto refused = [](std::initializer_list<int> bytes) {
    std::vector<std::byte> in;
    for (const int b : bytes) in.push_back(static_cast<std::byte>(b));
    WireReader r(in);
    r.get_varint<std::uint64_t>();
    return !r.ok();
  };
  EXPECT_TRUE(refused({0x80, 0x00}));  // more bytes than it needs
  EXPECT_TRUE(refused({0xFF, 0x80, 0x00}));
  EXPECT_TRUE(refused({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02}));  // 65 bits
  EXPECT_TRUE(refused({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x81, 0x00}));
  EXPECT_FALSE(refused({0x80, 0x01}));
}

}  // namespace
}  // namespace bbz
