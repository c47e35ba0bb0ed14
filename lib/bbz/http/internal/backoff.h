// Backoff: how long to wait before a request is made again. Internal to bbz.
#pragma once

#include <chrono>
#include <optional>
#include <random>

#include "bbz/http/options.h"

namespace bbz::http {

// Exponential, with jitter: the delay before retry n is drawn evenly from the upper half of
// [0, first_delay * 2^n], so that many clients that failed together do not come back together.
// Source: AWS Architecture Blog, "Exponential Backoff and Jitter", the variant "equal jitter".
class Backoff {
 public:
  explicit Backoff(const Options& options) : options_(options), random_(std::random_device{}()) {}

  // Returns the delay before the next retry, no shorter than `asked`; nothing if enough were made.
  std::optional<std::chrono::milliseconds> next(std::chrono::milliseconds asked) {
    if (count_ >= options_.retries) return std::nullopt;
    auto delay = options_.longest_delay;
    if (count_ < 20) delay = std::min(delay, options_.first_delay * (1 << count_));
    ++count_;
    std::uniform_int_distribution<std::chrono::milliseconds::rep> jitter(delay.count() / 2,
                                                                         delay.count());
    return std::max(asked, std::chrono::milliseconds(jitter(random_)));
  }

  // To be called after a request that was not in vain: the next failure is a first one.
  void succeeded() { count_ = 0; }

 private:
  const Options& options_;
  std::minstd_rand random_;
  unsigned count_ = 0;
};

}  // namespace bbz::http
