#include "report/report_history.h"

#include <algorithm>
#include <thread>

#include "bbz/base/names.h"
#include "common/output.h"

namespace bbz::tools {
namespace {

// The rows of a history in a report.
constexpr std::size_t kMostRows = 1000;

}  // namespace

Result<ReportHistory> ReportHistory::open(const std::string& path) {
  ReportHistory history;
  if (path.empty()) return history;
  history.name_ = named(path);
  BBZ_ASSIGN(history.file_, History::open(path));
  auto rows = read_history(path, kMostRows);
  if (!rows.ok() && rows.code() != Code::kNotFound) return rows.error();
  if (rows.ok()) history.rows_ = std::move(rows).value();
  return history;
}

void ReportHistory::add(const ReportedArchive& archive, const Json& against, unsigned threads) {
  if (!file_) return;
  HistoryRow row;
  row.command = "report";
  row.archive = json_text(archive.name);
  row.root_digest = archive.reader().root().to_string();
  row.original_bytes = archive.info.file_bytes;
  row.archive_bytes = archive.info.archive_bytes;
  row.threads = threads == kAllCores ? std::thread::hardware_concurrency() : threads;
  row.quality = archive.data["quality"];
  if (!row.quality.is_null()) {
    const Json compared = against.is_null() ? Json() : against["quality"];
    for (const char* const field : {"nll_difference", "kl"}) {
      row.quality[field] = compared.is_null() ? Json() : compared[field];
    }
  }
  added_.push_back(history_json(row));
}

Json ReportHistory::data() const {
  if (!file_) return {};
  Json rows = Json::array();
  const std::size_t all = rows_.size() + added_.size();
  for (std::size_t i = all - std::min(all, kMostRows); i < all; ++i) {
    rows.push_back(i < rows_.size() ? rows_[i] : added_[i - rows_.size()]);
  }
  return {{"name", json_text(name_)}, {"rows", std::move(rows)}};
}

Status ReportHistory::append() const {
  return file_ ? file_->append(added_) : Status();
}

}  // namespace bbz::tools
