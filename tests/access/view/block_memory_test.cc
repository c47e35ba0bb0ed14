#include "bbz/access/view/internal/block_memory.h"

#include <gtest/gtest.h>

namespace bbz::view {
namespace {

TEST(BlockMemory, LendsWhatWasGivenBackLast) {
  BlockMemory memory(1000);
  Buffer first = memory.take(100);
  Buffer second = memory.take(100);
  EXPECT_EQ(memory.made(), 2u);
  const std::byte* const last = second.data.get();
  memory.give_back(std::move(first));
  memory.give_back(std::move(second));
  EXPECT_EQ(memory.take(100).data.get(), last);
  EXPECT_EQ(memory.made(), 2u);
}

TEST(BlockMemory, LendsOnlyWhatFitsAndIsHardlyLarger) {
  BlockMemory memory(10'000);
  memory.give_back(memory.take(800));
  EXPECT_EQ(memory.take(801).capacity, 801u);  // too small
  EXPECT_EQ(memory.take(700).capacity, 700u);  // it would waste more than an eighth
  EXPECT_EQ(memory.made(), 3u);
  EXPECT_EQ(memory.take(720).capacity, 800u);
  EXPECT_EQ(memory.made(), 3u);
}

TEST(BlockMemory, KeepsNoMoreThanItMay) {
  BlockMemory memory(250);
  std::vector<Buffer> lent;
  for (int i = 0; i < 3; ++i) lent.push_back(memory.take(100));
  for (Buffer& buffer : lent) memory.give_back(std::move(buffer));
  for (int i = 0; i < 3; ++i) lent.push_back(memory.take(100));  // two of them are the last two
  EXPECT_EQ(memory.made(), 4u);
  memory.give_back(memory.take(251));
  lent.push_back(memory.take(251));
  EXPECT_EQ(memory.made(), 6u);
}

TEST(BlockMemory, FreesAsManyAsALargeOneTakesThePlaceOf) {
  BlockMemory memory(250);
  std::vector<Buffer> lent;
  for (const std::size_t size : {100, 100, 200}) lent.push_back(memory.take(size));
  for (Buffer& buffer : lent) memory.give_back(std::move(buffer));
  EXPECT_EQ(memory.made(), 3u);
  lent.push_back(memory.take(200));
  EXPECT_EQ(memory.made(), 3u);
  lent.push_back(memory.take(100));  // both of this size had to go
  EXPECT_EQ(memory.made(), 4u);
}

}  // namespace
}  // namespace bbz::view
