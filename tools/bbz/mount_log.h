// MountLog: reports errors while a mount is served.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "bbz/base/error.h"
#include "bbz/io/fd.h"

namespace bbz::tools {

// Writes to the file that the user names. If there is none, writes to standard error in the
// foreground, and to the system's log (syslog(3), as "bbz") in the background. Safe to use from
// many threads.
class MountLog {
 public:
  // Opens the log. `archive` is its name in messages. `file` is empty for no file; it is created if
  // it is missing, and its content is kept. Errors: those of io::open_log(), with `input`.
  static Result<std::unique_ptr<MountLog>> open(const std::string& archive, const std::string& file,
                                                const std::optional<io::FileStatus>& input);
  ~MountLog() = default;
  MountLog(const MountLog&) = delete;
  MountLog& operator=(const MountLog&) = delete;

  // Switches from standard error to the system's log; to be called before standard error is closed.
  void leave_terminal();

  // Writes one line; `text` may end with a line end. If the file cannot be written, writes as if
  // there was none.
  void say(std::string text);
  // Reports an error of reading a file of the archive, but each message only once, because the
  // system asks again for every page of a damaged chunk.
  void report(const std::string& path, const Error& error);

 private:
  explicit MountLog(const std::string& archive) : archive_(archive) {}

  const std::string archive_;
  std::mutex mutex_;
  io::Fd file_;
  bool on_terminal_ = true;
  std::set<std::string> said_;
};

}  // namespace bbz::tools
