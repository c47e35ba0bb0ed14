#include "bbz/io/file_attributes.h"

#include <cerrno>
#include <ctime>
#include <limits>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/io/fd.h"

namespace bbz::io {
namespace {

// File systems round times down, the coarsest to two seconds.
constexpr std::uint64_t kCoarsest = 2;

std::uint64_t bits(std::int64_t seconds) {
  return static_cast<std::uint64_t>(seconds);
}

}  // namespace

FileAttributes attributes_of(const struct stat& status) {
  FileAttributes found;
  found.mode = status.st_mode & FileAttributes::kPermissions;
  const auto nanoseconds = static_cast<std::uint64_t>(status.st_mtim.tv_nsec);
  if (nanoseconds < FileTime::kSecond) {
    found.time = {status.st_mtim.tv_sec, static_cast<std::uint32_t>(nanoseconds)};
  }
  return found;
}

Status check_attributes(const FileAttributes& attributes, std::string_view path) {
  const auto& [mode, time] = attributes;
  if (mode && *mode > FileAttributes::kPermissions) {
    return make_error(Code::kMalformed, "file {}: permissions {:o}, the most are {:o}",
                      bbz::quoted(path), *mode, FileAttributes::kPermissions);
  }
  if (time && time->nanoseconds >= FileTime::kSecond) {
    return make_error(Code::kMalformed, "file {}: a time with {} nanoseconds, expected below {}",
                      bbz::quoted(path), time->nanoseconds, FileTime::kSecond);
  }
  return {};
}

Status set_time(int fd, const FileTime& time, const std::string& path) {
  if (time.seconds >= std::numeric_limits<time_t>::min() &&
      time.seconds <= std::numeric_limits<time_t>::max()) {
    timespec times[2]{};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = static_cast<time_t>(time.seconds);
    times[1].tv_nsec = static_cast<long>(time.nanoseconds);
    if (::futimens(fd, times) != 0) {
      return system_error(errno, "cannot set the modification time", path);
    }
    // Systems set the nearest time that the file system can hold, without an error.
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
      return system_error(errno, "cannot set the modification time", path);
    }
    const std::int64_t found = status.st_mtim.tv_sec;
    if (found <= time.seconds && bits(time.seconds) - bits(found) < kCoarsest) return {};
  }
  return make_error(Code::kIo,
                    "{}: cannot set the modification time: the file system cannot hold {} seconds "
                    "since 1970",
                    path, time.seconds);
}

}  // namespace bbz::io
