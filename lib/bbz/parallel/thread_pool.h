// ThreadPool: threads that start tasks in the order in which they were submitted.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bbz/base/threads.h"

namespace bbz::parallel {

// Owns a fixed number of threads and a queue of tasks. Thread-safe.
//
// After fork(), the child has none of the threads: there, the pool runs tasks inline and can be
// destroyed, provided that no other thread used it while the process forked.
class ThreadPool {
 public:
  // The most threads of a pool.
  static constexpr std::size_t kMostThreads = 1024;

  // Makes a pool for work on `threads` threads. The thread that submits tasks counts as one,
  // because it takes part in the work (see OrderedQueue). The others start with the first task. If
  // there is no other thread, because `threads` is 1 or the system gives none, submit() runs the
  // task itself. More than kMostThreads count as so many.
  explicit ThreadPool(std::size_t threads = kAllCores);

  // Runs the remaining tasks, then ends the threads.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Returns the number of threads that work at once, including the one that submits tasks. After
  // the first task, it is smaller if the system gives fewer.
  std::size_t size() const { return is_forked() ? 1 : size_.load(); }

  // Returns whether submit() runs tasks on the calling thread.
  bool runs_inline() const { return size() == 1; }

  // Appends a task to the queue, or runs it if there are no threads. Precondition: it does not
  // throw.
  void submit(std::function<void()> task);

 private:
  // What the threads share, which a child of fork() cannot destroy.
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> tasks;
    bool ending = false;
    std::vector<std::thread> threads;
  };

  void start();
  bool hand_over(std::function<void()>& task);
  static void run(Shared& shared);
  bool is_forked() const;

  std::atomic<std::size_t> size_;
  std::atomic<int> process_{0};  // the id of the process that has the threads; 0 before they start
  std::unique_ptr<Shared> shared_;
};

}  // namespace bbz::parallel
