// Threads that a library starts by itself: how many the system has to give, and how to load such a
// library without any. Internal to this room.
#pragma once

#include <sched.h>

namespace bbz::linalg {

// Starts up to `wanted` threads that do nothing, ends them, and returns how many there could be at
// the same time.
int spare_threads(int wanted);

// Returns how many threads this process has, 0 if the system does not tell.
int process_threads();

// Keeps the calling thread on one processor, so that a library that is loaded meanwhile takes the
// machine for one of a single processor. The destructor gives back the processors that there were.
class OneProcessor {
 public:
  OneProcessor();
  ~OneProcessor();
  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;

  // Reports whether the system did as asked.
  bool ok() const { return ok_; }

 private:
  cpu_set_t before_{};
  bool known_ = false;  // before_
  bool ok_ = false;
};

}  // namespace bbz::linalg
