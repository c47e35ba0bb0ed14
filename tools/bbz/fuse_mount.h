// FuseMount: an archive mounted on a folder, from the call of mount(2) to the end.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bbz/access/view/archive_view.h"
#include "bbz/archive/reader.h"

namespace bbz::tools {

struct MountOptions {
  std::string archive;  // as the user named it: what mount(8) shows, and messages
  std::string folder;
  std::string log;  // the file that errors go to; empty: none, see MountLog
  bool foreground = false;
  bool allow_other = false;  // other users may read as well
  ::timespec time{};         // of every file
  view::ViewOptions view{};
  // Called once, in the process that serves the mount, before the first read.
  std::function<void()> serving;
};

struct MountOutcome {
  bool in_parent = false;  // another process, which was started here, serves the mount
  view::Counters counters{};
};

// Mounts the files and answers what is asked of them until somebody unmounts them or a signal
// (SIGINT, SIGTERM, SIGHUP) ends the process, which unmounts them. In the background, a process of
// its own does so, and this one returns when the files are there. Precondition: no thread was
// started yet.
// Errors: kNotFound for a folder that is missing; kInvalidArgument for what is none; kExists for
// one that is not empty; kIo with the reason where the system mounts nothing; kLimit.
Result<MountOutcome> mount_archive(const Reader& reader, const MountOptions& options);

}  // namespace bbz::tools
