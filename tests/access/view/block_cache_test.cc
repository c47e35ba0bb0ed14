#include "bbz/access/view/internal/block_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <thread>

namespace bbz::view {
namespace {

Block block_of(std::uint32_t number, std::uint64_t size = 100) {
  Block block;
  block.number = number;
  block.begin = number * size;
  block.end = block.begin + size;
  return block;
}

// Fills a block with its number.
Status fill(const Block& block, MutableBytes out) {
  std::ranges::fill(out, static_cast<std::byte>(block.number));
  return {};
}

// Holds those who decode until it is opened, and counts them.
class Gate {
 public:
  void pass() {
    ++inside_;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait_for(int inside) const {
    while (inside_ < inside) std::this_thread::yield();
  }

 private:
  std::atomic<int> inside_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

TEST(BlockCache, KeepsWhatWasUsedLast) {
  BlockCache cache(300, 1, fill);
  for (const std::uint32_t number : {0u, 1u, 2u, 0u, 3u, 0u, 2u}) {
    const auto block = cache.get(block_of(number));
    ASSERT_TRUE(block.ok());
    EXPECT_EQ((*block)->bytes().size(), 100u);
    EXPECT_EQ((*block)->bytes()[99], static_cast<std::byte>(number));
  }
  EXPECT_EQ(cache.counters().blocks_decoded, 4u);  // 1 had to go for 3
  EXPECT_EQ(cache.counters().blocks_found, 3u);
  ASSERT_TRUE(cache.get(block_of(1)).ok());
  EXPECT_EQ(cache.counters().blocks_decoded, 5u);
}

TEST(BlockCache, StaysWithinItsBytes) {
  BlockCache cache(1000, 1, fill);
  for (std::uint32_t n = 0; n < 200; ++n) {
    ASSERT_TRUE(cache.get(block_of(n, 10 + n * 37 % 300)).ok());
    EXPECT_LE(cache.counters().bytes_kept, 1000u);
  }
  EXPECT_LE(cache.counters().most_bytes_kept, 1000u);
}

TEST(BlockCache, DecodesABlockThatIsLargerThanItIsAndKeepsItAlone) {
  BlockCache cache(50, 1, fill);
  ASSERT_TRUE(cache.get(block_of(0)).ok());
  ASSERT_TRUE(cache.get(block_of(0)).ok());
  EXPECT_EQ(cache.counters().blocks_decoded, 1u);
  ASSERT_TRUE(cache.get(block_of(1)).ok());
  EXPECT_EQ(cache.counters().bytes_kept, 100u);
}

TEST(BlockCache, WhatIsHeldStaysAfterItIsLetGo) {
  BlockCache cache(100, 1, fill);
  const auto held = cache.get(block_of(7));
  ASSERT_TRUE(cache.get(block_of(8)).ok());
  EXPECT_EQ((*held)->bytes()[0], std::byte{7});
}

TEST(BlockCache, DecodesOnceForAllWhoAskAtOnce) {
  Gate gate;
  BlockCache cache(1000, 1, [&](const Block& block, MutableBytes out) {
    gate.pass();
    return fill(block, out);
  });
  std::vector<std::thread> readers;
  std::atomic<int> right{0};
  for (int i = 0; i < 6; ++i) {
    readers.emplace_back([&] {
      const auto block = cache.get(block_of(3));
      if (block.ok() && (*block)->bytes()[5] == std::byte{3}) ++right;
    });
  }
  while (cache.counters().blocks_waited < 5) std::this_thread::yield();
  gate.open();
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(right, 6);
  EXPECT_EQ(cache.counters().blocks_decoded, 1u);
}

TEST(BlockCache, GivesTheErrorToAllWhoWaitAndTriesAgainLater) {
  Gate gate;
  std::atomic<bool> broken{true};
  BlockCache cache(1000, 1, [&](const Block& block, MutableBytes out) -> Status {
    gate.pass();
    if (broken) return error_with_message(Code::kChecksum, "chunk 3");
    return fill(block, out);
  });
  std::vector<std::thread> readers;
  std::atomic<int> failed{0};
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] { failed += cache.get(block_of(3)).code() == Code::kChecksum; });
  }
  while (cache.counters().blocks_waited < 2) std::this_thread::yield();
  gate.open();
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(failed, 3);
  EXPECT_EQ(cache.counters().bytes_kept, 0u);
  broken = false;
  EXPECT_TRUE(cache.get(block_of(3)).ok());
}

TEST(BlockCache, AMissingBitOfMemoryIsAnError) {
  BlockCache cache(1000, 1, [](const Block&, MutableBytes) -> Status { throw std::bad_alloc(); });
  EXPECT_EQ(cache.get(block_of(0)).code(), Code::kIo);
  EXPECT_EQ(cache.get(block_of(0)).code(), Code::kIo);
}

TEST(BlockCache, DecodesAheadAndAReaderTakesOverWhatWaits) {
  Gate gate;
  BlockCache cache(1000, 3, [&](const Block& block, MutableBytes out) {
    if (block.number < 2) gate.pass();
    return fill(block, out);
  });
  for (std::uint32_t n = 0; n < 4; ++n) EXPECT_TRUE(cache.decode_ahead(block_of(n)));
  gate.wait_for(2);
  // Both threads of the pool are held, so 2 and 3 wait; 3 is decoded here, by the third.
  ASSERT_TRUE(cache.get(block_of(3)).ok());
  EXPECT_EQ(cache.counters().blocks_decoded, 1u);
  EXPECT_EQ(cache.counters().blocks_ahead, 2u);
  gate.open();
  for (std::uint32_t n = 0; n < 4; ++n) ASSERT_TRUE(cache.get(block_of(n)).ok());
  EXPECT_EQ(cache.counters().blocks_decoded, 4u);
}

TEST(BlockCache, DecodesNothingAheadThatDoesNotFit) {
  Gate gate;
  BlockCache cache(250, 3, [&](const Block& block, MutableBytes out) {
    gate.pass();
    return fill(block, out);
  });
  EXPECT_TRUE(cache.decode_ahead(block_of(0)));
  EXPECT_TRUE(cache.decode_ahead(block_of(1)));
  EXPECT_FALSE(cache.decode_ahead(block_of(2)));
  EXPECT_TRUE(cache.decode_ahead(block_of(1)));
  EXPECT_FALSE(cache.decode_ahead(block_of(9, 1000)));
  gate.open();
}

TEST(BlockCache, DropsWhatWaitsWhereAReaderNeedsTheRoom) {
  Gate gate;
  BlockCache cache(400, 3, [&](const Block& block, MutableBytes out) {
    if (block.number < 2) gate.pass();
    return fill(block, out);
  });
  for (std::uint32_t n = 0; n < 4; ++n) EXPECT_TRUE(cache.decode_ahead(block_of(n)));
  gate.wait_for(2);
  ASSERT_TRUE(cache.get(block_of(8)).ok());
  ASSERT_TRUE(cache.get(block_of(9)).ok());
  EXPECT_EQ(cache.counters().most_bytes_kept, 400u);
  gate.open();
  for (std::uint32_t n = 0; n < 4; ++n) ASSERT_TRUE(cache.get(block_of(n)).ok());
  EXPECT_EQ(cache.counters().blocks_decoded, 6u);
}

TEST(BlockCache, EndsWithWorkUnderWay) {
  for (int round = 0; round < 20; ++round) {
    BlockCache cache(100'000, 2, fill);
    for (std::uint32_t n = 0; n < 50; ++n) cache.decode_ahead(block_of(n));
  }
}

}  // namespace
}  // namespace bbz::view
