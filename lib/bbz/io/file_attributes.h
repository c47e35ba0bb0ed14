// FileAttributes: the permissions and the modification time of a file, as they are recorded and
// restored. FileStatus (file_status.h) says who may read a file of this machine.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bbz/base/error.h"

namespace bbz::io {

// A point in time, as POSIX counts it.
struct FileTime {
  std::int64_t seconds = 0;       // since 1970-01-01 00:00 UTC; negative before that
  std::uint32_t nanoseconds = 0;  // after that second, below kSecond

  // The nanoseconds of a second.
  static constexpr std::uint32_t kSecond = 1'000'000'000;

  // Returns whether both are the same time.
  friend bool operator==(const FileTime&, const FileTime&) = default;
};

// What is known, or is to be restored, of a file or directory beside its path and its content.
struct FileAttributes {
  // The permission bits of owner, group and others, at most kPermissions: never setuid or the like.
  std::optional<std::uint32_t> mode{};
  std::optional<FileTime> time{};  // of the last modification

  // All bits that `mode` may have.
  static constexpr std::uint32_t kPermissions = 0777;

  // Returns whether nothing is known.
  bool empty() const { return !mode && !time; }
  // Returns those of them that are asked for.
  FileAttributes only(bool modes, bool times) const {
    return {modes ? mode : std::nullopt, times ? time : std::nullopt};
  }
  // Returns whether all members are equal.
  friend bool operator==(const FileAttributes&, const FileAttributes&) = default;
};

// Returns the attributes of what stat(2) describes.
FileAttributes attributes_of(const struct stat& status);

// Checks that attributes are within their bounds. `path` is for messages. Errors: kMalformed.
Status check_attributes(const FileAttributes& attributes, std::string_view path);

// Sets the modification time of an open file or directory. `path` is for messages. Errors: kIo if
// the system refuses it, or if the file system cannot hold it.
Status set_time(int fd, const FileTime& time, const std::string& path);

}  // namespace bbz::io
