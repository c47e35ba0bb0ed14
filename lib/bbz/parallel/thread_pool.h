// ThreadPool: threads that run tasks in the order in which they were submitted.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace bbz::parallel {

class ThreadPool {
 public:
  // A pool for work on `threads` threads, 0 for as many as the machine runs at once, of which the
  // one that hands out the work and takes part in it is the first (see OrderedQueue). With one
  // thread, or where the system gives no more, submit() runs the task itself.
  explicit ThreadPool(std::size_t threads = 0);

  // Runs the tasks that are left, then ends the threads.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // How many threads work at once, the one that hands out the work among them.
  std::size_t size() const { return threads_.size() + 1; }

  // Whether submit() runs tasks on the calling thread.
  bool runs_inline() const { return threads_.empty(); }

  // Hands a task over, from any thread. Precondition: it does not throw.
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
