// FuseMount: mounts an archive on a directory, and serves it until it is unmounted.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bbz/access/view/archive_view.h"
#include "bbz/archive/reader.h"

namespace bbz::tools {

// What a mount has done so far.
struct MountCounters {
  view::Counters view{};
  std::uint64_t read_bytes = 0;   // that reads got
  std::uint64_t read_errors = 0;  // reads that failed
};

// Options of a mount.
struct MountOptions {
  std::string archive;  // name for mount(8) and for messages
  std::string folder;
  std::string log;  // the file that errors are written to; empty: see MountLog
  bool foreground = false;
  bool allow_other = false;  // other users may read the files too
  ::timespec time{};         // the time of every file
  view::ViewOptions view{};
  // Called once, in the process that serves the mount, before the first read. `counters` may be called
  // on any thread until `ended` has returned.
  std::function<void(std::function<MountCounters()> counters)> serving;
  // Called once after that, when the mount has ended and nothing is read any more.
  std::function<void()> ended;
};

// The outcome of a mount.
struct MountOutcome {
  bool in_parent = false;  // this process returned, and another one, its child, serves the mount
  MountCounters counters{};
};

// Mounts the files and answers requests until somebody unmounts them or a signal (SIGINT, SIGTERM,
// SIGHUP) ends the process, which unmounts them. In the background, a child process does so, and
// this process returns when the files are there. Precondition: no thread was started yet. Errors:
// kNotFound if the directory is missing; kInvalidArgument if it is not a directory; kExists if it
// is not empty; kIo, with the reason, if the system refuses to mount; kLimit.
Result<MountOutcome> mount_archive(const Reader& reader, const MountOptions& options);

}  // namespace bbz::tools
