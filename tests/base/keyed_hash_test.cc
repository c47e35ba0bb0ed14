#include "bbz/base/keyed_hash.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/bytes.h"

namespace bbz {
namespace {

TEST(KeyedHash, IsThatOfTheBytesAlone) {
  const KeyedHash hash;
  for (const std::size_t size : {0, 1, 15, 16, 17, 1000, 1 << 20}) {
    const auto bytes = noise(size, 1);
    EXPECT_EQ(hash.of(bytes), hash.of(std::vector(bytes))) << size;
    for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
      if (at >= size) continue;
      auto other = bytes;
      other[at] ^= std::byte{1};
      EXPECT_NE(hash.of(bytes), hash.of(other)) << size << ", byte " << at;
    }
    auto longer = bytes;
    longer.push_back(std::byte{0});
    EXPECT_NE(hash.of(bytes), hash.of(longer)) << size;
  }
}

TEST(KeyedHash, HasAnotherKeyEachTime) {
  const auto bytes = noise(100, 1);
  EXPECT_NE(KeyedHash().of(bytes), KeyedHash().of(bytes));
}

TEST(KeyedHash, MayBeAskedByManyThreads) {
  const KeyedHash hash;
  const auto bytes = noise(100'000, 2);
  const auto expected = hash.of(bytes);
  std::vector<std::thread> threads;
  std::array<bool, 4> same{};
  for (bool& one : same) {
    threads.emplace_back([&] {
      one = true;
      for (int i = 0; i < 20; ++i) one = one && hash.of(bytes) == expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(same, (std::array<bool, 4>{true, true, true, true}));
}

}  // namespace
}  // namespace bbz
