// for_each_index: a loop whose rounds run on several threads at once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <new>

#include "bbz/parallel/thread_pool.h"

namespace bbz::parallel {

// Calls work(i) for every i below `count`, each once, on the pool's threads and on the calling one,
// and returns when all have returned. If the pool's threads are busy with other tasks, the calling
// thread does the work alone: it never waits for a task that has not begun, and so may be a task of
// the pool itself. No pool: a plain loop. If a call throws, rounds that have not begun are left
// out, and the first exception is thrown again on the calling thread, when all calls have ended.
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
    std::size_t inside = 0;  // threads that may be in a call of `work`
    std::exception_ptr failure;
  };
  const auto state = std::make_shared<State>();
  const auto take_part = [state, count, &work] {
    {
      const std::lock_guard lock(state->mutex);
      if (state->next >= count) return;
      ++state->inside;
    }
    std::exception_ptr failure;
    try {
      for (std::size_t i = state->next++; i < count; i = state->next++) work(i);
    } catch (...) {
      failure = std::current_exception();
      state->next = count;
    }
    const std::lock_guard lock(state->mutex);
    if (failure && !state->failure) state->failure = failure;
    if (--state->inside == 0) state->changed.notify_all();
  };
  try {
    for (std::size_t t = 1; t < pool->size() && t < count; ++t) pool->submit(take_part);
  } catch (const std::bad_alloc&) {
    // Those that were submitted, and this thread, do it.
  }
  take_part();
  std::unique_lock lock(state->mutex);
  state->changed.wait(lock, [&] { return state->inside == 0; });
  if (state->failure) std::rethrow_exception(state->failure);
}

}  // namespace bbz::parallel
