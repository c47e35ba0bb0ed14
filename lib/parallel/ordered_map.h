// ordered_map: items made in order, worked on in parallel, and used in order.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <utility>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/parallel/thread_pool.h"

namespace bbz::parallel {
namespace internal {

// What the calling thread and the workers share, for one run of ordered_map.
template <class Item>
class Window {
 public:
  explicit Window(std::size_t depth) : slots_(depth) {}

  // Waits for every task still under way; those that have not begun are skipped.
  ~Window() {
    skip_ = true;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
  }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  Item& item(std::uint64_t index) { return slots_[index % slots_.size()].item; }
  std::size_t depth() const { return slots_.size(); }

  template <class Work>
  void start(ThreadPool& pool, std::uint64_t index, Work& work) {
    Slot& slot = slots_[index % slots_.size()];
    slot.done = false;
    slot.status = {};
    {
      const std::lock_guard lock(mutex_);
      ++running_;
    }
    try {
      pool.submit([this, &slot, &work] { run(slot, work); });
    } catch (...) {  // no memory for the task: it will never run
      const std::lock_guard lock(mutex_);
      --running_;
      throw;
    }
  }

  // Waits until the item's work has ended; gives its status or throws what it threw.
  Status wait(std::uint64_t index) {
    Slot& slot = slots_[index % slots_.size()];
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return slot.done; });
    if (slot.thrown) std::rethrow_exception(std::exchange(slot.thrown, nullptr));
    return std::move(slot.status);
  }

 private:
  struct Slot {
    Item item{};
    Status status;
    std::exception_ptr thrown;
    bool done = false;
  };

  template <class Work>
  void run(Slot& slot, Work& work) {
    Status status;
    std::exception_ptr thrown;
    try {
      if (!skip_) status = work(slot.item);
    } catch (...) {
      thrown = std::current_exception();
    }
    // Told under the lock: the window may be gone as soon as it is let go.
    const std::lock_guard lock(mutex_);
    slot.status = std::move(status);
    slot.thrown = std::move(thrown);
    slot.done = true;
    --running_;
    changed_.notify_all();
  }

  std::vector<Slot> slots_;
  std::atomic<bool> skip_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_ = 0;
};

}  // namespace internal

// Runs a sequence of items through three steps:
//
//   Result<bool> produce(Item&)   on the calling thread, in order: fills the item; false at the end
//   Status work(Item&)            on the pool's threads, several items at once, in any order
//   Status consume(Item&)         on the calling thread, in the order of produce
//
// At most `depth` items exist (one, where the pool runs inline), default-constructed; each comes
// back to produce as consume left it, so that buffers are used again and memory stays bounded.
//
// Returns the first error in the order of the items, as a loop without threads would: everything
// before it has been consumed, nothing after it is. What a step throws is thrown to the caller.
// When ordered_map returns, no work is under way. Precondition: it is not called by a task of
// `pool`.
template <class Item, class Produce, class Work, class Consume>
Status ordered_map(ThreadPool& pool, std::size_t depth, Produce&& produce, Work&& work,
                   Consume&& consume) {
  internal::Window<Item> window(pool.runs_inline() ? 1 : std::max<std::size_t>(depth, 1));
  Result<bool> more = true;
  std::uint64_t produced = 0;
  for (std::uint64_t consumed = 0;; ++consumed) {
    while (more.ok() && *more && produced - consumed < window.depth()) {
      more = produce(window.item(produced));
      if (more.ok() && *more) window.start(pool, produced++, work);
    }
    if (consumed == produced) break;
    BBZ_TRY(window.wait(consumed));
    BBZ_TRY(consume(window.item(consumed)));
  }
  if (!more.ok()) return std::move(more).error();
  return {};
}

}  // namespace bbz::parallel
