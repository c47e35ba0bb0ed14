#include "common/openmetrics.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>

#include "bbz/base/cut_text.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/io/atomic_file.h"
#include "common/output.h"

namespace bbz::tools {
namespace {

constexpr std::string_view kFirstLine = "# Metrics of bbz, which replaces this file at each run.\n";
constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 20;
constexpr std::size_t kMostLabelBytes = 1024;
constexpr std::uint32_t kMode = 0644;

constexpr MetricKind kKinds[] = {
    {"bbz_build_info", false, "The version of bbz that wrote this; always 1."},
    {"bbz_run_success", false, "Whether the last run ended with exit code 0 (1) or not (0)."},
    {"bbz_run_exit_code", false, "The exit code of the last run."},
    {"bbz_run_duration_seconds", false, "How long the last run took."},
    {"bbz_run_end_timestamp_seconds", false, "When the last run ended, since 1970."},
    {"bbz_last_success_timestamp_seconds", false,
     "When the last run with success ended, since 1970."},
    {"bbz_runs_total", true, "Runs that ended, by result: success or failure."},
    {"bbz_original_bytes", false,
     "The bytes of the files that were packed or restored, or that an archive holds."},
    {"bbz_archive_bytes", false, "The bytes of the archive."},
    {"bbz_compression_ratio", false, "The bytes of the archive by those of the files in it."},
    {"bbz_run_bytes_per_second", false, "Original bytes by the duration of the last run."},
    {"bbz_files", false, "Files in the archive."},
    {"bbz_tensors", false, "Tensors in the archive."},
    {"bbz_codec_chunks", false, "Chunks that are stored with a codec."},
    {"bbz_codec_original_bytes", false, "The bytes that the chunks of a codec stand for."},
    {"bbz_codec_stored_bytes", false, "The bytes that the chunks of a codec take."},
    {"bbz_damages", false, "What verify found damaged: chunks, tensors and files."},
    {"bbz_fetched_bytes", false, "The bytes that get has fetched."},
    {"bbz_repaired_records", false, "The damaged records that get has replaced."},
    {"bbz_quality_nll", false, "Negative log-likelihood of a token, in nats."},
    {"bbz_quality_nll_difference", false, "How much it grew against the other model, in nats."},
    {"bbz_quality_kl", false, "Kullback-Leibler divergence from the other model, in nats."},
    {"bbz_gates", false, "Gates of a report, by result: passed or failed."},
    {"bbz_mount_up", false, "Whether the mount is served (1) or has ended (0)."},
    {"bbz_mount_start_timestamp_seconds", false, "When the mount began, since 1970."},
    {"bbz_mount_read_bytes_total", true, "Bytes that the mount has answered reads with."},
    {"bbz_mount_read_errors_total", true, "Reads that failed, such as those of damaged chunks."},
    {"bbz_mount_chunk_requests_total", true,
     "Chunks that reads asked for, by result: cached, waited (another thread decoded it) or decoded."},
    {"bbz_mount_decoded_bytes_total", true, "Bytes that were decoded, for reads or ahead of them."},
    {"bbz_mount_cache_bytes", false, "Bytes of decoded chunks in memory."},
    {"bbz_mount_http_requests_total", true, "HTTP requests, with retries and redirects."},
    {"bbz_mount_http_received_bytes_total", true, "Bytes of bodies of HTTP responses."},
};

std::string label_value(const std::string& text) {
  const std::string known = is_utf8(text) ? text : printable(text);
  std::string out;
  for (const char c : cut_text(known, kMostLabelBytes)) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

// Returns a metric's line up to its value, with the space before that.
std::string series(const Metric& metric) {
  std::string labels;
  for (const auto& [name, value] : metric.labels) {
    labels += fmt::format("{}{}=\"{}\"", labels.empty() ? "" : ",", name, label_value(value));
  }
  if (labels.empty()) return fmt::format("{} ", metric.name);
  return fmt::format("{}{{{}}} ", metric.name, labels);
}

Error foreign(const std::string& path, std::string_view found) {
  return make_error(Code::kExists,
                    "{}: expected a file of metrics that bbz has written, found {}; "
                    "it is not replaced: remove it, or name another file",
                    path, found);
}

// Reads the file, if there is one, and checks that bbz wrote it. Returns nullopt if nothing is there.
Result<std::optional<std::string>> read_own(const std::string& path) {
  const io::Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::optional<std::string>();
  if (!fd && errno == ELOOP) return foreign(path, "a symbolic link");
  struct stat status {};
  const int known = fd ? ::fstat(fd.get(), &status) : ::lstat(path.c_str(), &status);
  if (known == 0 && S_ISDIR(status.st_mode)) return foreign(path, "a directory");
  if (known == 0 && !S_ISREG(status.st_mode)) return foreign(path, "no regular file");
  if (!fd) return io::system_error(errno, "cannot read", path);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > kMostBytes) return foreign(path, fmt::format("one of {} bytes", size));
  std::string text(size, '\0');
  BBZ_TRY(io::pread_fully(fd.get(), 0, std::as_writable_bytes(std::span(text)), path));
  if (text.starts_with(kFirstLine)) return std::optional(std::move(text));
  return foreign(path,
                 text.empty() ? "an empty file" : bbz::quoted(text.substr(0, text.find('\n')), 60));
}

}  // namespace

std::span<const MetricKind> metric_kinds() {
  return kKinds;
}

Result<std::string> metrics_text(const std::vector<Metric>& metrics) {
  std::map<std::string_view, std::map<std::string, double>> by_name;
  for (const Metric& metric : metrics) {
    const bool known = std::ranges::any_of(
        kKinds, [&](const MetricKind& kind) { return kind.name == metric.name; });
    if (!known) return make_error(Code::kInternal, "no kind of metric {}", metric.name);
    if (std::isfinite(metric.value)) by_name[metric.name][series(metric)] = metric.value;
  }
  std::string text(kFirstLine);
  for (const MetricKind& kind : kKinds) {
    const auto found = by_name.find(kind.name);
    if (found == by_name.end()) continue;
    text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", kind.name, kind.help,
                        kind.counter ? "counter" : "gauge");
    for (const auto& [labels, value] : found->second) text += fmt::format("{}{}\n", labels, value);
  }
  return text;
}

