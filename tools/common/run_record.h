// RunRecord: what a run of a command leaves for machines: a row in a history, and a file of metrics.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bbz/ops/info.h"
#include "common/exit_code.h"
#include "common/history.h"
#include "common/openmetrics.h"
#include "common/options.h"
#include "common/program.h"

namespace bbz::tools {

// The values of the options.
struct RecordArguments {
  std::string history;  // a path; empty for none
  std::string metrics;  // a path; empty for none
};

// Adds --history, for a command that measures archives.
void add_history_option(Options& options, RecordArguments& arguments);
// Adds --openmetrics.
void add_metrics_option(Options& options, RecordArguments& arguments);

// The figures of a run about one archive, which the command fills in. What it does not know stays
// empty, and is missing in metrics and null in rows.
struct RunFigures {
  std::string archive;                            // as named() returns it
  std::optional<std::string> root_digest{};       // as Digest::to_string() returns it
  std::optional<std::uint64_t> original_bytes{};  // that were packed, restored or checked
  std::optional<std::uint64_t> archive_bytes{};   // of the whole archive
  std::optional<std::uint64_t> files{};           // in it
  std::optional<std::uint64_t> tensors{};         // in it
  std::vector<ops::NamedTally> codecs{};          // of its chunks
  Json quality{};                                 // null, or an object of quality figures
  std::vector<Metric> more{};                     // others; without the labels command and archive
  std::optional<double> seconds{};                // if not those of the whole command
  std::optional<ExitCode> outcome{};              // if not that of the whole command
  bool has_speed = true;  // original bytes were worked on, so that their rate tells something
};

// The record of a run.
class RunRecord {
 public:
  // Begins the record of a command about these archives, before the work: the seconds count from here.
  // Checks both files, and changes neither. Errors: those of History::open() and MetricsFile::open().
  static Result<RunRecord> begin(std::string command, const std::vector<std::string>& archives,
                                 const RecordArguments& arguments, const CommonOptions& common);

  // Returns whether anything is recorded, so that figures are worth collecting.
  bool wanted() const { return history_ || metrics_; }
  // Returns whether metrics are written.
  bool has_metrics() const { return metrics_.has_value(); }
  // Returns the figures of an archive, by its place among those of begin().
  RunFigures& figures(std::size_t archive = 0) { return figures_[archive]; }

  // Writes the metrics that are known while the command runs, without its outcome.
  Status write_running() const;

  // Ends the record: appends a row for each archive with success, and writes the metrics, also
  // after a failure. Returns the outcome, or the error of writing if there was none before.
  Result<ExitCode> finish(Result<ExitCode> outcome);

 private:
  RunRecord() = default;
  Status append_rows(ExitCode outcome, double seconds) const;
  Status write_metrics(ExitCode outcome, double seconds) const;
  MetricLabels labels_of(const RunFigures& figures) const;
  void add_known(std::vector<Metric>& metrics, const RunFigures& figures) const;
  void add_lasting(std::vector<Metric>& metrics, const RunFigures& figures,
                   std::optional<bool> success) const;

  std::string command_;
  unsigned threads_ = 0;
  std::optional<History> history_;
  std::optional<MetricsFile> metrics_;
  std::vector<RunFigures> figures_;
  std::chrono::steady_clock::time_point begin_;
};

// Runs a command about these archives, and records it. An error of recording counts only if the command
// has none.
Result<ExitCode> recorded(const std::string& command, const std::vector<std::string>& archives,
                          const RecordArguments& arguments, const CommonOptions& common,
                          const std::function<Result<ExitCode>(RunRecord&)>& run);

}  // namespace bbz::tools
