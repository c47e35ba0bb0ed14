#include "bbz/io/own_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "bbz/base/format.h"
#include "bbz/io/file_source.h"

namespace bbz::io {
namespace {

constexpr mode_t kShut = S_IWGRP | S_IWOTH;
constexpr mode_t kNewMode = 0644;
constexpr int kOpenFlags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

Error refused(const std::string& path, std::string_view why) {
  return make_error(Code::kExists, "{}: already exists and {}", path, why);
}

// Opens whatever exists at the path, or creates a file if nothing does.
Fd open_or_create(const std::string& path, const OwnFileOptions& options) {
  const int access = options.write ? O_RDWR : O_RDONLY;
  constexpr int kTries = 10;  // others may create and remove it at the same time
  for (int i = 0; i < kTries; ++i) {
    Fd fd(::open(path.c_str(), access | kOpenFlags));
    if (!fd && errno == EINTR) continue;
    if (fd || errno != ENOENT || !options.create) return fd;
    fd = Fd(::open(path.c_str(), access | kOpenFlags | O_CREAT | O_EXCL, kNewMode));
    if (fd || (errno != EEXIST && errno != EINTR)) return fd;
  }
  return {};
}

}  // namespace

Result<Fd> open_own_file(const std::string& path, const OwnFileOptions& options) {
  Fd fd = open_or_create(path, options);
  if (!fd && errno == ELOOP) return refused(path, "is a symbolic link");
  if (!fd && (errno == ENXIO || errno == EISDIR)) return refused(path, "is not a regular file");
  if (!fd) return system_error(errno, "cannot open", path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return system_error(errno, "cannot open", path);
  if (!S_ISREG(status.st_mode)) return refused(path, "is not a regular file");
  if (status.st_uid != ::geteuid()) return refused(path, "belongs to another user");
  if (status.st_nlink != 1) return refused(path, "has another name (a hard link)");
  if ((status.st_mode & kShut) == 0 || options.others == OthersMayWrite::kLeft) return fd;
  if (options.others == OthersMayWrite::kRefused) {
    return refused(path, "is writable by others");
  }
  if (::fchmod(fd.get(), status.st_mode & 07777 & ~kShut) != 0) {
    return system_error(errno, "cannot remove the write permission of others", path);
  }
  return fd;
}

Result<std::unique_ptr<Source>> open_own_source(const std::string& path, OthersMayWrite others) {
  BBZ_ASSIGN(Fd file, open_own_file(path, {.write = false, .others = others}));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error(errno, "cannot open", path);
  return file_source(std::move(file), static_cast<std::uint64_t>(status.st_size), path);
}

bool stands_at(int fd, const std::string& path) {
  struct stat own {};
  struct stat found {};
  return ::fstat(fd, &own) == 0 && ::lstat(path.c_str(), &found) == 0 &&
         own.st_dev == found.st_dev && own.st_ino == found.st_ino;
}

}  // namespace bbz::io
