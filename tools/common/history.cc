#include "common/history.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <deque>
#include <functional>
#include <span>
#include <thread>

#include "bbz/base/cut_text.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/io/fd.h"
#include "common/output.h"

namespace bbz::tools {
namespace {

constexpr int kOpenFlags = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
constexpr std::chrono::seconds kMostWait{10};
constexpr std::size_t kMostName = 4096;
constexpr int kMostDepth = 16;  // rows of this version have 2 levels

using EachRow = std::function<void(std::string_view line)>;

// Names the place of an error: the history and a line of it.
Error error_in(const std::string& path, std::uint64_t line, Code code, const std::string& what) {
  return make_error(code, "{}: line {}: {}; the file is left as it is", path, line, what);
}

Result<Json> parse_row(const std::string& path, std::uint64_t number, std::string_view line) {
  bool deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    deep = deep || depth > kMostDepth;
    return !deep;
  };
  const auto malformed = [&](std::string_view why) {
    return error_in(path, number, Code::kMalformed,
                    fmt::format("expected a row of a history of bbz, found {}: {}", why,
                                bbz::quoted(line, 60)));
  };
  Json row = Json::parse(line, watch, false);
  if (deep) return malformed("an object of more than 16 levels");
  if (row.is_discarded()) return malformed("text that is not JSON");
  if (!row.is_object()) return malformed("JSON that is not an object");
  if (!row.contains("tool") || row["tool"] != "bbz") return malformed("no \"tool\":\"bbz\"");
  if (!row.contains("schema") || !row["schema"].is_number_unsigned()) {
    return malformed("no number of a schema");
  }
  const auto schema = row["schema"].get<std::uint64_t>();
  if (schema > kHistorySchema) {
    return error_in(
        path, number, Code::kUnsupported,
        fmt::format("expected a row of schema {}, found schema {}, which a later version "
                    "of bbz has written",
                    kHistorySchema, schema));
  }
  if (schema < kHistorySchema) return malformed("an unknown schema");
  for (const char* const field : {"version", "date", "command", "archive"}) {
    if (!row.contains(field) || !row[field].is_string()) {
      return malformed(fmt::format("no text \"{}\"", field));
    }
  }
  for (const char* const field :
       {"original_bytes", "archive_bytes", "ratio", "seconds", "bytes_per_second", "threads"}) {
    if (row.contains(field) && !row[field].is_null() && !row[field].is_number()) {
      return malformed(fmt::format("\"{}\" that is not a number", field));
    }
  }
  return row;
}

// A part of a file that was read: whole lines.
struct Checked {
  io::Fd fd;                // the file
  std::uint64_t bytes = 0;  // of the rows that were checked
  std::uint64_t rows = 0;
};

// Reads the rows after those that were checked, up to the end of the file, and checks them.
Status check_rows(const std::string& path, Checked& checked, const EachRow& each) {
  std::string waiting;  // the begin of a line
  std::vector<char> buffer(std::size_t{64} << 10);
  std::uint64_t offset = checked.bytes;
  while (true) {
    const ::ssize_t n =
        ::pread(checked.fd.get(), buffer.data(), buffer.size(), static_cast<::off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io::system_error(errno, "cannot read", path);
    if (n == 0) break;
    offset += static_cast<std::uint64_t>(n);
    std::string_view rest(buffer.data(), static_cast<std::size_t>(n));
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      const std::string_view part = rest.substr(0, end);
      if (waiting.size() + part.size() >= kMostRowBytes) {
        return error_in(
            path, checked.rows + 1, Code::kMalformed,
            fmt::format("expected a row of a history of bbz, found a line of more than {} "
                        "bytes",
                        kMostRowBytes));
      }
      waiting += part;
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
      BBZ_TRY(parse_row(path, checked.rows + 1, waiting));
      if (each) each(waiting);
      checked.bytes += waiting.size() + 1;
      ++checked.rows;
      waiting.clear();
    }
  }
  if (waiting.empty()) return {};
  return error_in(
      path, checked.rows + 1, Code::kMalformed,
      fmt::format("expected a line end after the last row, found none: the run that wrote "
                  "it may have been interrupted, so remove this line: {}",
                  bbz::quoted(waiting, 60)));
}

// Opens an existing history without waiting.
Result<io::Fd> open_existing(const std::string& path, int access) {
  io::Fd fd(::open(path.c_str(), access | kOpenFlags));
  struct stat status {};
  const bool known = fd ? ::fstat(fd.get(), &status) == 0 : ::stat(path.c_str(), &status) == 0;
  if (known && !S_ISREG(status.st_mode)) {
    return make_error(Code::kExists, "{}: expected a history of bbz, found {}", path,
                      S_ISDIR(status.st_mode)    ? "a directory"
                      : S_ISFIFO(status.st_mode) ? "a FIFO"
                                                 : "something that is not a regular file");
  }
  if (!fd) {
    return io::system_error(errno, access == O_RDONLY ? "cannot read" : "cannot write", path);
  }
  return fd;
}

// Opens the history to append to, and creates it if it is missing, but not through a link.
Result<io::Fd> open_to_append(const std::string& path) {
  constexpr int kTries = 10;  // others may create and remove it at the same time
  for (int i = 0; i < kTries; ++i) {
    auto fd = open_existing(path, O_RDWR | O_APPEND);
    if (fd.ok() || fd.code() != Code::kNotFound) return fd;
    io::Fd made(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_EXCL | kOpenFlags, 0666));
    if (made) return made;
    if (errno != EEXIST) return io::system_error(errno, "cannot create", path);
  }
  return make_error(Code::kIo, "{}: cannot create: a link that leads nowhere, or others remove it",
                    path);
}

