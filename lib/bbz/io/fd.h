// File descriptors: ownership, and system calls as errors that name the path.
// Installed because io/atomic_file.h and io/output_tree.h need it; not meant to be used on its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/io/file_status.h"

namespace bbz::io {

// A descriptor that is closed at the end of its scope.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// kIo (kNotFound for ENOENT, kExists for EEXIST) with what was tried, on what path, and the
// system's words for `error_number`; for ENOTCONN, which says little, with what it means of a file.
Error system_error(int error_number, std::string_view action, std::string_view path);

// The system's words for an error number.
std::string system_text(int error_number);

// Waits until a descriptor that does not block can be read from (POLLIN) or written to (POLLOUT),
// or has failed, so that the call that gave EAGAIN can be made again. False, with errno as it was,
// if the system cannot wait.
bool wait_until_ready(int fd, short events);

// Writes all of `bytes` at the descriptor's position, over short writes, interruptions and EAGAIN.
Status write_fully(int fd, Bytes bytes, std::string_view name);

// The same at a given offset of a file.
Status pwrite_fully(int fd, std::uint64_t offset, Bytes bytes, std::string_view name);

// Opens a file to append messages to, which is created if it is missing, or a FIFO or device. A link
// is followed only if root or this user made it, and nothing is waited for. Errors: kIo if what is
// there belongs to another user or cannot be opened; kInvalidArgument if it is `input`.
Result<Fd> open_log(const std::string& path, const std::optional<FileStatus>& input);

}  // namespace bbz::io
