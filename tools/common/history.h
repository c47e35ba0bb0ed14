// History: a file to which each run of a command appends a row, for trends.
//
// It has one JSON object a line (JSON lines), each at most kMostRowBytes long. doc/monitoring.md
// describes the fields. A file that has anything else is never changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bbz/base/error.h"
#include "common/json.h"

namespace bbz::tools {

// The longest row, in bytes, with its line end.
inline constexpr std::size_t kMostRowBytes = std::size_t{32} << 10;
// The schema of rows that this version writes and reads.
inline constexpr int kHistorySchema = 1;

// The figures of a run. What is not known is empty, and null in the file.
// NOLINTNEXTLINE(bugprone-exception-escape): moving Json throws nothing.
struct HistoryRow {
  std::string command;                            // "pack", "verify", "unpack" or "report"
  std::string archive;                            // its name as named() returns it
  std::optional<std::string> root_digest{};       // as Digest::to_string() returns it
  std::optional<std::uint64_t> original_bytes{};  // of the files that were packed or restored
  std::optional<std::uint64_t> archive_bytes{};   // of the archive
  std::optional<double> seconds{};                // that the command took
  unsigned threads = 0;                           // that the command could use
  bool has_speed = true;                          // original bytes by seconds are a speed
  Json quality{};                                 // null, or an object of quality figures
};

// Returns the row as JSON, with the version of bbz, the date of now, the ratio (archive bytes to
// original bytes) and original bytes per second. Shortens a name of more than 4,096 bytes.
Json history_json(const HistoryRow& row);

// A history to append to.
class History {
 public:
  // Checks the file at `path`, all of its rows included, or that one can be created there if nothing
  // exists. Changes nothing. Errors: those of read_history(), but kNotFound only if the directory is
  // missing; kInvalidArgument if `path` is no name of a file; kIo if the file or the directory cannot be
  // written to.
  static Result<History> open(std::string path);

  // Appends rows that history_json() made, as one write of whole lines under a lock (flock), after
  // checking the file again. Creates the file if it is missing. If the write
  // fails, removes what it wrote. Waits at most 10 seconds for a lock that another process holds.
  // Errors: those of open(); kInvalidArgument if a row is longer than kMostRowBytes; kIo.
  Status append(const std::vector<Json>& rows) const;

 private:
  explicit History(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

// Returns the newest rows, at most `most`, oldest first. Fields that this version does not know are in
// them. Checks all rows of the file, and holds at most `most` of them in memory. Errors:
// - kNotFound if there is no such file; kIo if it cannot be read;
// - kExists if it is not a regular file;
// - kMalformed if a line is not a row of a history, or is not ended by a line end, as after a crash;
// - kUnsupported if a row has a later schema.
Result<std::vector<Json>> read_history(const std::string& path, std::size_t most);

}  // namespace bbz::tools