Result<MetricsFile> MetricsFile::open(const std::string& path) {
  if (path.empty() || path == "-" || path.ends_with('/')) {
    return make_error(Code::kInvalidArgument, "{}: expected the name of a file for the metrics",
                      bbz::quoted(path));
  }
  MetricsFile file;
  std::error_code error;
  file.path_ = std::filesystem::absolute(path, error).string();
  if (error) return io::system_error(error.value(), "cannot write", path);
  BBZ_ASSIGN(std::optional<std::string> earlier, read_own(file.path_));
  if (earlier) file.earlier_ = std::move(*earlier);
  if (::access(folder_of(file.path_).c_str(), W_OK | X_OK) != 0) {
    return io::system_error(errno, "cannot create", path);
  }
  return file;
}

std::optional<double> MetricsFile::earlier(const Metric& metric) const {
  const std::string begin = "\n" + series(metric);
  const std::size_t at = earlier_.find(begin);
  if (at == std::string::npos) return std::nullopt;
  double value = 0;
  const char* const from = earlier_.data() + at + begin.size();
  const char* const end = earlier_.data() + earlier_.size();
  const auto parsed = std::from_chars(from, end, value);
  const bool whole = parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == '\n';
  return whole && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

Status MetricsFile::write(const std::vector<Metric>& metrics) const {
  BBZ_ASSIGN(const std::string text, metrics_text(metrics));
  BBZ_ASSIGN(const std::optional<std::string> now, read_own(path_));
  io::OutputOptions options;
  options.replace = now.has_value();
  options.sync = false;  // the next run writes it again
  options.attributes.mode = kMode;
  BBZ_ASSIGN(const auto file, io::AtomicFile::create(path_, options));
  BBZ_TRY(file->write(std::as_bytes(std::span(text))));
  return file->finish();
}

}  // namespace bbz::tools
