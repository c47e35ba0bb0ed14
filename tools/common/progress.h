// ProgressBar: how far a long piece of work has come, on the terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace bbz::tools {

// Draws one line on standard error, at most ten times a second, and takes it away in the end. Draws
// nothing where standard error is no terminal.
class ProgressBar {
 public:
  // `verb` stands before the bar: "packing". `total` in bytes, where it is known.
  ProgressBar(std::string verb, std::optional<std::uint64_t> total, bool quiet);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(std::uint64_t done);
  // Takes the line away, so that something else can be said.
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
