#include "bbz/io/fd_writer.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "bbz/base/format.h"

namespace bbz::io {
namespace {

// Small pieces, such as headers and records, are buffered. Payloads of chunks are written directly.
constexpr std::size_t kBufferSize = std::size_t{1} << 16;

// Outputs up to this size do not reserve disk space: a full disk is reported soon enough, and
// reserving makes many small files slower.
constexpr std::uint64_t kSmall = std::uint64_t{1} << 20;

// Returns whether the file system fills reserved space with zeros, which costs as much as writing.
bool fills_what_it_takes(int fd) {
  struct statfs status {};
  return ::fstatfs(fd, &status) == 0 && status.f_type == TMPFS_MAGIC;
}

}  // namespace

Status check_written(std::string_view name, std::uint64_t written, std::uint64_t offset,
                     std::size_t size, std::string_view action) {
  if (offset > written || size > written - offset) {
    return make_error(Code::kInvalidArgument,
                      "{}: cannot {} {} bytes at offset {}: only {} bytes were written", name,
                      action, size, offset, written);
  }
  return {};
}

Status FdWriter::keep(Status status) {
  if (!status.ok()) failure_ = status;
  return status;
}

Status FdWriter::write(Bytes bytes) {
  BBZ_TRY(failure_);
  if (buffer_.size() + bytes.size() > kBufferSize) BBZ_TRY(flush());
  if (bytes.size() >= kBufferSize) {
    BBZ_TRY(keep(write_fully(fd_, bytes, name_)));
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
  written_ += bytes.size();
  return {};
}

Status FdWriter::flush() {
  BBZ_TRY(failure_);
  BBZ_TRY(keep(write_fully(fd_, buffer_, name_)));
  buffer_.clear();
  return {};
}

Status FdWriter::patch(std::uint64_t offset, Bytes bytes) {
  BBZ_TRY(check_written(name_, written_, offset, bytes.size(), "patch"));
  BBZ_TRY(flush());
  return keep(pwrite_fully(fd_, offset, bytes, name_));
}

Status FdWriter::read(std::uint64_t offset, MutableBytes out) {
  BBZ_TRY(check_written(name_, written_, offset, out.size(), "read"));
  BBZ_TRY(flush());
  return pread_fully(fd_, offset, out, name_);
}

Status FdWriter::check_longer(std::uint64_t size) const {
  if (size >= written_ && size <= std::numeric_limits<off_t>::max()) return {};
  return make_error(Code::kInvalidArgument, "{}: cannot extend {} bytes to {}", name_, written_,
                    size);
}

Status FdWriter::extend(std::uint64_t size) {
  BBZ_TRY(check_longer(size));
  BBZ_TRY(flush());
  const auto end = static_cast<off_t>(size);
  if (::ftruncate(fd_, end) != 0 || ::lseek(fd_, end, SEEK_SET) < 0) {
    return keep(system_error(errno, "cannot extend", name_));
  }
  written_ = size;
  return {};
}

Status FdWriter::reserve(std::uint64_t size) {
  BBZ_TRY(check_longer(size));
  BBZ_TRY(flush());
  if (size - written_ > kSmall && !fills_what_it_takes(fd_)) {
    int taken = 0;
    do {
      taken =
          ::fallocate(fd_, 0, static_cast<off_t>(written_), static_cast<off_t>(size - written_));
    } while (taken != 0 && errno == EINTR);
    // Ignores any other error: the file system cannot reserve space, and need not.
    if (taken != 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
      return keep(system_error(errno, "cannot reserve space", name_));
    }
  }
  return extend(size);
}

Status FdWriter::place(std::uint64_t offset, Bytes bytes) {
  BBZ_TRY(check_written(name_, written_, offset, bytes.size(), "patch"));
  {
    const std::lock_guard lock(placing_);
    BBZ_TRY(failure_);
  }
  Status placed = pwrite_fully(fd_, offset, bytes, name_);
  if (placed.ok()) return {};
  const std::lock_guard lock(placing_);
  return keep(std::move(placed));
}

}  // namespace bbz::io
