// SpeedCheck: checks that a server sends bytes fast enough.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "bbz/base/format.h"
#include "bbz/http/options.h"

namespace bbz::http {

// Counts the bytes of a server and the time that was spent waiting for them. Time in which the
// caller takes no bytes does not count. Not thread-safe.
class SpeedCheck {
 public:
  using Duration = std::chrono::steady_clock::duration;

  explicit SpeedCheck(const Options& options) : options_(options) {}

  // Adds the time from a request to the head of its response. Before the first byte of a body, the
  // check for speed ignores it, because it has its own limit.
  void waited(Duration time) {
    all_.time += time;
    if (all_.bytes > 0) window_.time += time;
  }
  // Adds the delay between two requests, which the server may have asked for.
  void paused(Duration time) { all_.time += time; }

  // Adds bytes of a body and the time that they took. When the sum of times reaches
  // Options::stall_timeout, starts a new sum and, if the speed was too low, returns the end of a
  // sentence that says so. Otherwise returns "".
  std::string came(std::uint64_t bytes, Duration time) {
    // Limits the time, because the process may have been stopped while it waited.
    time = std::min<Duration>(time, options_.stall_timeout);
    all_.add(bytes, time);
    window_.add(bytes, time);
    if (window_.time < options_.stall_timeout) return {};
    const Sum done = std::exchange(window_, {});
    if (enough(done)) return {};
    return fmt::format("expected at least {} bytes a second, found {} bytes in {:.1f} seconds",
                       options_.lowest_speed, done.bytes, seconds(done.time));
  }

  // Returns whether bytes have arrived since begin_anew(), and fast enough.
  bool kept_up() const { return all_.bytes > 0 && enough(all_); }
  // Resets all sums.
  void begin_anew() { all_ = window_ = {}; }

 private:
  struct Sum {
    std::uint64_t bytes = 0;
    Duration time{0};
    void add(std::uint64_t more, Duration longer) {
      bytes += more;
      time += longer;
    }
  };

  static double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }
  bool enough(const Sum& sum) const {
    return static_cast<double>(sum.bytes) >=
           static_cast<double>(options_.lowest_speed) * seconds(sum.time);
  }

  const Options& options_;
  Sum all_;
  Sum window_;
};

}  // namespace bbz::http
