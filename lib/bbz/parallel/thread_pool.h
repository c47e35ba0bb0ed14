// ThreadPool: threads that start tasks in the order in which they were submitted.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "bbz/base/threads.h"

namespace bbz::parallel {

// Owns a fixed number of threads and a queue of tasks. Thread-safe.
class ThreadPool {
 public:
  // Makes a pool for work on `threads` threads. The thread that submits tasks counts as one,
  // because it takes part in the work (see OrderedQueue). The others start with the first task. If
  // there is no other thread, because `threads` is 1 or the system gives none, submit() runs the
  // task itself.
  explicit ThreadPool(std::size_t threads = kAllCores);

  // Runs the remaining tasks, then ends the threads.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Returns the number of threads that work at once, including the one that submits tasks. After
  // the first task, it is smaller if the system gives fewer.
  std::size_t size() const { return size_; }

  // Returns whether submit() runs tasks on the calling thread.
  bool runs_inline() const { return size_ == 1; }

  // Appends a task to the queue, or runs it if there are no threads. Precondition: it does not
  // throw.
  void submit(std::function<void()> task);

 private:
  void start();
  bool hand_over(std::function<void()>& task);
  void run();

  std::atomic<std::size_t> size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool started_ = false;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace bbz::parallel
