#include "bbz/file_system.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

namespace bbz::tools {
namespace {

constexpr double kForever = 1e9;  // in seconds; nothing ever changes
constexpr std::uint32_t kBlock = 4096;

FileSystem& self(::fuse_req_t request) {
  return *static_cast<FileSystem*>(::fuse_req_userdata(request));
}

std::uint32_t node_of(::fuse_ino_t inode) {
  return static_cast<std::uint32_t>(inode - FUSE_ROOT_ID);
}

view::FileView* file_of(const ::fuse_file_info& info) {
  // libfuse keeps the pointer as a number. NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<view::FileView*>(static_cast<std::uintptr_t>(info.fh));
}

// Answers a request, or reports that there is no memory for it. libfuse is C, so no exception may
// reach it.
template <class Answer>
void guard(::fuse_req_t request, Answer&& answer) {
  try {
    answer(self(request));
  } catch (const std::exception&) {
    ::fuse_reply_err(request, ENOMEM);
  }
}

}  // namespace

// The functions that libfuse calls.
struct Operations {
  static void init(void* user, ::fuse_conn_info*) {
    const auto& begun = static_cast<FileSystem*>(user)->settings_.begun;
    if (begun) begun();
  }
  static void lookup(::fuse_req_t request, ::fuse_ino_t parent, const char* name) {
    guard(request, [&](FileSystem& fs) { fs.lookup(request, node_of(parent), name); });
  }
  static void getattr(::fuse_req_t request, ::fuse_ino_t inode, ::fuse_file_info*) {
    guard(request, [&](FileSystem& fs) {
      const struct ::stat attributes = fs.attributes(node_of(inode));
      ::fuse_reply_attr(request, &attributes, kForever);
    });
  }
  static void open(::fuse_req_t request, ::fuse_ino_t inode, ::fuse_file_info* info) {
    guard(request, [&](FileSystem& fs) { fs.open(request, node_of(inode), *info); });
  }
  static void read(::fuse_req_t request, ::fuse_ino_t, std::size_t size, ::off_t offset,
                   ::fuse_file_info* info) {
    guard(request, [&](FileSystem& fs) {
      fs.read(request, size, static_cast<std::uint64_t>(offset), *file_of(*info));
    });
  }
  static void release(::fuse_req_t request, ::fuse_ino_t, ::fuse_file_info* info) {
    self(request).release(request, *info);
  }
  static void opendir(::fuse_req_t request, ::fuse_ino_t, ::fuse_file_info* info) {
    info->cache_readdir = 1;
    info->keep_cache = 1;
    ::fuse_reply_open(request, info);
  }
  static void readdir(::fuse_req_t request, ::fuse_ino_t inode, std::size_t size, ::off_t offset,
                      ::fuse_file_info*) {
    guard(request, [&](FileSystem& fs) {
      fs.list(request, node_of(inode), size, static_cast<std::uint64_t>(offset), false);
    });
  }
  static void readdirplus(::fuse_req_t request, ::fuse_ino_t inode, std::size_t size,
                          ::off_t offset, ::fuse_file_info*) {
    guard(request, [&](FileSystem& fs) {
      fs.list(request, node_of(inode), size, static_cast<std::uint64_t>(offset), true);
    });
  }
  static void statfs(::fuse_req_t request, ::fuse_ino_t) {
    guard(request, [&](FileSystem& fs) { fs.total(request); });
  }
};

const ::fuse_lowlevel_ops& FileSystem::operations() {
  static const ::fuse_lowlevel_ops operations = [] {
    ::fuse_lowlevel_ops ops{};
    ops.init = Operations::init;
    ops.lookup = Operations::lookup;
    ops.getattr = Operations::getattr;
    ops.open = Operations::open;
    ops.read = Operations::read;
    ops.release = Operations::release;
    ops.opendir = Operations::opendir;
    ops.readdir = Operations::readdir;
    ops.readdirplus = Operations::readdirplus;
    ops.statfs = Operations::statfs;
    return ops;
  }();
  return operations;
}

struct ::stat FileSystem::attributes(std::uint32_t number) const {
  const view::Node& node = tree_.node(number);
  struct ::stat attributes {};
  attributes.st_ino = number + FUSE_ROOT_ID;
  attributes.st_uid = settings_.owner;
  attributes.st_gid = settings_.group;
  attributes.st_atim = attributes.st_mtim = attributes.st_ctim = settings_.time;
  attributes.st_blksize = kBlock;
  if (node.is_folder()) {
    attributes.st_mode = S_IFDIR | 0555;
    attributes.st_nlink = 2 + node.folders;
    return attributes;
  }
  const catalog::File& file = catalog_.files[node.file];
  const auto& [mode, time] = file.attributes();
  const std::uint64_t size = file.size;
  attributes.st_mode = S_IFREG | (mode.value_or(0444) & 0555);
  if (time) {
    attributes.st_mtim.tv_sec = static_cast<::time_t>(time->seconds);
    attributes.st_mtim.tv_nsec = static_cast<long>(time->nanoseconds);
  }
  attributes.st_nlink = 1;
  attributes.st_size = static_cast<::off_t>(size);
  attributes.st_blocks = static_cast<::blkcnt_t>(divide_up(size, 512));
  return attributes;
}

::fuse_entry_param FileSystem::entry(std::uint32_t node) const {
  ::fuse_entry_param entry{};
  entry.ino = node + FUSE_ROOT_ID;
  entry.attr = attributes(node);
  entry.attr_timeout = entry.entry_timeout = kForever;
  return entry;
}

void FileSystem::lookup(::fuse_req_t request, std::uint32_t folder, const char* name) const {
  ::fuse_entry_param found{};  // inode 0: there is no such file, which the kernel caches too
  found.entry_timeout = kForever;
  if (const auto child = tree_.find(folder, name)) found = entry(*child);
  ::fuse_reply_entry(request, &found);
}

void FileSystem::open(::fuse_req_t request, std::uint32_t node, ::fuse_file_info& info) {
  if ((info.flags & O_ACCMODE) != O_RDONLY) {
    ::fuse_reply_err(request, EROFS);
    return;
  }
  if (settings_.opening) std::call_once(opened_, settings_.opening);
  auto file = view_->open(tree_.node(node).file);
  if (!file.ok()) {
    ::fuse_reply_err(request, EISDIR);
    return;
  }
  const view::FileView* const key = file->get();
  info.fh = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(key));
  info.keep_cache = 1;
  info.noflush = 1;
  {
    const std::lock_guard lock(open_mutex_);
    open_.emplace(key, std::move(*file));
  }
  if (::fuse_reply_open(request, &info) == 0) return;
  // The caller is gone, so no release follows.
  const std::lock_guard lock(open_mutex_);
  open_.erase(key);
}

