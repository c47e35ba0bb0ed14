#include "bbz/format/catalog/pivots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace bbz::catalog {
namespace {

std::vector<std::byte> bytes(std::initializer_list<unsigned> values) {
  std::vector<std::byte> out;
  for (const unsigned value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

TEST(Pivots, AreBitsFromTheLowestOfEachByte) {
  const Pivots pivots(1, bytes({0x81, 0x00, 0x06}));
  EXPECT_THAT(pivots.lines(), testing::ElementsAre(0, 7, 17, 18));
  EXPECT_EQ(pivots.axis(), 1u);
  EXPECT_EQ(pivots.count(), 4u);
  EXPECT_EQ(pivots.bitmap_bytes(), 3u);
  std::vector<std::byte> bitmap = bytes({9});
  pivots.append_bitmap(bitmap);
  EXPECT_EQ(bitmap, bytes({9, 0x81, 0x00, 0x06}));
  EXPECT_EQ(Pivots(1, 19, std::vector<std::uint32_t>{0, 7, 17, 18}), pivots);
  EXPECT_NE(Pivots(0, bytes({0x81, 0x00, 0x06})), pivots);
  EXPECT_NE(Pivots(1, bytes({0x81, 0x00, 0x06, 0x00})), pivots);
}

TEST(Pivots, MayBeNone) {
  for (const Pivots& none : {Pivots(0, bytes({})), Pivots(0, bytes({0, 0}))}) {
    EXPECT_EQ(none.count(), 0u);
    EXPECT_EQ(none.before(100), 0u);
    EXPECT_EQ(none.next(3, 100), 100u);
    EXPECT_EQ(none.next(100, 3), 3u);
    EXPECT_FALSE(none.contains(0));
    EXPECT_EQ(none.stored_line(7), 7u);
    EXPECT_EQ(none.stored_line(77), 77u);
    EXPECT_TRUE(none.lines().empty());
  }
}

TEST(Pivots, CountThoseBeforeALineAndFindTheOthers) {
  std::mt19937 random(3);
  for (const std::uint64_t extent : {1u, 63u, 64u, 65u, 128u, 200u, 1000u}) {
    for (const unsigned percent : {0u, 2u, 50u, 98u, 100u}) {
      std::vector<std::uint32_t> lines;
      for (std::uint32_t line = 0; line < extent; ++line) {
        if (random() % 100 < percent) lines.push_back(line);
      }
      const Pivots pivots(0, extent, lines);
      ASSERT_EQ(pivots.lines(), lines);
      ASSERT_EQ(pivots.count(), lines.size());
      ASSERT_EQ(pivots.bitmap_bytes(), (extent + 7) / 8);
      std::uint64_t before = 0;
      for (std::uint32_t line = 0; line < extent + 200; ++line) {
        const bool pivot = before < lines.size() && lines[before] == line;
        ASSERT_EQ(pivots.before(line), before) << line;
        ASSERT_EQ(pivots.contains(line), pivot) << line;
        ASSERT_EQ(pivots.word(line / 64) >> (line % 64) & 1, pivot ? 1u : 0u);
        if (!pivot) {
          ASSERT_EQ(pivots.stored_line(line - before), line);
        }
        if (pivot) {
          ASSERT_EQ(pivots.line(before), line);
        }
        const std::uint64_t next = before < lines.size() ? lines[before] : 9999;
        ASSERT_EQ(pivots.next(line, 9999), next) << line;
        ASSERT_EQ(pivots.next(line, line + 3), std::min<std::uint64_t>(next, line + 3));
        before += pivot ? 1 : 0;
      }
    }
  }
}

}  // namespace
}  // namespace bbz::catalog
