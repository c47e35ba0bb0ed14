#include "bbz/capi/internal/job.h"

#include <chrono>
#include <exception>
#include <system_error>
#include <thread>

#include "bbz/base/format.h"

namespace bbz::capi {
namespace {

// The time between two calls of the watcher.
constexpr std::chrono::milliseconds kPeriod{20};

Error cancelled() {
  return make_error(Code::kCancelled, "cancelled by the progress callback");
}

}  // namespace

Status Job::begin(std::uint32_t phase, std::uint64_t total, std::uint64_t done) {
  {
    const std::lock_guard lock(mutex_);
    total_ = total;
    done_ = done;
    phase_ = phase;
  }
  return check();
}

Status Job::advance(std::uint64_t done) {
  {
    const std::lock_guard lock(mutex_);
    done_ = done;
  }
  return check();
}

Status Job::check() const {
  return cancelled_ ? Status(cancelled()) : Status();
}

std::function<void(std::uint64_t)> Job::progress() {
  return [this](std::uint64_t done) {
    if (!advance(done).ok()) throw Cancelled();
  };
}

int Job::report(const Watcher& watcher) {
  std::unique_lock lock(mutex_);
  const std::uint32_t phase = phase_;
  const std::uint64_t done = done_;
  const std::uint64_t total = total_;
  lock.unlock();
  return watcher.progress(watcher.user, phase, done, total);
}

Status Job::run(const Watcher& watcher, const std::function<Status(Job&)>& work) {
  Job job;
  return watcher.progress == nullptr ? work(job) : job.watch(watcher, work);
}

Status Job::watch(const Watcher& watcher, const std::function<Status(Job&)>& work) {
  if (report(watcher) != 0) return cancelled();
  Status outcome;
  std::exception_ptr thrown;
  const auto body = [&] {
    try {
      outcome = work(*this);
    } catch (const Cancelled&) {
      outcome = cancelled();
    } catch (...) {
      thrown = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_one();
  };
  std::thread worker;
  try {
    worker = std::thread(body);
  } catch (const std::system_error& failure) {
    return make_error(Code::kIo, "cannot start a thread: {}", failure.what());
  }
  std::exception_ptr of_watcher;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, kPeriod, [this] { return ended_; })) break;
    }
    if (cancelled_) continue;
    try {
      if (report(watcher) != 0) cancelled_ = true;
    } catch (...) {
      of_watcher = std::current_exception();
      cancelled_ = true;
    }
  }
  worker.join();
  if (of_watcher) std::rethrow_exception(of_watcher);
  if (thrown) std::rethrow_exception(thrown);
  if (outcome.ok() && !cancelled_) report(watcher);
  return outcome;
}

}  // namespace bbz::capi
