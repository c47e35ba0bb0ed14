#include "bbz/io/file_version.h"

#include <cerrno>

#include "bbz/base/format.h"
#include "bbz/io/fd.h"

namespace bbz::io {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * kSecond + time.tv_nsec;
}

}  // namespace

FileVersion::FileVersion(const struct stat& status)
    : id(file_id(status)),
      size(static_cast<std::uint64_t>(status.st_size)),
      modified(nanoseconds(status.st_mtim)),
      changed(nanoseconds(status.st_ctim)) {}

Status check_same(const FileVersion& before, const FileVersion& now, std::string_view name) {
  if (before == now) return {};
  if (before.id != now.id) {
    return make_error(Code::kIo, "{}: was replaced by another file while it was read", name);
  }
  if (before.size != now.size) {
    return make_error(Code::kIo, "{}: changed while it was read, from {} to {} bytes", name,
                      before.size, now.size);
  }
  return make_error(Code::kIo, "{}: changed while it was read", name);
}

Status check_same(const FileVersion& before, const char* path, std::string_view name) {
  struct stat status {};
  if (::stat(path, &status) != 0) {
    return make_error(Code::kIo, "{}: was removed or replaced while it was read: {}", name,
                      system_text(errno));
  }
  return check_same(before, FileVersion(status), name);
}

}  // namespace bbz::io
