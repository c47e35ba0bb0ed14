// Helps with a library that starts threads by itself: counts the threads that the system can give,
// and loads such a library without its threads.
#pragma once

#include <sched.h>

namespace bbz::linalg {

// Starts up to `wanted` idle threads, ends them, and returns how many could run at the same time.
int spare_threads(int wanted);

// Returns the number of threads of this process, or 0 if it is not known.
int process_threads();

// Keeps the calling thread on one processor, so that a library which is loaded during its life
// counts a single processor. The destructor restores the former processors.
class OneProcessor {
 public:
  // Keeps the thread on the first processor that it may run on.
  OneProcessor();
  ~OneProcessor();
  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;

  // Returns whether the thread is on one processor.
  bool ok() const { return ok_; }

 private:
  cpu_set_t before_{};
  bool known_ = false;  // whether before_ is set
  bool ok_ = false;
};

}  // namespace bbz::linalg