// Locks the file: LOCK_EX or LOCK_SH.
Status lock_file(const io::Fd& fd, const std::string& path, int how) {
  const auto begin = std::chrono::steady_clock::now();
  while (::flock(fd.get(), how | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return io::system_error(errno, "cannot lock", path);
    if (std::chrono::steady_clock::now() - begin > kMostWait) {
      return make_error(Code::kIo, "{}: another process has kept it locked for 10 seconds", path);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return {};
}

// Reads and checks all rows of a file that is not locked. If another process is writing a row, a part of it
// may be there already, so what is wrong is looked at again once that process is done.
Status check_unlocked_rows(const std::string& path, Checked& checked, const EachRow& each) {
  if (check_rows(path, checked, each).ok()) return {};
  BBZ_TRY(lock_file(checked.fd, path, LOCK_SH));
  return check_rows(path, checked, each);
}

// Opens and locks the file that has the name now: another one may have got it while this process
// waited.
Result<io::Fd> open_locked(const std::string& path) {
  constexpr int kTries = 10;
  for (int i = 0; i < kTries; ++i) {
    BBZ_ASSIGN(io::Fd fd, open_to_append(path));
    BBZ_TRY(lock_file(fd, path, LOCK_EX));
    struct stat own {};
    struct stat found {};
    if (::fstat(fd.get(), &own) == 0 && ::stat(path.c_str(), &found) == 0 &&
        io::file_id(own) == io::file_id(found)) {
      return fd;
    }
  }
  return make_error(Code::kIo, "{}: others replace it all the time", path);
}

// Appends the text by one write, or nothing.
Status append_text(const io::Fd& fd, const std::string& path, const std::string& text) {
  struct stat before {};
  if (::fstat(fd.get(), &before) != 0) return io::system_error(errno, "cannot write", path);
  ::ssize_t n = -1;
  do {
    n = ::write(fd.get(), text.data(), text.size());
  } while (n < 0 && errno == EINTR);
  if (n == static_cast<::ssize_t>(text.size())) {
    if (::fdatasync(fd.get()) != 0) return io::system_error(errno, "cannot write to disk", path);
    return {};
  }
  const int error = n < 0 ? errno : ENOSPC;
  if (n > 0 && ::ftruncate(fd.get(), before.st_size) != 0) {
    return make_error(Code::kIo, "{}: cannot write: {}, and the last line is incomplete", path,
                      io::system_text(error));
  }
  return io::system_error(error, "cannot write", path);
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

}  // namespace

Json history_json(const HistoryRow& row) {
  Json ratio;
  if (row.original_bytes.value_or(0) != 0 && row.archive_bytes) {
    ratio = static_cast<double>(*row.archive_bytes) / static_cast<double>(*row.original_bytes);
  }
  Json speed;
  if (row.has_speed && row.original_bytes && row.seconds.value_or(0) > 0) {
    speed = static_cast<std::uint64_t>(static_cast<double>(*row.original_bytes) / *row.seconds);
  }
  return {{"schema", kHistorySchema},
          {"tool", "bbz"},
          {"version", BBZ_VERSION},
          {"date", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
          {"command", row.command},
          {"archive", cut_text(row.archive, kMostName)},
          {"root_digest", or_null(row.root_digest)},
          {"original_bytes", or_null(row.original_bytes)},
          {"archive_bytes", or_null(row.archive_bytes)},
          {"ratio", std::move(ratio)},
          {"seconds", or_null(row.seconds)},
          {"bytes_per_second", std::move(speed)},
          {"threads", row.threads},
          {"quality", row.quality}};
}

Result<History> History::open(std::string path) {
  if (path.empty() || path == "-" || path.ends_with('/')) {
    return make_error(Code::kInvalidArgument, "{}: expected the name of a file for the history",
                      bbz::quoted(path));
  }
  Checked checked;
  auto existing = open_existing(path, O_RDWR | O_APPEND);
  if (existing.ok()) {
    checked.fd = std::move(*existing);
    BBZ_TRY(check_unlocked_rows(path, checked, {}));
    return History(std::move(path));
  }
  if (existing.code() != Code::kNotFound) return existing.error();
  const std::string folder = folder_of(path);
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    return io::system_error(errno, "cannot create", path);
  return History(std::move(path));
}

Status History::append(const std::vector<Json>& rows) const {
  std::string text;
  for (const Json& row : rows) {
    const std::string line = row.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
    if (line.size() > kMostRowBytes) {
      return make_error(Code::kInvalidArgument, "{}: expected a row of at most {} bytes, found {}",
                        path_, kMostRowBytes, line.size());
    }
    text += line;
  }
  if (text.empty()) return {};
  Checked checked;
  BBZ_ASSIGN(checked.fd, open_locked(path_));
  BBZ_TRY(check_rows(path_, checked, {}));
  return append_text(checked.fd, path_, text);
}

Result<std::vector<Json>> read_history(const std::string& path, std::size_t most) {
  Checked checked;
  BBZ_ASSIGN(checked.fd, open_existing(path, O_RDONLY));
  std::deque<std::string> newest;
  const auto keep = [&](std::string_view line) {
    newest.emplace_back(line);
    if (newest.size() > most) newest.pop_front();
  };
  BBZ_TRY(check_unlocked_rows(path, checked, keep));
  std::vector<Json> rows;
  rows.reserve(newest.size());
  for (const std::string& line : newest) rows.push_back(Json::parse(line));
  return rows;
}

}  // namespace bbz::tools
