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

}  // namespace
}  // namespace bbz
