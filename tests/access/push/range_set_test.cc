#include "bbz/access/push/range_set.h"

#include <gtest/gtest.h>

#include <random>

namespace bbz::push {
namespace {

constexpr std::uint64_t kSize = 64;

TEST(RangeSet, IsTheSetOfItsBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    RangeSet set;
    std::vector<bool> bytes(kSize);
    for (int step = 0; step < 100; ++step) {
      Interval range{random() % kSize, random() % (kSize + 1)};
      if (step % 7 != 0 && range.begin > range.end) std::swap(range.begin, range.end);
      const bool add = random() % 3 != 0;
      if (add) {
        set.add(range);
      } else {
        set.remove(range);
      }
      for (std::uint64_t i = range.begin; i < range.end; ++i) bytes[i] = add;

      std::vector<Interval> expected;
      std::vector<Interval> holes;
      for (std::uint64_t i = 0; i < kSize; ++i) {
        std::vector<Interval>& list = bytes[i] ? expected : holes;
        if (!list.empty() && list.back().end == i) {
          ++list.back().end;
        } else {
          list.push_back({i, i + 1});
        }
      }
      ASSERT_EQ(set.ranges(), expected);
      ASSERT_EQ(set.missing({0, kSize}), holes);
      ASSERT_EQ(set.count(), expected.size());
      ASSERT_EQ(set.end(), expected.empty() ? 0 : expected.back().end);
      std::uint64_t sum = 0;
      for (const Interval& r : expected) sum += r.size();
      ASSERT_EQ(set.bytes(), sum);
      const Interval asked{random() % kSize, random() % (kSize + 1)};
      bool covered = true;
      for (std::uint64_t i = asked.begin; i < asked.end; ++i) covered = covered && bytes[i];
      ASSERT_EQ(set.covers(asked), covered);
      std::uint64_t first = asked.begin;
      while (first < kSize && bytes[first]) ++first;
      ASSERT_EQ(set.first_missing(asked.begin), first);
    }
  }
}

TEST(RangeSet, GivesNoMoreMissingRangesThanAskedFor) {
  RangeSet set;
  for (std::uint64_t i = 0; i < 10; ++i) set.add({10 * i + 5, 10 * i + 10});
  EXPECT_EQ(set.missing({7, 95}, 2), (std::vector<Interval>{{10, 15}, {20, 25}}));
  EXPECT_EQ(set.missing({0, UINT64_MAX}).back(), (Interval{100, UINT64_MAX}));
}

}  // namespace
}  // namespace bbz::push
