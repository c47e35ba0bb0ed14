#include "bbz/parallel/thread_pool.h"

#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace bbz::parallel {

ThreadPool::ThreadPool(std::size_t threads)
    : size_(threads == kAllCores ? std::max(1u, std::thread::hardware_concurrency())
                                 : std::min(threads, kMostThreads)),
      shared_(std::make_unique<Shared>()) {}

bool ThreadPool::is_forked() const {
  const int process = process_;
  return process != 0 && process != ::getpid();
}

// Starts the threads. Called with the mutex locked.
void ThreadPool::start() {
  std::vector<std::thread>& threads = shared_->threads;
  threads.reserve(size_ - 1);
  try {
    while (threads.size() < size_ - 1) threads.emplace_back(run, std::ref(*shared_));
  } catch (const std::system_error&) {
    size_ = threads.size() + 1;  // the system gives no more, so the existing ones do the work
  }
  process_ = ::getpid();
}

ThreadPool::~ThreadPool() {
  if (is_forked()) {
    // A thread that is not there cannot be joined, and what it waited on cannot be destroyed.
    (void)shared_.release();
    return;
  }
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->ending = true;
  }
  shared_->changed.notify_all();
  for (std::thread& thread : shared_->threads) thread.join();
}

void ThreadPool::submit(std::function<void()> task) {
  if (!hand_over(task)) return task();
  shared_->changed.notify_one();
}

// Moves a task to the queue. Returns false if no thread would take it from there.
bool ThreadPool::hand_over(std::function<void()>& task) {
  if (runs_inline()) return false;
  const std::lock_guard lock(shared_->mutex);
  if (process_ == 0) start();
  if (shared_->threads.empty()) return false;
  shared_->tasks.push_back(std::move(task));
  return true;
}

void ThreadPool::run(Shared& shared) {
  std::unique_lock lock(shared.mutex);
  while (true) {
    shared.changed.wait(lock, [&] { return shared.ending || !shared.tasks.empty(); });
    if (shared.tasks.empty()) return;
    const std::function<void()> task = std::move(shared.tasks.front());
    shared.tasks.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace bbz::parallel
