// ProgressBar: shows how far a long piece of work is, to people on a terminal or to programs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "common/program.h"

namespace bbz::tools {

// Shows on standard error, at most ten times a second, how far the work is:
// - with --progress auto, as a line that is drawn again and removed at the end, if standard error is
//   a terminal and the command is not quiet;
// - with --progress json, as one JSON object a line, also if the command is quiet: one at the
//   beginning, and one that says "done":true at the end, unless the work fails;
// - with --progress none, not at all.
// doc/monitoring.md describes the fields. update() may be called on any thread, by one at a time.
class ProgressBar {
 public:
  // Begins a piece of work, such as "packing". `total` is the number of its bytes, if it is known.
  ProgressBar(std::string phase, std::optional<std::uint64_t> total, const CommonOptions& common);
  // Ends it, after a failure if finish() was not called.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Shows that `done` bytes are done.
  void update(std::uint64_t done);
  // Shows that all is done. Nothing is shown afterwards, so that something else can be printed.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  std::string line(Clock::time_point now) const;
  void write_json(Clock::time_point now, bool all);
  void clear();

  std::string phase_;
  std::optional<std::uint64_t> total_;
  bool drawn_ = false;  // there is a line to remove
  bool on_terminal_;    // draw a line
  bool json_;           // write objects
  std::uint64_t done_ = 0;
  Clock::time_point begin_;
  Clock::time_point last_;
};

// Adds --progress, for a command that shows progress. `program` is the command's.
void add_progress_option(Options& options, Program& program);

}  // namespace bbz::tools
