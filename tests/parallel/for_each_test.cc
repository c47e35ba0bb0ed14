#include "bbz/parallel/for_each.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace bbz::parallel {
namespace {

void expect_each_once(ThreadPool* pool, std::size_t count) {
  std::vector<std::atomic<int>> calls(count);
  for_each_index(pool, count, [&](std::size_t i) { ++calls[i]; });
  for (const auto& n : calls) EXPECT_EQ(n, 1);
}

TEST(ForEachIndex, CallsEachOnceAndReturnsWhenAllHaveReturned) {
  for (const std::size_t threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (const std::size_t count : {0, 1, 2, 3, 1000}) expect_each_once(&pool, count);
  }
  expect_each_once(nullptr, 10);
}

TEST(ForEachIndex, DoesNotWaitForThreadsThatAreBusy) {
  std::atomic<bool> done{false};
  ThreadPool pool(2);  // its threads end before what they wait for
  for (int i = 0; i < 2; ++i) {
    pool.submit([&] { done.wait(false); });
  }
  expect_each_once(&pool, 100);
  done = true;
  done.notify_all();
}

TEST(ForEachIndex, MayBeCalledFromATaskOfThePool) {
  ThreadPool pool(2);
  for_each_index(&pool, 4, [&](std::size_t) { expect_each_once(&pool, 50); });
}

TEST(ForEachIndex, ThrowsWhatACallThrewWhenAllHaveEnded) {
  constexpr int kCount = 2'000;
  for (const std::size_t threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 20; ++round) {
      std::atomic<int> inside{0};
      std::atomic<int> calls{0};
      const auto work = [&](std::size_t i) {
        ++inside;
        ++calls;
        const bool throws = i == 7;
        // The others do not come to their end before the exception has come to its own.
        if (i > 100) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        --inside;
        if (throws) throw std::bad_alloc();
      };
      EXPECT_THROW(for_each_index(&pool, kCount, work), std::bad_alloc);
      EXPECT_EQ(inside, 0);
      EXPECT_LT(calls, kCount);      // the rest was left out
      expect_each_once(&pool, 100);  // and the pool is as it was
    }
  }
}

}  // namespace
}  // namespace bbz::parallel
