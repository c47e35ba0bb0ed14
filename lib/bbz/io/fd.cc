#include "bbz/io/fd.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "bbz/base/format.h"

namespace bbz::io {
namespace {

// On Linux, one call of write takes at most 2^31 - 4096 bytes.
constexpr std::size_t kLargestWrite = std::size_t{1} << 30;

template <class Write>
Status write_all(int fd, Bytes bytes, std::string_view name, Write&& write_some) {
  while (!bytes.empty()) {
    const ssize_t n = write_some(bytes.data(), std::min(bytes.size(), kLargestWrite));
    if (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_until_ready(fd, POLLOUT)))) continue;
    if (n < 0) return system_error(errno, "cannot write", name);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

void Fd::reset() {
  // Linux closes the descriptor even if close reports EINTR, so close must not be repeated.
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool wait_until_ready(int fd, short events) {
  ::pollfd polled{fd, events, 0};
  const int saved = errno;
  int ready = 0;
  do {
    ready = ::poll(&polled, 1, -1);
  } while (ready < 0 && errno == EINTR);
  errno = saved;
  return ready > 0;
}

Error system_error(int error_number, std::string_view action, std::string_view path) {
  Code code = Code::kIo;
  if (error_number == ENOENT) code = Code::kNotFound;
  if (error_number == EEXIST) code = Code::kExists;
  if (error_number == ENOTCONN) {
    return make_error(code, Remedy::kRemount,
                      "{}: {}: the process that serves the mounted file system has ended", path,
                      action);
  }
  return make_error(code, "{}: {}: {}", path, action, system_text(error_number));
}

std::string system_text(int error_number) {
  return std::generic_category().message(error_number);
}

Status write_fully(int fd, Bytes bytes, std::string_view name) {
  return write_all(fd, bytes, name,
                   [&](const void* p, std::size_t n) { return ::write(fd, p, n); });
}

Status pread_fully(int fd, std::uint64_t offset, MutableBytes out, std::string_view name) {
  while (!out.empty()) {
    const ssize_t n = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot read", name);
    if (n == 0) {
      return make_error(Code::kIo, "{}: {} bytes at offset {} are no longer there", name,
                        out.size(), offset);
    }
    out = out.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Status pwrite_fully(int fd, std::uint64_t offset, Bytes bytes, std::string_view name) {
  return write_all(fd, bytes, name, [&](const void* p, std::size_t n) {
    const ssize_t written = ::pwrite(fd, p, n, static_cast<off_t>(offset));
    if (written > 0) offset += static_cast<std::uint64_t>(written);
    return written;
  });
}

}  // namespace bbz::io
