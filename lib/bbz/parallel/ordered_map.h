// OrderedQueue and ordered_map: items made in order, worked on in parallel, and used in order.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/parallel/thread_pool.h"

namespace bbz::parallel {

// Returns a depth for an OrderedQueue that keeps every thread at work while the oldest item is
// waited for.
inline std::size_t queue_depth(const ThreadPool& pool) {
  return 2 * pool.size() + 1;
}

// A sequence of items that one thread fills in order, that are worked on several at once and in any
// order, and that the same one thread uses in order.
//
//   Status work(Item&)      on the pool's threads, and on the calling thread while it would wait
//   Status consume(Item&)   on the calling thread, in the order of submit()
//
// At most `depth` items exist (one, where the pool runs inline), default-constructed; each comes
// back from next() as consume left it, so that buffers are used again and memory stays bounded.
// After an error, the first in the order of the items, the queue must not be used further. What
// work or consume throws is thrown by next() or drain().
//
// Why the calling thread works too: a thread that only handed out and took back would be woken for
// every item, and a system that sees threads wake one another so often keeps them on one core.
template <class Item>
class OrderedQueue {
 public:
  using Step = std::function<Status(Item&)>;

  OrderedQueue(ThreadPool& pool, std::size_t depth, Step work, Step consume)
      : pool_(pool),
        consume_(std::move(consume)),
        shared_(std::make_shared<Shared>(
            std::move(work), pool.runs_inline() ? 1 : std::max<std::size_t>(depth, 1))) {}

  // Waits for the work that is under way; items on which nobody has begun are dropped.
  ~OrderedQueue() { shared_->close(); }
  OrderedQueue(const OrderedQueue&) = delete;
  OrderedQueue& operator=(const OrderedQueue&) = delete;

  // The item to fill next. Where all are under way, the oldest is waited for and consumed first.
  Result<Item*> next() {
    if (submitted_ - consumed_ == shared_->slots.size()) BBZ_TRY(consume_oldest());
    return &shared_->slot(submitted_).item;
  }

  // Hands the item that next() gave to the workers.
  void submit() {
    Slot& slot = shared_->slot(submitted_++);
    slot.done = false;
    slot.status = {};
    {
      const std::lock_guard lock(shared_->mutex);
      ++shared_->submitted;
    }
    pool_.submit([shared = shared_] { shared->work_on_next(); });
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

  // What the tasks refer to. One that finds its item taken by another thread may come to run after
  // the queue's end.
  struct Shared {
    Shared(Step w, std::size_t depth) : work(std::move(w)), slots(depth) {}

    Slot& slot(std::uint64_t number) { return slots[number % slots.size()]; }

    // Works on the oldest item on which nobody has begun, if there is one.
    void work_on_next() {
      std::unique_lock lock(mutex);
      if (closed || begun == submitted) return;
      Slot& mine = slot(begun++);
      ++running;
      lock.unlock();
      Status status;
      std::exception_ptr thrown;
      try {
        status = work(mine.item);
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
      mine.status = std::move(status);
      mine.thrown = std::move(thrown);
      mine.done = true;
      --running;
      changed.notify_all();
    }

    void wait_for(const Slot& oldest) {
      std::unique_lock lock(mutex);
      while (!oldest.done) {
        if (begun == submitted) {
          changed.wait(lock);
        } else {
          lock.unlock();
          work_on_next();
          lock.lock();
        }
      }
    }

    void close() {
      std::unique_lock lock(mutex);
      closed = true;
      changed.wait(lock, [this] { return running == 0; });
      slots.clear();
      work = nullptr;
    }

    Step work;
    std::vector<Slot> slots;
    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t submitted = 0;
    std::uint64_t begun = 0;
    std::size_t running = 0;
    bool closed = false;
  };

  Status consume_oldest() {
    Slot& slot = shared_->slot(consumed_++);
    shared_->wait_for(slot);
    if (slot.thrown) std::rethrow_exception(std::exchange(slot.thrown, nullptr));
    BBZ_TRY(std::move(slot.status));
    return consume_(slot.item);
  }

  ThreadPool& pool_;
  Step consume_;
  std::shared_ptr<Shared> shared_;
  std::uint64_t submitted_ = 0;
  std::uint64_t consumed_ = 0;
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
