// The history that bbz report draws, and adds its own rows to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/history.h"
#include "common/json.h"
#include "report/archive_data.h"

namespace bbz::tools {

// The history of --history, and its rows. Does nothing without that option.
class ReportHistory {
 public:
  // Opens the file, and reads its newest 1,000 rows. An empty path: there is none. Errors: those of
  // History::open() and read_history() but kNotFound.
  static Result<ReportHistory> open(const std::string& path);

  // Adds a row for an archive, but does not write it yet. `against`: that of the report, or null.
  void add(const ReportedArchive& archive, const Json& against, unsigned threads);
  // Returns "history" of the report: the newest 1,000 rows, with those that were added; null if there is no
  // history.
  Json data() const;
  // Writes the rows that were added. Errors: those of History::append().
  Status append() const;

 private:
  std::string name_;
  std::optional<History> file_;
  std::vector<Json> rows_;
  std::vector<Json> added_;
};

}  // namespace bbz::tools
