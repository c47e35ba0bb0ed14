// PieceSizer: chooses the size of requests from the delay and the rate that were measured.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace bbz::download {

// The clock of all measurements.
using Clock = std::chrono::steady_clock;

// Until a connection has been measured, one request asks for everything, because a short download
// needs no other. After that, a piece takes so long to arrive that the delay of its request hardly
// counts. Towards the end, pieces become smaller, so that all connections end at about the same
// time.
class PieceSizer {
 public:
  // Chooses sizes for this number of connections, which must not be 0.
  explicit PieceSizer(unsigned connections) : connections_(connections) {}

  // Records the time from a request to the start of its response.
  void answered(Clock::duration delay) {
    delay_ = delay_ == Clock::duration() ? delay : std::min(delay_, delay);
  }
  // Records that a connection received `bytes` bytes in `time`. Times that are too short to measure
  // are ignored.
  void measured(std::uint64_t bytes, Clock::duration time) {
    if (time < kMeasured) return;
    rate_ = static_cast<double>(bytes) / seconds(time);
  }

  // Returns the number of bytes to ask for next. `left` is the number of bytes that no connection
  // has asked for, and `total` is the length of the file.
  std::uint64_t piece(std::uint64_t left, std::uint64_t total) const {
    if (!rate_) return UINT64_MAX;
    const auto bytes_in = [&](double time) { return static_cast<std::uint64_t>(*rate_ * time); };
    const std::uint64_t most = bytes_in(std::max(kSlice, 20 * seconds(delay_)));
    const std::uint64_t least = std::max({bytes_in(std::max(kLeastSlice, 4 * seconds(delay_))),
                                          std::min(total / 64, kSmall), kLeast});
    return std::max(std::min(left / connections_, most), least);
  }

  // Returns whether another connection should take the end of a range that has `left` bytes left
  // and received `bytes` bytes in `time`.
  bool pays(std::uint64_t left, std::uint64_t bytes, Clock::duration time) const {
    if (time < std::max<Clock::duration>(kMeasured, 2 * delay_)) return false;
    const double rest = static_cast<double>(left) * seconds(time) / static_cast<double>(bytes + 1);
    return rest > std::max(kWorthSharing, 8 * seconds(delay_));
  }

 private:
  static constexpr std::chrono::milliseconds kMeasured{250};
  static constexpr double kWorthSharing = 1.0;  // seconds, like the next two
  static constexpr double kSlice = 4.0;
  static constexpr double kLeastSlice = 0.25;
  static constexpr std::uint64_t kSmall = std::uint64_t{4} << 20;
  static constexpr std::uint64_t kLeast = std::uint64_t{128} << 10;

  static double seconds(Clock::duration time) {
    return std::chrono::duration<double>(time).count();
  }

  unsigned connections_;
  Clock::duration delay_{};     // the shortest so far; zero until one is known
  std::optional<double> rate_;  // of one connection, in bytes per second
};

}  // namespace bbz::download
