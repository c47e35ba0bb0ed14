#include "bbz/parallel/ordered_map.h"

#include <gtest/gtest.h>

#include <barrier>
#include <filesystem>
#include <latch>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>

#include "bbz/base/format.h"

namespace bbz::parallel {
namespace {

struct Item {
  int number = -1;
  int square = 0;
  std::vector<int> buffer;  // shows that items come back
};

// Every property holds for a pool that runs inline and for one with threads.
class OrderedMap : public testing::TestWithParam<std::size_t> {
 protected:
  static Status check(int number, int bad, const char* step) {
    if (number == bad) return make_error(Code::kInternal, "{} {}", step, number);
    return {};
  }

  // Squares 0 ... count - 1; a step fails at the number given for it.
  Status squares(int count, int bad_produce, int bad_work, int bad_consume) {
    int next = 0;
    return ordered_map<Item>(
        pool_, 4,
        [&](Item& item) -> Result<bool> {
          BBZ_TRY(check(next, bad_produce, "produce"));
          item.number = next++;
          return item.number < count;
        },
        [&](Item& item) -> Status {
          item.square = item.number * item.number;
          return check(item.number, bad_work, "work");
        },
        [&](Item& item) -> Status {
          BBZ_TRY(check(item.number, bad_consume, "consume"));
          found_.push_back(item.square);
          return {};
        });
  }

  ThreadPool pool_{GetParam()};
  std::vector<int> found_;
};

INSTANTIATE_TEST_SUITE_P(Threads, OrderedMap, testing::Values(1, 2, 5));

TEST_P(OrderedMap, ConsumesInTheOrderOfProduction) {
  EXPECT_TRUE(squares(1000, -1, -1, -1).ok());
  ASSERT_EQ(found_.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(found_[static_cast<std::size_t>(i)], i * i);
}

TEST_P(OrderedMap, TakesAnEmptySequence) {
  EXPECT_TRUE(squares(0, -1, -1, -1).ok());
  EXPECT_TRUE(found_.empty());
}

TEST_P(OrderedMap, TheFirstErrorInOrderWinsAndAllBeforeItIsConsumed) {
  EXPECT_EQ(squares(1000, 17, 100, 100).error().message, "produce 17");
  EXPECT_EQ(found_.size(), 17u);
  found_.clear();
  EXPECT_EQ(squares(1000, 18, 17, 100).error().message, "work 17");
  EXPECT_EQ(found_.size(), 17u);
  found_.clear();
  EXPECT_EQ(squares(1000, 19, 18, 17).error().message, "consume 17");
  EXPECT_EQ(found_.size(), 17u);
}

TEST_P(OrderedMap, KeepsAtMostDepthItemsAndGivesThemBack) {
  std::set<const Item*> items;
  int next = 0;
  std::atomic<int> alive{0};
  std::atomic<int> most{0};
  const Status status = ordered_map<Item>(
      pool_, 3,
      [&](Item& item) -> Result<bool> {
        items.insert(&item);
        EXPECT_EQ(item.buffer.size(), static_cast<std::size_t>(item.number >= 0 ? 1 : 0));
        item.number = next++;
        if (item.number == 50) return false;
        const int now = ++alive;
        if (now > most) most = now;
        return true;
      },
      [&](Item& item) -> Status {
        item.buffer.assign(1, item.number);
        return {};
      },
      [&](Item&) -> Status {
        --alive;
        return {};
      });
  EXPECT_TRUE(status.ok());
  const std::size_t depth = pool_.runs_inline() ? 1 : 3;
  EXPECT_EQ(items.size(), depth);
  EXPECT_EQ(most, static_cast<int>(depth));
}

TEST_P(OrderedMap, ExceptionsReachTheCallerAfterAllWorkHasEnded) {
  for (const int step : {0, 1, 2}) {
    int next = 0;
    std::atomic<int> running{0};
    const auto thrower = [&](const Item& item, int mine) {
      if (mine == step && item.number == 9) throw std::runtime_error("nine");
    };
    const auto run = [&]() -> Status {
      return ordered_map<Item>(
          pool_, 8,
          [&](Item& item) -> Result<bool> {
            item.number = next++;
            thrower(item, 0);
            return item.number < 100;
          },
          [&](Item& item) -> Status {
            ++running;
            std::this_thread::yield();
            --running;
            thrower(item, 1);
            return {};
          },
          [&](Item& item) -> Status {
            thrower(item, 2);
            return {};
          });
    };
    EXPECT_THROW((void)run(), std::runtime_error) << step;
    EXPECT_EQ(running, 0) << step;
  }
}

// Passes only if two items are worked on at the same time.
TEST(ThreadPool, WorksOnSeveralItemsAtOnce) {
  ThreadPool pool(2);
  ASSERT_EQ(pool.size(), 2u);
  std::barrier meet(2);
  int next = 0;
  const Status status = ordered_map<Item>(
      pool, 2, [&](Item&) -> Result<bool> { return next++ < 2; },
      [&](Item&) -> Status {
        meet.arrive_and_wait();
        return {};
      },
      [](Item&) -> Status { return {}; });
  EXPECT_TRUE(status.ok());
}

// The pool's one thread is held up by another queue: the calling thread does all of its own work.
TEST(OrderedQueue, GoesOnWhereThePoolIsBusy) {
  std::latch begun(1), release(1);
  ThreadPool pool(2);  // its threads end before what they wait for
  pool.submit([&] {
    begun.count_down();
    release.wait();
  });
  begun.wait();
  int next = 0;
  std::set<std::thread::id> threads;
  const Status status = ordered_map<Item>(
      pool, 4, [&](Item&) -> Result<bool> { return next++ < 100; },
      [&](Item&) -> Status {
        threads.insert(std::this_thread::get_id());  // no race: nobody else is there to work
        return {};
      },
      [](Item&) -> Status { return {}; });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(threads, std::set{std::this_thread::get_id()});
  release.count_down();  // and the tasks that are left find nothing to do
}

TEST(ThreadPool, RunsEveryTaskBeforeItEnds) {
  std::atomic<int> sum{0};
  {
    ThreadPool pool(3);
    EXPECT_FALSE(pool.runs_inline());
    for (int i = 0; i < 500; ++i) pool.submit([&sum] { ++sum; });
  }
  EXPECT_EQ(sum, 500);
}

TEST(ThreadPool, OneThreadIsTheCallersAndZeroMeansTheMachines) {
  ThreadPool one(1);
  EXPECT_TRUE(one.runs_inline());
  EXPECT_EQ(one.size(), 1u);
  std::thread::id ran;
  one.submit([&] { ran = std::this_thread::get_id(); });
  EXPECT_EQ(ran, std::this_thread::get_id());
  EXPECT_EQ(ThreadPool(kAllCores).size(), std::max(1u, std::thread::hardware_concurrency()));
}

// So that a reader that decodes little costs no more than its memory, however many cores there are.
TEST(ThreadPool, StartsItsThreadsWithTheFirstTask) {
  const auto threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  std::thread([] {}).join();  // with the first thread, ThreadSanitizer starts one of its own
  const auto before = threads();
  ThreadPool pool(4);
  EXPECT_EQ(pool.size(), 4u);
  EXPECT_FALSE(pool.runs_inline());
  EXPECT_EQ(threads(), before);
  pool.submit([] {});
  EXPECT_EQ(threads(), before + 3);
  pool.submit([] {});
  EXPECT_EQ(threads(), before + 3);
}

}  // namespace
}  // namespace bbz::parallel
