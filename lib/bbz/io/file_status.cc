#include "bbz/io/file_status.h"

#include <sys/stat.h>
#include <sys/xattr.h>

namespace bbz::io {
namespace {

constexpr std::uint32_t kOwner = 0700;
constexpr std::uint32_t kGroup = 0070;
constexpr std::uint32_t kOthers = 0007;
constexpr std::uint32_t kRead = 0444;
constexpr std::uint32_t kWrite = 0222;

}  // namespace

FileId file_id(const struct stat& status) {
  return {status.st_dev, status.st_ino};
}

std::optional<FileStatus> file_status_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  FileStatus found{file_id(status), status.st_mode & 07777, status.st_gid};
  if (::fgetxattr(fd, "system.posix_acl_access", nullptr, 0) > 0) found.mode &= ~std::uint32_t{070};
  return found;
}

void Permissions::restrict_to(const FileStatus& input) {
  // An input need not be executable for what is made from it to be.
  mode_ &= (input.mode & (kRead | kWrite)) | (input.mode & kRead) >> 2 | kOwner;
  several_groups_ = several_groups_ || (group_ && *group_ != input.group);
  group_ = input.group;
}

std::uint32_t Permissions::mode_in(std::uint32_t group) const {
  if (!several_groups_ && (!group_ || *group_ == group)) return most_ & mode_;
  const std::uint32_t others = mode_ & (mode_ & kGroup) >> 3 & kOthers;
  return most_ & ((mode_ & kOwner) | others << 3 | others);
}

}  // namespace bbz::io
