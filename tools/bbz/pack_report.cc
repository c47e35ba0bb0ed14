#include "bbz/pack_report.h"

#include <fmt/format.h>

#include "bbz/base/names.h"
#include "common/say.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

// The most files of which the names are printed.
constexpr std::uint64_t kMostNamed = 20;

}  // namespace

void report_packed(const ops::PackSummary& summary, const std::string& output,
                   const CommonOptions& common) {
  if (common.quiet || (!common.verbose && !messages_are_on_terminal())) return;
  say("{}: {} -> {} ({})\n", output, human_size(summary.input_bytes),
      human_size(summary.archive_bytes), percentage(summary.archive_bytes, summary.input_bytes));
  if (!common.verbose) return;
  say("  {} bytes -> {} bytes, {} files, {} tensors\n  root digest {}\n",
      grouped(summary.input_bytes), grouped(summary.archive_bytes), grouped(summary.files),
      grouped(summary.tensors), summary.root.to_string());
}

void record_packed(const ops::PackSummary& summary, RunFigures& figures) {
  figures.root_digest = summary.root.to_string();
  figures.original_bytes = summary.input_bytes;
  figures.archive_bytes = summary.archive_bytes;
  figures.files = summary.files;
  figures.tensors = summary.tensors;
  figures.codecs = summary.codecs;
}

void report_views(const ops::PackSummary& summary, const CommonOptions& common) {
  if (common.quiet || summary.views_left_out == 0) return;
  const std::uint64_t more = summary.views_left_out - 1;
  say("bbz: not listed in the archive: tensor {}{}: views beyond the format's limits; unpacked files "
      "have their bytes\n",
      summary.first_left_out, more == 0 ? "" : fmt::format(", and {} more", grouped(more)));
}

ops::AsBytes PackedAsBytes::collect() {
  if (quiet_) return {};
  return [this](const std::string& path, const std::string& why) {
    if (++count_ > kMostNamed) return;
    lines_ +=
        fmt::format("bbz: packed as bytes: {}: it is {}\n", bbz::quoted(path), printable(why));
  };
}

void PackedAsBytes::print() const {
  say("{}", lines_);
  if (count_ > kMostNamed) say("bbz: packed as bytes: {} more files\n", count_ - kMostNamed);
}

}  // namespace bbz::tools
