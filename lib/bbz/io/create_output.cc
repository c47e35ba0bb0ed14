#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "bbz/base/format.h"
#include "bbz/io/atomic_file.h"
#include "bbz/io/sink.h"

namespace bbz::io {
namespace {

bool is_stream(const struct stat& status) {
  return S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode);
}

bool is_trusted(uid_t owner) {
  return owner == 0 || owner == ::geteuid();
}

// Returns whether this process has a descriptor that can write to it, such as that of /dev/stdout,
// which a shell may have opened as another user.
bool is_held(const struct stat& status) {
  constexpr int kMostDescriptors = 256;
  for (int fd = 0; fd < kMostDescriptors; ++fd) {
    struct stat own {};
    if (::fstat(fd, &own) != 0 || !is_stream(own)) continue;
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_RDONLY) continue;
    if (own.st_dev == status.st_dev && own.st_ino == status.st_ino) return true;
  }
  return false;
}

// The object at a path, before it is opened for writing.
struct Place {
  Fd fd;
  struct stat status {};
};

// Opens the object at the path with O_PATH. Follows a link only if root or this user made it.
// Leaves `fd` empty if there is nothing, or a link that is not followed.
Result<Place> look(const std::string& path) {
  Place place;
  place.fd = Fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!place.fd) return place;
  if (::fstat(place.fd.get(), &place.status) != 0) return system_error(errno, "cannot open", path);
  if (!S_ISLNK(place.status.st_mode)) return place;
  const bool follow = is_trusted(place.status.st_uid);
  place.fd = follow ? Fd(::open(path.c_str(), O_PATH | O_CLOEXEC)) : Fd();
  if (place.fd && ::fstat(place.fd.get(), &place.status) != 0) {
    return system_error(errno, "cannot open", path);
  }
  return place;
}

// Opens the place for writing. Fails if another object is there now.
Result<Fd> open_for_writing(const Place& place, const std::string& path) {
  const std::string own = fmt::format("/proc/self/fd/{}", place.fd.get());
  Fd fd;
  do {
    fd = Fd(::open(own.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
    // Opens it by its name if there is no /proc. The result is compared below.
    if (!fd && errno == ENOENT) fd = Fd(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
  } while (!fd && errno == EINTR);
  if (!fd) return system_error(errno, "cannot open for writing", path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || status.st_dev != place.status.st_dev ||
      status.st_ino != place.status.st_ino) {
    return make_error(Code::kIo, "{}: was replaced while it was being opened", path);
  }
  return fd;
}

}  // namespace

Result<Fd> open_log(const std::string& path, const std::optional<FileStatus>& input) {
  constexpr int kAppend = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  Fd fd(::open(path.c_str(), kAppend | O_CREAT | O_NOFOLLOW, 0666));
  if (!fd && errno == ELOOP) {
    BBZ_ASSIGN(const Place place, look(path));
    if (place.fd) {
      fd = Fd(::open(fmt::format("/proc/self/fd/{}", place.fd.get()).c_str(), kAppend));
    }
  }
  if (!fd) return system_error(errno, "cannot write", path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return system_error(errno, "cannot write", path);
  if (!is_trusted(status.st_uid) && !(is_stream(status) && is_held(status))) {
    return make_error(Code::kIo, "{}: belongs to another user, so nothing is written to it", path);
  }
  if (input && input->id == file_id(status)) {
    return make_error(Code::kInvalidArgument,
                      "{}: is a file that is being read, so nothing is written to it", path);
  }
  (void)::fcntl(fd.get(), F_SETFL, O_APPEND);  // later writes of messages may block
  return fd;
}

Result<std::unique_ptr<Sink>> create_output(const std::string& path, const OutputOptions& options) {
  if (path == "-") return pipe_sink(STDOUT_FILENO, Ownership::kBorrowed, "standard output");
  BBZ_ASSIGN(const Place place, look(path));
  if (place.fd && is_stream(place.status)) {
    if (!is_trusted(place.status.st_uid) && !is_held(place.status)) {
      return make_error(Code::kIo, "{}: is {} of another user, who could read what is written",
                        path, S_ISFIFO(place.status.st_mode) ? "a FIFO" : "a device");
    }
    BBZ_ASSIGN(Fd fd, open_for_writing(place, path));
    return pipe_sink(fd.release(), Ownership::kOwned, path);
  }
  BBZ_ASSIGN(auto file, AtomicFile::create(path, options));
  return std::unique_ptr<Sink>(std::move(file));
}

}  // namespace bbz::io
