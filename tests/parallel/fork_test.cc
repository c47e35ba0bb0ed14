// A ThreadPool in a child of fork(), which has none of its threads.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <optional>

#include "bbz/parallel/for_each.h"
#include "bbz/parallel/ordered_map.h"

namespace bbz::parallel {
namespace {

// Returns whether items pass through an OrderedQueue of the pool.
bool works(ThreadPool& pool) {
  int produced = 0;
  int sum = 0;
  const Status status = ordered_map<int>(
      pool, queue_depth(pool),
      [&](int& item) -> Result<bool> {
        item = produced;
        return produced++ < 100;
      },
      [](int& item) {
        item *= 2;
        return Status();
      },
      [&](int& item) {
        sum += item;
        return Status();
      });
  return status.ok() && sum == 9900;
}

// Runs `body` in a child, and returns whether it returned true there within a minute.
template <class Body>
bool in_child(Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    ::_exit(body() ? 0 : 1);
  }
  int status = -1;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(ForkedThreadPool, WorksOnTheCallingThreadAndEnds) {
  auto pool = std::make_unique<ThreadPool>(4);
  ASSERT_TRUE(works(*pool));  // it has its threads now
  EXPECT_TRUE(in_child([&] {
    const bool inline_only = pool->size() == 1 && pool->runs_inline();
    const bool worked = works(*pool);
    pool.reset();
    return inline_only && worked;
  }));
  EXPECT_EQ(pool->size(), 4u);
  EXPECT_TRUE(works(*pool));
}

TEST(ForkedThreadPool, HasThreadsOfItsOwnIfItHadNoneBefore) {
  ThreadPool pool(4);
  EXPECT_TRUE(in_child([&] {
    std::atomic<int> calls{0};
    for_each_index(&pool, 100, [&](std::size_t) { ++calls; });
    return pool.size() == 4 && calls == 100 && works(pool);
  }));
}

}  // namespace
}  // namespace bbz::parallel
