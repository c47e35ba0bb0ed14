#include "bbz/symmetry/linalg/internal/spare_threads.h"

#include <filesystem>
#include <iterator>
#include <latch>
#include <system_error>
#include <thread>
#include <vector>

namespace bbz::linalg {

int spare_threads(int wanted) {
  std::latch counted(1);
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(wanted));
  try {
    for (int i = 0; i < wanted; ++i) threads.emplace_back([&counted] { counted.wait(); });
  } catch (const std::system_error&) {
    // The system's limit is reached.
  }
  counted.count_down();
  for (std::thread& thread : threads) thread.join();
  return static_cast<int>(threads.size());
}

int process_threads() {
  std::error_code error;
  const std::filesystem::directory_iterator tasks("/proc/self/task", error);
  if (error) return 0;
  return static_cast<int>(std::distance(begin(tasks), end(tasks)));
}

OneProcessor::OneProcessor() {
  known_ = ::sched_getaffinity(0, sizeof before_, &before_) == 0;
  if (!known_) return;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &before_)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    cpu_set_t now;
    ok_ = ::sched_setaffinity(0, sizeof one, &one) == 0 &&
          ::sched_getaffinity(0, sizeof now, &now) == 0 && CPU_EQUAL(&one, &now);
    return;
  }
}

OneProcessor::~OneProcessor() {
  if (known_) ::sched_setaffinity(0, sizeof before_, &before_);
}

}  // namespace bbz::linalg
