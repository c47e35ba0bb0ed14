#include "bbz/parallel/object_pool.h"

#include <gtest/gtest.h>

#include <set>

#include "bbz/parallel/ordered_map.h"

namespace bbz::parallel {
namespace {

TEST(ObjectPool, LendsWhatCameBackLastFirst) {
  ObjectPool<std::vector<int>> pool;
  {
    const auto first = pool.borrow();
    const auto second = pool.borrow();
    first->push_back(1);
    second->push_back(2);
    EXPECT_NE(&*first, &*second);
  }  // the second goes back first
  const auto again = pool.borrow();
  EXPECT_EQ(*again, std::vector{1});
  EXPECT_EQ(*pool.borrow(), std::vector{2});
}

TEST(ObjectPool, MakesNoMoreThanAreBorrowedAtATime) {
  struct Spare {};
  ThreadPool pool(3);
  ObjectPool<int> objects;
  std::mutex mutex;
  std::set<const int*> seen;
  int next = 0;
  const Status status = ordered_map<Spare>(
      pool, 8, [&](Spare&) -> Result<bool> { return next++ < 500; },
      [&](Spare&) -> Status {
        const auto loan = objects.borrow();
        ++*loan;  // nobody else has it
        const std::lock_guard lock(mutex);
        seen.insert(&*loan);
        return {};
      },
      [](Spare&) -> Status { return {}; });
  EXPECT_TRUE(status.ok());
  EXPECT_LE(seen.size(), 3u);
  int sum = 0;
  for (const int* const object : seen) sum += *object;
  EXPECT_EQ(sum, 500);
}

}  // namespace
}  // namespace bbz::parallel