void FileSystem::release(::fuse_req_t request, const ::fuse_file_info& info) {
  {
    const std::lock_guard lock(open_mutex_);
    open_.erase(file_of(info));
  }
  ::fuse_reply_err(request, 0);
}

void FileSystem::close_all() {
  const std::lock_guard lock(open_mutex_);
  open_.clear();
}

void FileSystem::read(::fuse_req_t request, std::size_t size, std::uint64_t offset,
                      view::FileView& file) {
  constexpr std::size_t kMostPieces = 512;  // well below IOV_MAX
  const auto pieces = file.pieces(offset, size);
  if (!pieces.ok()) {
    ++counters_.read_errors;
    if (settings_.report) settings_.report(std::string(file.name()), pieces.error());
    ::fuse_reply_err(request, EIO);
    return;
  }
  for (const view::FilePiece& piece : *pieces) counters_.read_bytes += piece.bytes.size();
  if (pieces->size() > kMostPieces) {  // a read of many small tensors
    std::vector<std::byte> all;
    for (const view::FilePiece& piece : *pieces) {
      all.insert(all.end(), piece.bytes.begin(), piece.bytes.end());
    }
    ::fuse_reply_buf(request, reinterpret_cast<const char*>(all.data()), all.size());
    return;
  }
  std::vector<::iovec> parts;
  for (const view::FilePiece& piece : *pieces) {
    parts.push_back({const_cast<std::byte*>(piece.bytes.data()), piece.bytes.size()});
  }
  ::fuse_reply_iov(request, parts.data(), static_cast<int>(parts.size()));
}

void FileSystem::list(::fuse_req_t request, std::uint32_t folder, std::size_t size,
                      std::uint64_t offset, bool with_attributes) const {
  const view::Node& node = tree_.node(folder);
  std::vector<char> out(size);
  std::size_t used = 0;
  for (std::uint64_t at = offset; at < node.children.size() + 2; ++at) {
    const std::uint32_t number = at == 0 ? folder : at == 1 ? node.parent : node.children[at - 2];
    const char* const name = at == 0 ? "." : at == 1 ? ".." : tree_.node(number).name.c_str();
    char* const to = out.data() + used;
    const std::size_t room = size - used;
    const auto next = static_cast<::off_t>(at + 1);
    const ::fuse_entry_param listed = entry(number);
    const std::size_t needed =
        with_attributes ? ::fuse_add_direntry_plus(request, to, room, name, &listed, next)
                        : ::fuse_add_direntry(request, to, room, name, &listed.attr, next);
    if (needed > room) break;
    used += needed;
  }
  ::fuse_reply_buf(request, out.data(), used);
}

void FileSystem::total(::fuse_req_t request) const {
  struct ::statvfs total {};
  total.f_bsize = total.f_frsize = kBlock;
  total.f_blocks = divide_up(catalog_.unpacked_bytes, kBlock);
  total.f_files = tree_.size();
  total.f_namemax = 255;
  total.f_flag = ST_RDONLY;
  ::fuse_reply_statfs(request, &total);
}

}  // namespace bbz::tools
