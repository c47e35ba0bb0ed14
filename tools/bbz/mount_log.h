// MountLog: where a mount says what goes wrong while it is served.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "bbz/base/error.h"
#include "bbz/io/fd.h"

namespace bbz::tools {

// In the foreground that is standard error; in the background, where there is none, the system's
// log (syslog(3), as "bbz"); a file that the user names, in both cases. Safe to use from many
// threads.
class MountLog {
 public:
  // `archive` as messages show it. `file`: empty for none; it is created where it is missing, and
  // what it holds is kept. Errors: as io::open_log, with `input`.
  static Result<std::unique_ptr<MountLog>> open(const std::string& archive, const std::string& file,
                                                const std::optional<io::FileStatus>& input);
  ~MountLog() = default;
  MountLog(const MountLog&) = delete;
  MountLog& operator=(const MountLog&) = delete;

  // To be called when standard error is about to be gone.
  void leave_terminal();

  // Writes one line; a line end at its end may be there or not. What the file does not take goes
  // where messages go without a file.
  void say(std::string text);
  // An error of reading a file of the archive, each once: the system asks again for every page of a
  // damaged chunk.
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
