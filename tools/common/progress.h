// ProgressBar: shows on the terminal how far a long piece of work is.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace bbz::tools {

// Draws one line on standard error, at most ten times a second, and removes it at the end. Draws
// nothing if standard error is not a terminal.
class ProgressBar {
 public:
  // Makes a bar with `verb` before it, such as "packing". `total` is the number of bytes, if it is
  // known.
  ProgressBar(std::string verb, std::optional<std::uint64_t> total, bool quiet);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Shows that `done` bytes are done.
  void update(std::uint64_t done);
  // Removes the line, so that something else can be printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::string line(std::uint64_t done, Clock::time_point now) const;

  std::string verb_;
  std::optional<std::uint64_t> total_;
  bool shown_;
  bool drawn_ = false;
  Clock::time_point begin_;
  Clock::time_point last_;
};

}  // namespace bbz::tools
