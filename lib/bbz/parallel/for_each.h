// for_each_index: a loop whose iterations run on several threads.
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

// Calls work(i) once for every i below `count`, on the calling thread and the pool's threads, and
// returns when all calls have returned. The calling thread never waits for a task that has not
// started. So it does all the work if the pool's threads are busy, and it may itself be a task of
// the pool. A null pool means a plain loop.
//
// If a call throws, iterations that have not started are skipped. When the others have ended, the
// first exception is thrown again on the calling thread.
template <class Work>
void for_each_index(ThreadPool* pool, std::size_t count, const Work& work) {
  if (pool == nullptr || pool->runs_inline() || count < 2) {
    for (std::size_t i = 0; i < count; ++i) work(i);
    return;
  }
  // Shared, because tasks may start after this function has returned. Those find no work left, and
  // do not use `work`.
  struct State {
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t inside = 0;  // threads that may be calling `work`
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
    // The submitted tasks and this thread do the work.
  }
  take_part();
  std::unique_lock lock(state->mutex);
  state->changed.wait(lock, [&] { return state->inside == 0; });
  if (state->failure) std::rethrow_exception(state->failure);
}

}  // namespace bbz::parallel
