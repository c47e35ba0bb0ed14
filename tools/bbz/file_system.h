// FileSystem: the files of an archive as answers to what the kernel asks through libfuse.
#pragma once

#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>
#include <sys/stat.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "bbz/access/view/archive_view.h"
#include "bbz/access/view/tree.h"

namespace bbz::tools {

// Read-only, and the same for as long as it is mounted, so that the kernel keeps whatever it has
// seen: names, sizes and pages. An inode's number is that of its node in the tree, plus one.
class FileSystem {
 public:
  struct Settings {
    ::uid_t owner = 0;
    ::gid_t group = 0;
    ::timespec time{};  // of every file
    // Called with every error of reading, from many threads.
    std::function<void(const std::string& path, const Error& error)> report;
    // Called once, when the kernel has begun to ask.
    std::function<void()> begun;
    // Called once, before the first file is opened.
    std::function<void()> opening;
  };

  // All must outlive the file system.
  FileSystem(const catalog::Catalog& catalog, const view::Tree& tree, Settings settings)
      : catalog_(catalog), tree_(tree), settings_(std::move(settings)) {}

  // Where the bytes of files come from; set before the first question is answered.
  void serve_from(view::ArchiveView& view) { view_ = &view; }

  // After the last answer and before the view ends: closes the files that are still open. The
  // kernel says nothing of those where it is the mount that ends.
  void close_all();

  // To be passed to fuse_session_new together with a pointer to the file system.
  static const ::fuse_lowlevel_ops& operations();

 private:
  friend struct Operations;

  struct ::stat attributes(std::uint32_t node) const;
  ::fuse_entry_param entry(std::uint32_t node) const;

  void lookup(::fuse_req_t request, std::uint32_t folder, const char* name) const;
  void open(::fuse_req_t request, std::uint32_t node, ::fuse_file_info& info);
  void release(::fuse_req_t request, const ::fuse_file_info& info);
  void read(::fuse_req_t request, std::size_t size, std::uint64_t offset,
            view::FileView& file) const;
  // Offset 0 is ".", 1 is "..", those from 2 on are the children.
  void list(::fuse_req_t request, std::uint32_t folder, std::size_t size, std::uint64_t offset,
            bool with_attributes) const;
  void total(::fuse_req_t request) const;

  const catalog::Catalog& catalog_;
  const view::Tree& tree_;
  Settings settings_;
  view::ArchiveView* view_ = nullptr;
  std::once_flag opened_;
  std::mutex open_mutex_;
  std::map<const view::FileView*, std::unique_ptr<view::FileView>> open_;
};

}  // namespace bbz::tools
