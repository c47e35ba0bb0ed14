#include "bbz/parallel/thread_pool.h"

#include <algorithm>
#include <system_error>

namespace bbz::parallel {

ThreadPool::ThreadPool(std::size_t threads)
    : size_(threads == kAllCores ? std::max(1u, std::thread::hardware_concurrency()) : threads) {}

// Starts the threads. Called with the mutex locked.
void ThreadPool::start() {
  started_ = true;
  threads_.reserve(size_ - 1);
  try {
    while (threads_.size() < size_ - 1) threads_.emplace_back([this] { run(); });
  } catch (const std::system_error&) {
    size_ = threads_.size() + 1;  // the system gives no more, so the existing ones do the work
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::submit(std::function<void()> task) {
  if (!hand_over(task)) return task();
  changed_.notify_one();
}

// Moves a task to the queue. Returns false if no thread would take it from there.
bool ThreadPool::hand_over(std::function<void()>& task) {
  if (runs_inline()) return false;
  const std::lock_guard lock(mutex_);
  if (!started_) start();
  if (threads_.empty()) return false;
  tasks_.push_back(std::move(task));
  return true;
}

void ThreadPool::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace bbz::parallel
