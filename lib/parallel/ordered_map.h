// OrderedQueue and ordered_map: items made in order, worked on in parallel, and used in order.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/parallel/thread_pool.h"

namespace bbz::parallel {

// A sequence of items that one thread fills in order, the pool's threads work on, several at once
// and in any order, and the same one thread uses in order.
//
//   Status work(Item&)      on the pool's threads
//   Status consume(Item&)   on the calling thread, in the order of submit()
//
// At most `depth` items exist (one, where the pool runs inline), default-constructed; each comes
// back from next() as consume left it, so that buffers are used again and memory stays bounded.
// After an error, the first in the order of the items, the queue must not be used further. What
// work or consume throws is thrown by next() or drain(). Precondition: the calling thread is not a
// task of `pool`.
template <class Item>
class OrderedQueue {
 public:
  using Step = std::function<Status(Item&)>;

  OrderedQueue(ThreadPool& pool, std::size_t depth, Step work, Step consume)
      : pool_(pool),
        work_(std::move(work)),
        consume_(std::move(consume)),
        slots_(pool.runs_inline() ? 1 : std::max<std::size_t>(depth, 1)) {}

  // Waits for every task still under way; those that have not begun are skipped.
  ~OrderedQueue() {
    skip_ = true;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
  }
  OrderedQueue(const OrderedQueue&) = delete;
  OrderedQueue& operator=(const OrderedQueue&) = delete;

  // The item to fill next. Where all are under way, the oldest is waited for and consumed first.
  Result<Item*> next() {
    if (submitted_ - consumed_ == slots_.size()) BBZ_TRY(consume_oldest());
    return &slots_[submitted_ % slots_.size()].item;
  }

  // Hands the item that next() gave to the workers.
  void submit() {
    Slot& slot = slots_[submitted_ % slots_.size()];
    slot.done = false;
    slot.status = {};
    {
      const std::lock_guard lock(mutex_);
      ++running_;
    }
    try {
      pool_.submit([this, &slot] { run(slot); });
    } catch (...) {  // no memory for the task: it will never run
      const std::lock_guard lock(mutex_);
      --running_;
      throw;
    }
    ++submitted_;
  }

  // Waits for and consumes everything submitted.
  Status drain() {
    while (consumed_ < submitted_) BBZ_TRY(consume_oldest());
    return {};
  }

 private:
  struct Slot {
    Item item{};
    Status status;
    std::exception_ptr thrown;
    bool done = false;
  };

  Status consume_oldest() {
    Slot& slot = slots_[consumed_ % slots_.size()];
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return slot.done; });
    }
    ++consumed_;
    if (slot.thrown) std::rethrow_exception(std::exchange(slot.thrown, nullptr));
    BBZ_TRY(std::move(slot.status));
    return consume_(slot.item);
  }

  void run(Slot& slot) {
    Status status;
    std::exception_ptr thrown;
    try {
      if (!skip_) status = work_(slot.item);
    } catch (...) {
      thrown = std::current_exception();
    }
    // Told under the lock: the queue may be gone as soon as it is let go.
    const std::lock_guard lock(mutex_);
    slot.status = std::move(status);
    slot.thrown = std::move(thrown);
    slot.done = true;
    --running_;
    changed_.notify_all();
  }

  ThreadPool& pool_;
  Step work_;
  Step consume_;
  std::vector<Slot> slots_;
  std::uint64_t submitted_ = 0;
  std::uint64_t consumed_ = 0;
  std::atomic<bool> skip_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_ = 0;
};

// Drives an OrderedQueue to its end:
//
//   Result<bool> produce(Item&)   on the calling thread, in order: fills the item; false at the end
//
// Returns the first error in the order of the items, as a loop without threads would: everything
// before it has been consumed, nothing after it is. When ordered_map returns, no work is under way.
template <class Item, class Produce>
Status ordered_map(ThreadPool& pool, std::size_t depth, Produce&& produce,
                   typename OrderedQueue<Item>::Step work,
                   typename OrderedQueue<Item>::Step consume) {
  OrderedQueue<Item> queue(pool, depth, std::move(work), std::move(consume));
  while (true) {
    BBZ_ASSIGN(Item* const item, queue.next());
    const Result<bool> more = produce(*item);
    if (more.ok() && *more) {
      queue.submit();
      continue;
    }
    BBZ_TRY(queue.drain());
    if (!more.ok()) return more.error();
    return {};
  }
}

}  // namespace bbz::parallel
