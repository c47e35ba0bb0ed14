// Backoff: the delay before a request is retried.
#pragma once

#include <chrono>
#include <optional>
#include <random>

#include "bbz/http/options.h"

namespace bbz::http {

// Computes exponential delays with jitter. The delay before retry n, counted from 0, is uniform in
// the upper half of [0, min(first_delay * 2^n, longest_delay)], so that clients that failed at the
// same time do not retry at the same time. Source: AWS Architecture Blog, "Exponential Backoff and
// Jitter", variant "equal jitter".
class Backoff {
 public:
  explicit Backoff(const Options& options) : options_(options), random_(std::random_device{}()) {}

  // Returns the delay before the next retry, which is at least `asked`, or nullopt after
  // Options::retries retries.
  std::optional<std::chrono::milliseconds> next(std::chrono::milliseconds asked) {
    if (count_ >= options_.retries) return std::nullopt;
    auto delay = options_.longest_delay;
    if (count_ < 20) delay = std::min(delay, options_.first_delay * (1 << count_));
    ++count_;
    std::uniform_int_distribution<std::chrono::milliseconds::rep> jitter(delay.count() / 2,
                                                                         delay.count());
    return std::max(asked, std::chrono::milliseconds(jitter(random_)));
  }

  // Starts the count again. Call it after a request that made progress.
  void succeeded() { count_ = 0; }

 private:
  const Options& options_;
  std::minstd_rand random_;
  unsigned count_ = 0;
};

}  // namespace bbz::http
