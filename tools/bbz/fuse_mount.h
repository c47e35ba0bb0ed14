// FuseMount: mounts an archive on a directory, and serves it until it is unmounted.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bbz/access/view/archive_view.h"
#include "bbz/archive/reader.h"

namespace bbz::tools {

// Options of a mount.
struct MountOptions {
  std::string archive;  // name for mount(8) and for messages
  std::string folder;
  std::string log;  // the file that errors are written to; empty: see MountLog
  bool foreground = false;
  bool allow_other = false;  // other users may read the files too
  ::timespec time{};         // the time of every file
  view::ViewOptions view{};
  // Called once, in the process that serves the mount, before the first read.
  std::function<void()> serving;
};

// The outcome of a mount.
struct MountOutcome {
  bool in_parent = false;  // this process returned, and another one, its child, serves the mount
  view::Counters counters{};
};

// Mounts the files and answers requests until somebody unmounts them or a signal (SIGINT, SIGTERM,
// SIGHUP) ends the process, which unmounts them. In the background, a child process does so, and
// this process returns when the files are there. Precondition: no thread was started yet. Errors:
// kNotFound if the directory is missing; kInvalidArgument if it is not a directory; kExists if it
// is not empty; kIo, with the reason, if the system refuses to mount; kLimit.
Result<MountOutcome> mount_archive(const Reader& reader, const MountOptions& options);

}  // namespace bbz::tools
