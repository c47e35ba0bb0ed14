// OrderedQueue and ordered_map: items that are filled in order, worked on in parallel, and consumed
// in order.
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

// Returns the depth of an OrderedQueue that keeps every thread busy while the oldest item is not
// done.
inline std::size_t queue_depth(const ThreadPool& pool) {
  return 2 * pool.size() + 1;
}

// A queue of items. One thread fills and consumes them in order, and several threads work on them
// in any order in between:
//
//   Status work(Item&)      on the pool's threads, and on the calling thread while it would wait
//   Status consume(Item&)   on the calling thread, in the order of submit()
//
// There are at most `depth` items, or one if the pool runs inline. They are default-constructed,
// and next() returns an item as consume() left it. So buffers are reused, and memory is bounded.
//
// next() and drain() return the first error in the order of the items, and throw what work() or
// consume() threw. After that, the queue must not be used.
//
// The calling thread works too, because a thread that only fills and consumes would be woken for
// every item, and a system that sees threads wake one another so often keeps them on one core.
template <class Item>
class OrderedQueue {
 public:
  // The type of work and consume.
  using Step = std::function<Status(Item&)>;

  // Makes an empty queue. `pool` must outlive it.
  OrderedQueue(ThreadPool& pool, std::size_t depth, Step work, Step consume)
      : pool_(pool),
        consume_(std::move(consume)),
        shared_(std::make_shared<Shared>(
            std::move(work), pool.runs_inline() ? 1 : std::max<std::size_t>(depth, 1))) {}

  // Waits for the work in progress. Drops items on which no thread has started.
  ~OrderedQueue() { shared_->close(); }
  OrderedQueue(const OrderedQueue&) = delete;
  OrderedQueue& operator=(const OrderedQueue&) = delete;

  // Returns the item to fill next, which stays valid until submit(). If all items are in use, waits
  // for the oldest and consumes it first. Errors: those of work and consume.
  Result<Item*> next() {
    if (submitted_ - consumed_ == shared_->slots.size()) BBZ_TRY(consume_oldest());
    return &shared_->slot(submitted_).item;
  }

  // Gives the item that next() returned to the workers. Precondition: next() was called since the
  // last submit().
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

  // Waits for all submitted items and consumes them. Errors: those of work and consume.
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

  // The state that tasks share with the queue. A task whose item another thread has taken may run
  // after the queue has ended.
  struct Shared {
    Shared(Step w, std::size_t depth) : work(std::move(w)), slots(depth) {}

    Slot& slot(std::uint64_t number) { return slots[number % slots.size()]; }

    // Works on the oldest item on which no thread has started, if there is one.
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

// Fills, works on and consumes all items of an OrderedQueue:
//
//   Result<bool> produce(Item&)   on the calling thread, in order: fills the item, or returns false
//                                 if there are no more
//
// Returns the first error in the order of the items, as a loop without threads does: all items
// before it were consumed, and none after it. No work is in progress when it returns.
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
