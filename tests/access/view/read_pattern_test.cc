#include "bbz/access/view/internal/read_pattern.h"

#include <gtest/gtest.h>

namespace bbz::view {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kSize = 1000 * kMiB;

TEST(ReadPattern, LooksAsFarAsARunHasCome) {
  ReadPattern ahead;
  for (std::uint64_t at = 0; at < 20 * kMiB; at += 128 * kKiB) {
    const std::uint64_t end = at + 128 * kKiB;
    const std::uint64_t horizon = ahead.note(at, end, 500 * kMiB, kSize, 8 * kMiB);
    if (end < ReadPattern::kPatience) {
      EXPECT_EQ(horizon, end);
    } else {
      EXPECT_EQ(horizon, end + std::min(end, 8 * kMiB));
    }
  }
}

TEST(ReadPattern, RandomReadsLookNowhere) {
  ReadPattern ahead;
  std::uint64_t at = 7 * kMiB;
  for (int i = 0; i < 200; ++i) {
    at = (at + 377 * kMiB + 4096) % (kSize - kMiB);
    EXPECT_LE(ahead.note(at, at + 128 * kKiB, kSize, kSize, 8 * kMiB), at + 128 * kKiB);
  }
}

TEST(ReadPattern, SmallReadsNearOneAnotherLookNoFurtherThanTheyHaveRead) {
  ReadPattern ahead;
  std::uint64_t read = 0;
  // Rows of a table, say, of which each is within what counts as out of order of the one before.
  for (std::uint64_t at = 10 * kMiB; at < 200 * kMiB; at += 700 * kKiB) {
    const std::uint64_t end = at + 4 * kKiB;
    const std::uint64_t horizon = ahead.note(at, end, kSize, kSize, 8 * kMiB);
    read += 4 * kKiB;
    EXPECT_LE(horizon, end + (read < ReadPattern::kPatience ? 0 : read));
  }
}

TEST(ReadPattern, StopsAtTheEndOfTheTensorThatWasBegun) {
  ReadPattern ahead;
  const std::uint64_t tensor_end = 20 * kMiB;
  for (std::uint64_t at = 10 * kMiB; at < tensor_end + 128 * kKiB; at += 128 * kKiB) {
    const std::uint64_t end = at + 128 * kKiB;
    const std::uint64_t mine = at < tensor_end ? tensor_end : 40 * kMiB;
    EXPECT_LE(ahead.note(at, end, mine, kSize, 8 * kMiB), std::max(tensor_end, end));
  }
}

TEST(ReadPattern, GoesOnWhereTheRunGoesOn) {
  ReadPattern ahead;
  std::uint64_t horizon = 0;
  for (std::uint64_t at = 10 * kMiB; at < 30 * kMiB; at += 128 * kKiB) {
    horizon = ahead.note(at, at + 128 * kKiB, at < 20 * kMiB ? 20 * kMiB : kSize, kSize, 8 * kMiB);
  }
  EXPECT_EQ(horizon, 38 * kMiB);
  // And begins anew somewhere else.
  EXPECT_EQ(ahead.note(100 * kMiB, 101 * kMiB, kSize, kSize, 8 * kMiB), 101 * kMiB);
}

TEST(ReadPattern, TakesReadsALittleOutOfOrder) {
  ReadPattern ahead;
  ahead.note(0, 128 * kKiB, kSize, kSize, 8 * kMiB);
  ahead.note(256 * kKiB, 384 * kKiB, kSize, kSize, 8 * kMiB);
  EXPECT_EQ(ahead.note(128 * kKiB, 256 * kKiB, kSize, kSize, 8 * kMiB), 768 * kKiB);
}

TEST(ReadPattern, DoesNotLookBehindTheFile) {
  ReadPattern ahead;
  ahead.note(0, 2 * kMiB, kMiB, 5 * kMiB, 8 * kMiB);
  EXPECT_EQ(ahead.note(2 * kMiB, 4 * kMiB, 5 * kMiB, 5 * kMiB, 8 * kMiB), 5 * kMiB);
}

}  // namespace
}  // namespace bbz::view
