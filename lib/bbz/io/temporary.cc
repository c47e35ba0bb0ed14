#include "bbz/io/temporary.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "bbz/base/format.h"
#include "bbz/io/internal/leftovers.h"
#include "bbz/io/internal/registry.h"

namespace bbz::io {
namespace {

// What a new file is created with, so that this process can write it.
constexpr mode_t kWritable = 0600;

Error cancelled_error(const std::string& path) {
  return make_error(Code::kCancelled, "{}: interrupted", path);
}

std::string descriptor_path(int fd) {
  return fmt::format("/proc/self/fd/{}", fd);
}

// Returns whether an unnamed file can get a name later. That takes a mounted /proc, for the path of
// its descriptor, and a file system with links, which not all file systems in user space have.
bool can_be_named(int fd) {
  static std::atomic<dev_t> known{0};  // a device with files that can
  struct stat own {};
  if (::fstat(fd, &own) != 0) return false;
  if (own.st_dev == known) return true;
  struct statfs system {};
  if (::fstatfs(fd, &system) != 0 || system.f_type == FUSE_SUPER_MAGIC) return false;
  struct stat found {};
  if (::stat(descriptor_path(fd).c_str(), &found) != 0 || own.st_dev != found.st_dev ||
      own.st_ino != found.st_ino) {
    return false;
  }
  known = own.st_dev;
  return true;
}

// Renames without replacing an existing file. Returns 0 or an error number.
int rename_to_new(int directory, const char* from, const char* to) {
  // Some C libraries have no wrapper for this system call.
  if (::syscall(SYS_renameat2, directory, from, directory, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (::linkat(directory, from, directory, to, 0) == 0) {
    ::unlinkat(directory, from, 0);
    return 0;
  }
  if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  // Without hard links (FAT), only a check before the rename is possible.
  struct stat status {};
  if (::fstatat(directory, to, &status, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  return ::renameat(directory, from, directory, to) == 0 ? 0 : errno;
}

// Locks the file, so that no process takes it for a leftover. Returns false if a process that
// searches for leftovers has locked or removed it. Returns true if the file system has no locks,
// because then nothing is taken for a leftover.
bool lock(int fd) {
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;
  struct stat status {};
  return ::fstat(fd, &status) != 0 || status.st_nlink != 0;
}

bool choose_name(std::string& name) {
  std::uint64_t random = 0;
  while (::getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random)) {
    if (errno != EINTR) return false;
  }
  name = fmt::format(".bbz-{:016x}.tmp", random);
  return true;
}

}  // namespace

Temporary& Temporary::operator=(Temporary&& other) noexcept {
  if (this == &other) return *this;
  remove();
  directory_ = std::move(other.directory_);
  file_ = std::move(other.file_);
  name_ = std::exchange(other.name_, {});
  slot_ = std::exchange(other.slot_, -1);
  allowed_ = other.allowed_;
  group_ = other.group_;
  return *this;
}

Result<Temporary> Temporary::create(Directory directory, const std::string& path,
                                    std::uint32_t most) {
  remove_leftovers(directory->get());
  Temporary made;
  made.directory_ = std::move(directory);
  made.file_ =
      Fd(::openat(made.directory(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, most | kWritable));
  if (!made.file_ && (errno == EMFILE || errno == ENFILE || errno == ENOSPC || errno == EDQUOT)) {
    return system_error(errno, "cannot create a temporary file in its directory", path);
  }
  if (!made.file_ || !can_be_named(made.fd())) BBZ_TRY(made.create_named(path, most));
  struct stat status {};
  if (::fstat(made.fd(), &status) != 0) return system_error(errno, "cannot create", path);
  if (made.name_.empty()) made.allowed_ = status.st_mode & (most | kWritable);
  made.group_ = status.st_gid;
  if (is_cancelled()) return cancelled_error(path);
  return made;
}

Status Temporary::create_named(const std::string& path, std::uint32_t most) {
  // An empty file shows which permissions the umask, or the directory's access list, leaves. Its
  // name is not used again, because a process that takes it for a leftover would remove the new
  // file.
  BBZ_TRY(open_named(most | kWritable, path));
  struct stat status {};
  allowed_ = ::fstat(fd(), &status) == 0 ? status.st_mode & (most | kWritable) : kWritable;
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    BBZ_TRY(open_named(kWritable, path));
    if (lock(fd())) return {};
  }
  return make_error(Code::kIo, "{}: cannot lock a temporary file in its directory", path);
}

// Replaces the open file by a new one with a name.
Status Temporary::open_named(std::uint32_t mode, const std::string& path) {
  const Directory kept = directory_;
  remove();
  directory_ = kept;
  if (choose_name(name_)) {
    // The name is registered before the file exists, so a signal never finds an unregistered file.
    slot_ = register_temporary(directory(), name_);
    constexpr int kExclusive = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    file_ = Fd(::openat(directory(), name_.c_str(), kExclusive, mode));
    if (file_) return {};
  }
  const int error_number = errno;
  release_temporary(std::exchange(slot_, -1));
  name_.clear();
  return system_error(error_number, "cannot create a temporary file in its directory", path);
}

// Returns 0 or an error number.
int Temporary::link(const std::string& target) {
  const std::string own = descriptor_path(fd());
  return ::linkat(AT_FDCWD, own.c_str(), directory(), target.c_str(), AT_SYMLINK_FOLLOW) == 0
             ? 0
             : errno;
}

// Gives the file a temporary name, because only a rename, which needs a name, can replace a file.
int Temporary::replace_through_link(const std::string& target) {
  (void)lock(fd());
  if (!choose_name(name_)) return errno;
  slot_ = register_temporary(directory(), name_);
  if (const int error_number = link(name_)) {
    release_temporary(std::exchange(slot_, -1));
    name_.clear();
    return error_number;
  }
  return ::renameat(directory(), name_.c_str(), directory(), target.c_str()) == 0 ? 0 : errno;
}

void Temporary::try_owner(std::uint32_t user, std::uint32_t group) {
  if (::fchown(fd(), user, group) != 0) (void)!::fchown(fd(), static_cast<uid_t>(-1), group);
  struct stat status {};
  if (::fstat(fd(), &status) == 0) group_ = status.st_gid;
  if (group_ != group) allowed_ &= ~070u | (allowed_ & 07u) << 3;
}

Status Temporary::publish(const std::string& target, bool replace, const Permissions& permissions,
                          const std::string& path) {
  if (is_cancelled()) return cancelled_error(path);
  const std::uint32_t mode = permissions.mode_in(group_) & allowed_;
  if ((!name_.empty() || mode != allowed_) && ::fchmod(fd(), mode) != 0) {
    return system_error(errno, "cannot set the permissions", path);
  }
  // Some network file systems report write errors only on close. The lock stays, because it belongs
  // to both descriptors.
  if (const int copy = ::fcntl(fd(), F_DUPFD_CLOEXEC, 0); copy >= 0 && ::close(copy) != 0) {
    return system_error(errno, "cannot write to disk", path);
  }
  int error_number = 0;
  if (name_.empty()) {
    error_number = link(target);
    if (error_number == EEXIST && replace) error_number = replace_through_link(target);
  } else if (replace) {
    const int renamed = ::renameat(directory(), name_.c_str(), directory(), target.c_str());
    error_number = renamed == 0 ? 0 : errno;
  } else {
    error_number = rename_to_new(directory(), name_.c_str(), target.c_str());
  }
  if (error_number == 0) {
    release_temporary(std::exchange(slot_, -1));
    name_.clear();
  }
  remove();
  if (error_number == EEXIST) return make_error(Code::kExists, "{}: already exists", path);
  if (error_number != 0)
    return system_error(error_number, "cannot rename the temporary file to it", path);
  return {};
}

void Temporary::remove() {
  if (!name_.empty()) ::unlinkat(directory(), name_.c_str(), 0);
  name_.clear();
  release_temporary(std::exchange(slot_, -1));
  file_.reset();
  directory_.reset();
}

Fd Temporary::release() {
  Fd file = std::move(file_);
  const bool named = !name_.empty();
  remove();
  if (named) ::fchmod(file.get(), allowed_);
  return file;
}

Result<Directory> open_parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  Fd directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A directory that may be written to but not listed is enough, only its sync is left out.
  if (!directory && errno == EACCES) {
    directory = Fd(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  if (!directory) return system_error(errno, "cannot open its directory", path);
  return std::make_shared<const Fd>(std::move(directory));
}

}  // namespace bbz::io
