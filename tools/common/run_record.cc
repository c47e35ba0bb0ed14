#include "common/run_record.h"

#include <ctime>
#include <new>
#include <thread>
#include <utility>

#include "common/advice.h"
#include "common/output.h"
#include "common/say.h"

namespace bbz::tools {
namespace {

double now() {
  return static_cast<double>(std::time(nullptr));
}

double number(std::uint64_t value) {
  return static_cast<double>(value);
}

ExitCode code_of(const Result<ExitCode>& outcome) {
  return outcome.ok() ? *outcome : exit_code(outcome.code());
}

// The fields of a quality object that have metrics.
constexpr std::pair<const char*, std::string_view> kQualityMetrics[] = {
    {"nll", "bbz_quality_nll"},
    {"nll_difference", "bbz_quality_nll_difference"},
    {"kl", "bbz_quality_kl"}};

}  // namespace

void add_history_option(Options& options, RecordArguments& arguments) {
  options
      .add_option(
          "--history", arguments.history,
          "After success, append a row with sizes, ratio and time to this file of JSON lines, "
          "which is created if it is missing. A file of anything else is refused")
      ->type_name("FILE");
}

void add_metrics_option(Options& options, RecordArguments& arguments) {
  options
      .add_option(
          "--openmetrics", arguments.metrics,
          "At the end, also after a failure, write metrics to this file, in the text format that "
          "Prometheus and node_exporter read. A file that bbz did not write is refused")
      ->type_name("FILE");
}

Result<RunRecord> RunRecord::begin(std::string command, const std::vector<std::string>& archives,
                                   const RecordArguments& arguments, const CommonOptions& common) {
  RunRecord record;
  record.begin_ = std::chrono::steady_clock::now();
  record.command_ = std::move(command);
  record.threads_ =
      common.threads == kAllCores ? std::thread::hardware_concurrency() : common.threads;
  for (const std::string& archive : archives) record.figures_.push_back({named(archive)});
  if (!arguments.metrics.empty()) {
    BBZ_ASSIGN(record.metrics_, MetricsFile::open(arguments.metrics));
  }
  if (!arguments.history.empty()) {
    auto history = History::open(arguments.history);
    if (!history.ok()) return record.finish(std::move(history).error()).error();
    record.history_.emplace(std::move(*history));
  }
  return record;
}

MetricLabels RunRecord::labels_of(const RunFigures& figures) const {
  return {{"command", command_}, {"archive", figures.archive}};
}

void RunRecord::add_known(std::vector<Metric>& metrics, const RunFigures& figures) const {
  const auto add = [&](std::string_view name, double value, const MetricLabels& more = {}) {
    MetricLabels labels = labels_of(figures);
    labels.insert(labels.end(), more.begin(), more.end());
    metrics.push_back({name, std::move(labels), value});
  };
  add("bbz_build_info", 1, {{"version", BBZ_VERSION}});
  if (figures.original_bytes) add("bbz_original_bytes", number(*figures.original_bytes));
  if (figures.archive_bytes) add("bbz_archive_bytes", number(*figures.archive_bytes));
  if (figures.files) add("bbz_files", number(*figures.files));
  if (figures.tensors) add("bbz_tensors", number(*figures.tensors));
  if (figures.archive_bytes && figures.original_bytes.value_or(0) != 0) {
    add("bbz_compression_ratio", number(*figures.archive_bytes) / number(*figures.original_bytes));
  }
  for (const ops::NamedTally& codec : figures.codecs) {
    add("bbz_codec_chunks", number(codec.chunks), {{"codec", codec.name}});
    add("bbz_codec_original_bytes", number(codec.bytes), {{"codec", codec.name}});
    add("bbz_codec_stored_bytes", number(codec.stored), {{"codec", codec.name}});
  }
  for (const auto& [field, name] : kQualityMetrics) {
    if (!figures.quality.is_object() || !figures.quality.contains(field)) continue;
    const Json& value = figures.quality[field];
    if (value.is_number()) add(name, value.get<double>());
  }
  for (const Metric& metric : figures.more) add(metric.name, metric.value, metric.labels);
}

// Adds what outlasts a run: when a run had success, and how many had which result. `success` is the
// result of this run, if it has ended.
void RunRecord::add_lasting(std::vector<Metric>& metrics, const RunFigures& figures,
                            std::optional<bool> success) const {
  const auto labels = labels_of(figures);
  Metric last{"bbz_last_success_timestamp_seconds", labels, now()};
  const auto when = success == true ? std::optional(last.value) : metrics_->earlier(last);
  if (when) metrics.push_back({last.name, labels, *when});
  for (const bool counted : {true, false}) {
    Metric runs{"bbz_runs_total", labels, 0};
    runs.labels.emplace_back("result", counted ? "success" : "failure");
    runs.value = metrics_->earlier(runs).value_or(0) + (success == counted ? 1 : 0);
    metrics.push_back(std::move(runs));
  }
}

Status RunRecord::write_running() const {
  if (!metrics_) return {};
  std::vector<Metric> metrics;
  for (const RunFigures& figures : figures_) {
    add_known(metrics, figures);
    add_lasting(metrics, figures, std::nullopt);
  }
  return metrics_->write(metrics);
}

Status RunRecord::write_metrics(ExitCode outcome, double seconds) const {
  std::vector<Metric> metrics;
  for (const RunFigures& figures : figures_) {
    const ExitCode code = figures.outcome.value_or(outcome);
    const bool success = code == ExitCode::kSuccess;
    const double taken = figures.seconds.value_or(seconds);
    add_known(metrics, figures);
    add_lasting(metrics, figures, success);
    const auto add = [&](std::string_view name, double value) {
      metrics.push_back({name, labels_of(figures), value});
    };
    add("bbz_run_success", success ? 1 : 0);
    add("bbz_run_exit_code", static_cast<int>(code));
    add("bbz_run_duration_seconds", taken);
    add("bbz_run_end_timestamp_seconds", now());
    if (success && figures.original_bytes && figures.has_speed && taken > 0) {
      add("bbz_run_bytes_per_second", number(*figures.original_bytes) / taken);
    }
  }
  return metrics_->write(metrics);
}

Status RunRecord::append_rows(ExitCode outcome, double seconds) const {
  std::vector<Json> rows;
  for (const RunFigures& figures : figures_) {
    if (figures.outcome.value_or(outcome) != ExitCode::kSuccess) continue;
    HistoryRow row;
    row.command = command_;
    row.archive = figures.archive;
    row.root_digest = figures.root_digest;
    row.original_bytes = figures.original_bytes;
    row.archive_bytes = figures.archive_bytes;
    row.seconds = figures.seconds.value_or(seconds);
    row.has_speed = figures.has_speed;
    row.threads = threads_;
    row.quality = figures.quality;
    rows.push_back(history_json(row));
  }
  return history_->append(rows);
}

Result<ExitCode> RunRecord::finish(Result<ExitCode> outcome) {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  const auto count = [&](const Status& recorded) {
    if (recorded.ok()) return;
    if (code_of(outcome) == ExitCode::kSuccess) {
      outcome = recorded.error();
    } else {
      say("bbz: {}\n", advised(recorded.error()));
    }
  };
  if (history_) count(append_rows(code_of(outcome), seconds));
  if (metrics_) count(write_metrics(code_of(outcome), seconds));
  return outcome;
}

Result<ExitCode> recorded(const std::string& command, const std::vector<std::string>& archives,
                          const RecordArguments& arguments, const CommonOptions& common,
                          const std::function<Result<ExitCode>(RunRecord&)>& run) {
  BBZ_ASSIGN(RunRecord record, RunRecord::begin(command, archives, arguments, common));
  try {
    return record.finish(run(record));
  } catch (const std::bad_alloc&) {
    (void)record.finish(Error{Code::kOutOfMemory, "out of memory"});
    throw;
  } catch (const std::exception& error) {
    (void)record.finish(Error{Code::kInternal, error.what()});
    throw;
  }
}

}  // namespace bbz::tools
