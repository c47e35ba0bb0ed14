// for_each_index: a loop whose rounds run on several threads at once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>

#include "bbz/parallel/thread_pool.h"

namespace bbz::parallel {

// Calls work(i) for every i below `count`, each once, on the pool's threads and on the calling one,
// and returns when all have returned. Where the pool's threads are busy with other tasks, the
// calling thread does the work alone: it never waits for a task that has not begun, and so may be a
// task of the pool itself. No pool: a plain loop. Precondition: work does not throw.
template <class Work>
void for_each_index(ThreadPool* pool, std::size_t count, const Work& work) {
  if (pool == nullptr || pool->runs_inline() || count < 2) {
    for (std::size_t i = 0; i < count; ++i) work(i);
    return;
  }
  // Shared with tasks that begin when all is done; they find nothing left, and do not touch `work`.
  struct State {
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t done = 0;
  };
  const auto state = std::make_shared<State>();
  const auto take_part = [state, count, &work] {
    std::size_t done = 0;
    for (std::size_t i = state->next++; i < count; i = state->next++, ++done) work(i);
    if (done == 0) return;
    const std::lock_guard lock(state->mutex);
    state->done += done;
    if (state->done == count) state->changed.notify_all();
  };
  for (std::size_t t = 1; t < pool->size() && t < count; ++t) pool->submit(take_part);
  take_part();
  std::unique_lock lock(state->mutex);
  state->changed.wait(lock, [&] { return state->done == count; });
}

}  // namespace bbz::parallel
