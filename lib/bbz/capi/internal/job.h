// Runs long work that the caller watches and can cancel.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>

#include "bbz/base/error.h"
#include "bbz/capi/progress.h"

namespace bbz::capi {

// The caller's callback, which may be null, and what to pass to it.
struct Watcher {
  bbz_progress progress = nullptr;
  void* user = nullptr;
};

// A long call, as its work sees it: the work says how far it is, and hears whether it should go on.
// run() calls the watcher on the thread of its caller while the work runs on another, so that the
// watcher is called in time whatever the work is doing.
class Job {
 public:
  // Runs `work`, and returns its result or kCancelled. Without a watcher, runs it on the calling
  // thread. Exceptions of the work and of the watcher pass through. Errors: also kIo if no thread can
  // be started.
  static Status run(const Watcher& watcher, const std::function<Status(Job&)>& work);

  // Begins a phase, a BBZ_PHASE_ number, of whose `total` bytes so many are done already. `total` is
  // BBZ_UNKNOWN if it is not known. Errors: kCancelled.
  Status begin(std::uint32_t phase, std::uint64_t total, std::uint64_t done = 0);
  // Says that so many bytes are done. Errors: kCancelled.
  Status advance(std::uint64_t done);
  // Returns whether the work is to go on. Errors: kCancelled.
  Status check() const;
  // Returns a function that calls advance(), for functions of the library that take a callback without
  // a result. It throws an exception that run() catches, which ends these functions as one of the
  // caller's own would.
  std::function<void(std::uint64_t)> progress();

 private:
  struct Cancelled {};

  Status watch(const Watcher& watcher, const std::function<Status(Job&)>& work);
  int report(const Watcher& watcher);

  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;  // of all that follows
  std::condition_variable changed_;
  std::uint32_t phase_ = BBZ_PHASE_PREPARE;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = BBZ_UNKNOWN;
  bool ended_ = false;
};

}  // namespace bbz::capi
