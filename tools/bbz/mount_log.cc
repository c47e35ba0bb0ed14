#include "bbz/mount_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <syslog.h>

#include <ctime>
#include <span>

#include "bbz/base/names.h"
#include "common/say.h"

namespace bbz::tools {

Result<std::unique_ptr<MountLog>> MountLog::open(const std::string& archive,
                                                 const std::string& file,
                                                 const std::optional<io::FileStatus>& input) {
  std::unique_ptr<MountLog> log(new MountLog(archive));
  if (file.empty()) return log;
  BBZ_ASSIGN(log->file_, io::open_log(file, input));
  return log;
}

void MountLog::leave_terminal() {
  const std::lock_guard lock(mutex_);
  on_terminal_ = false;
  ::openlog("bbz", LOG_PID, LOG_DAEMON);
}

void MountLog::say(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  text = printable(text);
  const std::lock_guard lock(mutex_);
  if (file_) {
    const std::string line = fmt::format("{:%Y-%m-%dT%H:%M:%SZ} bbz: {}: {}\n",
                                         fmt::gmtime(std::time(nullptr)), archive_, text);
    const Bytes bytes = std::as_bytes(std::span(line));
    // If this fails, continue as without a file.
    if (io::write_fully(file_.get(), bytes, "log").ok()) return;
  }
  if (on_terminal_) {
    say_text(fmt::format("bbz: {}: {}\n", archive_, text));
  } else {
    ::syslog(LOG_ERR, "%s: %s", archive_.c_str(), text.c_str());
  }
}

void MountLog::report(const std::string& path, const Error& error) {
  constexpr std::size_t kMost = 10'000;
  {
    const std::lock_guard lock(mutex_);
    if (said_.size() == kMost || !said_.insert(error.message).second) return;
  }
  say(fmt::format("file {}: {}", path, error.message));
}

}  // namespace bbz::tools
