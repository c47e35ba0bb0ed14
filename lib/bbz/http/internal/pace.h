// Pace: whether bytes come as fast as they must at least. Internal to bbz.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "bbz/base/format.h"
#include "bbz/http/options.h"

namespace bbz::http {

// Sums up what a server sends and for how long it was waited for. Time in which nobody waits, because
// whoever takes the bytes is slow, is not counted. For one thread at a time.
class Pace {
 public:
  using Duration = std::chrono::steady_clock::duration;

  explicit Pace(const Options& options) : options_(options) {}

  // Counts the time before a response. It says nothing of the speed until the first byte has come:
  // it has a limit of its own.
  void waited(Duration time) {
    all_.time += time;
    if (all_.bytes > 0) window_.time += time;
  }
  // Counts the time between two requests, which the server may have asked for.
  void paused(Duration time) { all_.time += time; }

  // Counts bytes of a body and the time that they took. Returns how slow the server is, as the end
  // of a sentence, if that is too slow over Options::stall_timeout, and begins anew then; otherwise
  // "".
  std::string came(std::uint64_t bytes, Duration time) {
    // A process that was stopped meanwhile has not waited.
    time = std::min<Duration>(time, options_.stall_timeout);
    all_.add(bytes, time);
    window_.add(bytes, time);
    if (window_.time < options_.stall_timeout) return {};
    const Sum done = std::exchange(window_, {});
    if (enough(done)) return {};
    return fmt::format("expected at least {} bytes a second, found {} bytes in {:.1f} seconds",
                       options_.lowest_speed, done.bytes, seconds(done.time));
  }

  // Reports whether bytes have come since begin_anew(), and as fast as they must.
  bool kept_up() const { return all_.bytes > 0 && enough(all_); }
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
