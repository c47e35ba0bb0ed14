#include "bbz/io/byte_range.h"

#include <gtest/gtest.h>

namespace bbz::io {
namespace {

constexpr std::uint64_t kMost = ~std::uint64_t{0};

TEST(Nearness, JoinsRangesThatTouchOrHaveASmallGap) {
  const Nearness near{.gap = 10};
  EXPECT_EQ(near.joinable({100, 50}, {150, 7}), 7u);
  EXPECT_EQ(near.joinable({100, 50}, {160, 7}), 7u);
  EXPECT_EQ(near.joinable({100, 50}, {161, 7}), 0u);
  EXPECT_EQ(Nearness().joinable({100, 50}, {150, 7}), 7u);
  EXPECT_EQ(Nearness().joinable({100, 50}, {151, 7}), 0u);
}

TEST(Nearness, JoinsNoRangeThatBeginsBeforeTheEndOfTheOther) {
  for (const std::uint64_t gap : {std::uint64_t{0}, std::uint64_t{10}, kMost}) {
    const Nearness near{.gap = gap};
    EXPECT_EQ(near.joinable({100, 50}, {149, 7}), 0u);
    EXPECT_EQ(near.joinable({100, 50}, {100, 50}), 0u);
    EXPECT_EQ(near.joinable({100, 50}, {20, 7}), 0u);
  }
}

TEST(Nearness, JoinsAsManyBytesAsOneRangeMayHave) {
  const Nearness near{.gap = 10, .most_bytes = 60};
  EXPECT_EQ(near.joinable({100, 50}, {150, 10}), 10u);
  EXPECT_EQ(near.joinable({100, 50}, {150, 11}), 10u);
  EXPECT_EQ(near.joinable({100, 50}, {155, 11}), 5u);  // the gap counts
  EXPECT_EQ(near.joinable({100, 50}, {160, 11}), 0u);  // the gap takes all of it
  EXPECT_EQ(near.joinable({100, 60}, {160, 1}), 0u);   // it is full
  EXPECT_EQ(near.joinable({100, 500}, {600, 1}), 0u);  // it is longer than that
}

TEST(Nearness, JoinsAtTheEndOf64Bits) {
  const Nearness near{.gap = kMost};
  EXPECT_EQ(near.joinable({0, 1}, {kMost - 5, 5}), 5u);
  EXPECT_EQ(near.joinable({0, 1}, {1, kMost - 1}), kMost - 1);
  EXPECT_EQ(near.joinable({kMost - 5, 5}, {0, 1}), 0u);
}

}  // namespace
}  // namespace bbz::io
