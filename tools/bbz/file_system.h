// FileSystem: answers the kernel's requests for the files of an archive, through libfuse.
#pragma once

#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>
#include <sys/stat.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "bbz/access/view/archive_view.h"
#include "bbz/access/view/tree.h"

namespace bbz::tools {

// A read-only file system that does not change while it is mounted, so the kernel caches names,
// sizes and pages without end. The number of an inode is that of its node in the tree plus one.
class FileSystem {
 public:
  // The attributes of files, and callbacks.
  struct Settings {
    ::uid_t owner = 0;
    ::gid_t group = 0;
    ::timespec time{};  // of every file of which the archive records none
    // Called with every error of reading, from many threads.
    std::function<void(const std::string& path, const Error& error)> report;
    // Called once, when the kernel has sent its first request.
    std::function<void()> begun;
    // Called once, before the first file is opened.
    std::function<void()> opening;
  };

  // Makes a file system. All arguments must outlive it, except `settings`, which is moved.
  FileSystem(const catalog::Catalog& catalog, const view::Tree& tree, Settings settings)
      : catalog_(catalog), tree_(tree), settings_(std::move(settings)) {}

  // Sets the view that files are read from; to be called before the first request is answered.
  void serve_from(view::ArchiveView& view) { view_ = &view; }

  // Counts what was answered. Any thread may read it while requests are answered.
  struct Counters {
    std::atomic<std::uint64_t> read_bytes = 0;   // that reads got
    std::atomic<std::uint64_t> read_errors = 0;  // reads that failed
  };
  // Returns the counters.
  const Counters& counters() const { return counters_; }

  // Closes the files that are still open; to be called after the last answer and before the view is
  // destroyed. If the mount ends, the kernel does not close them itself.
  void close_all();

  // Returns the operations for fuse_session_new(), whose user pointer must be the file system.
  static const ::fuse_lowlevel_ops& operations();

 private:
  friend struct Operations;

  struct ::stat attributes(std::uint32_t node) const;
  ::fuse_entry_param entry(std::uint32_t node) const;

  void lookup(::fuse_req_t request, std::uint32_t folder, const char* name) const;
  void open(::fuse_req_t request, std::uint32_t node, ::fuse_file_info& info);
  void release(::fuse_req_t request, const ::fuse_file_info& info);
  void read(::fuse_req_t request, std::size_t size, std::uint64_t offset, view::FileView& file);
  // Lists a directory. Offset 0 is ".", 1 is "..", and those from 2 on are the children.
  void list(::fuse_req_t request, std::uint32_t folder, std::size_t size, std::uint64_t offset,
            bool with_attributes) const;
  void total(::fuse_req_t request) const;

  const catalog::Catalog& catalog_;
  const view::Tree& tree_;
  Settings settings_;
  Counters counters_;
  view::ArchiveView* view_ = nullptr;
  std::once_flag opened_;
  std::mutex open_mutex_;
  std::map<const view::FileView*, std::unique_ptr<view::FileView>> open_;
};

}  // namespace bbz::tools
