// Metrics: a file of figures that monitoring reads, in the text format of Prometheus.
//
// node_exporter's textfile collector reads such files if their names end with .prom. It takes the text
// format and not OpenMetrics, in which counters are declared without their suffix _total and comments are
// not allowed. So the file has no "# EOF", which the text format would skip as a comment.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bbz/base/error.h"

namespace bbz::tools {

// A metric that bbz writes. doc/monitoring.md lists all of them.
struct MetricKind {
  std::string_view name;  // with its unit and, for a counter, _total
  bool counter = false;   // or else a gauge
  std::string_view help;  // one line; the same for every command, as collectors require
};

// Returns all kinds, in the order in which files have them.
std::span<const MetricKind> metric_kinds();

// Names and values of labels. A name is an identifier, and a value is any text.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// A figure.
struct Metric {
  std::string_view name;  // of a kind
  MetricLabels labels;
  double value = 0;
};

// Returns the text of a file: a first line that says who wrote it, then the metrics by kind. Label
// values are escaped, cut after 1,024 bytes, and made printable if they are not UTF-8. Of metrics with
// the same name and labels, the last counts, because collectors refuse a file with both. Values
// that are not finite are left out. Errors: kInternal for a name that is no kind.
Result<std::string> metrics_text(const std::vector<Metric>& metrics);

// A file of metrics. Its path stays the same file if the process changes its directory.
class MetricsFile {
 public:
  // Checks that the file can be written, and reads what an earlier run left there. Changes nothing.
  // Errors: kExists if something is there that bbz did not write as metrics; kNotFound if the
  // directory is missing; kInvalidArgument if `path` is no name of a file; kIo.
  static Result<MetricsFile> open(const std::string& path);

  // Returns the value that the file had when it was opened, or nullopt if it had none.
  std::optional<double> earlier(const Metric& metric) const;

  // Replaces the file by one with these metrics, at once: whoever reads it sees the old or the new one.
  // Everybody may read it, less what the umask denies. Nothing is replaced that bbz did not write.
  // Errors: those of open() and metrics_text().
  Status write(const std::vector<Metric>& metrics) const;

  // Returns the path, for messages.
  const std::string& path() const { return path_; }

 private:
  MetricsFile() = default;

  std::string path_;
  std::string earlier_;
};

}  // namespace bbz::tools
