#include "bbz/io/internal/leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/io/fd.h"
#include "bbz/io/internal/registry.h"

namespace bbz::io {
namespace {

// The number of entries that are examined in a directory, so that the search stays cheap.
constexpr std::size_t kMostEntries = 100'000;
// The number of searched directories that are remembered. Then all of them are forgotten.
constexpr std::size_t kMostDirectories = 4096;
constexpr std::time_t kSharedAge = 24 * 60 * 60;

bool is_temporary_name(std::string_view name) {
  if (name.size() != kTemporaryNameLength || !name.starts_with(".bbz-") || !name.ends_with(".tmp"))
    return false;
  return std::ranges::all_of(
      name.substr(5, 16), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Returns whether other machines may work on the same files.
bool is_shared(int directory) {
  constexpr std::uint32_t kCifs = 0xFF534D42, kSmb2 = 0xFE534D42, kCeph = 0x00C36400,
                          kFuse = 0x65735546, kLustre = 0x0BD00BD0, kGfs2 = 0x01161970,
                          kOcfs2 = 0x7461636F, kGpfs = 0x47504653;
  struct statfs status {};
  if (::fstatfs(directory, &status) != 0) return true;
  switch (static_cast<std::uint32_t>(status.f_type)) {
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case V9FS_MAGIC:
    case AFS_SUPER_MAGIC:
    case CODA_SUPER_MAGIC:
    case kCifs:
    case kSmb2:
    case kCeph:
    case kFuse:
    case kLustre:
    case kGfs2:
    case kOcfs2:
    case kGpfs:
      return true;
    default:
      return false;
  }
}

void remove_if_left(int directory, const char* name, bool shared) {
  const Fd file(::openat(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      status.st_uid != ::geteuid()) {
    return;
  }
  if (shared && std::time(nullptr) - status.st_mtime < kSharedAge) return;
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return;  // in use
  // Checks that the name still belongs to this file.
  struct stat now {};
  if (::fstatat(directory, name, &now, AT_SYMLINK_NOFOLLOW) != 0 || now.st_dev != status.st_dev ||
      now.st_ino != status.st_ino) {
    return;
  }
  ::unlinkat(directory, name, 0);
}

bool is_first_time(int directory) {
  static std::mutex mutex;
  static std::set<std::array<std::uint64_t, 5>> searched;
  struct statx status {};
  if (::statx(directory, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) != 0) return false;
  // Includes the time of creation, because inode numbers of removed directories are used again.
  const auto seconds = static_cast<std::uint64_t>(status.stx_btime.tv_sec);
  const std::lock_guard lock(mutex);
  if (searched.size() >= kMostDirectories) searched.clear();
  return searched
      .insert({status.stx_dev_major, status.stx_dev_minor, status.stx_ino, seconds,
               status.stx_btime.tv_nsec})
      .second;
}

}  // namespace

void remove_leftovers(int directory) {
  if (!is_first_time(directory)) return;
  Fd own(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) return;
  struct Close {
    void operator()(DIR* opened) const { ::closedir(opened); }
  };
  const std::unique_ptr<DIR, Close> list(::fdopendir(own.get()));
  if (!list) return;
  const int fd = own.release();  // the list closes it
  const bool shared = is_shared(fd);
  for (std::size_t i = 0; i < kMostEntries; ++i) {
    const dirent* const entry = ::readdir(list.get());
    if (entry == nullptr) return;
    if (is_temporary_name(entry->d_name)) remove_if_left(fd, entry->d_name, shared);
  }
}

}  // namespace bbz::io
