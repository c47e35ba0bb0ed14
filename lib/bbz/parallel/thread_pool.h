// ThreadPool: threads that start tasks in the order in which they were submitted.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace bbz::parallel {

// Owns a fixed number of threads and a queue of tasks. Thread-safe.
class ThreadPool {
 public:
  // Makes a pool for work on `threads` threads, or on as many as the machine runs at once if it is
  // 0. The thread that submits tasks counts as one, because it takes part in the work (see
  // OrderedQueue). If there is no other thread, because `threads` is 1 or the system gives none,
  // submit() runs the task itself.
  explicit ThreadPool(std::size_t threads = 0);

  // Runs the remaining tasks, then ends the threads.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Returns the number of threads that work at once, including the one that submits tasks.
  std::size_t size() const { return threads_.size() + 1; }

  // Returns whether submit() runs tasks on the calling thread.
  bool runs_inline() const { return threads_.empty(); }

  // Appends a task to the queue, or runs it if there are no threads. Precondition: it does not
  // throw.
  void submit(std::function<void()> task);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace bbz::parallel
