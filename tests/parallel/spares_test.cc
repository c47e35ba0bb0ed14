#include "bbz/parallel/spares.h"

#include <gtest/gtest.h>

#include <set>

#include "bbz/parallel/ordered_map.h"

namespace bbz::parallel {
namespace {

TEST(Spares, LendsWhatCameBackLastFirst) {
  Spares<std::vector<int>> spares;
  {
    const auto first = spares.borrow();
    const auto second = spares.borrow();
    first->push_back(1);
    second->push_back(2);
    EXPECT_NE(&*first, &*second);
  }  // the second goes back first
  const auto again = spares.borrow();
  EXPECT_EQ(*again, std::vector{1});
  EXPECT_EQ(*spares.borrow(), std::vector{2});
}

TEST(Spares, MakesNoMoreThanAreBorrowedAtATime) {
  struct Spare {};
  ThreadPool pool(3);
  Spares<int> spares;
  std::mutex mutex;
  std::set<const int*> seen;
  int next = 0;
  const Status status = ordered_map<Spare>(
      pool, 8, [&](Spare&) -> Result<bool> { return next++ < 500; },
      [&](Spare&) -> Status {
        const auto loan = spares.borrow();
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
