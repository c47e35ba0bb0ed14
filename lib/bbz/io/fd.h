// File descriptors: their ownership, and system calls whose errors name the path.
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

// Owns a descriptor, which the destructor closes, or none.
class Fd {
 public:
  Fd() = default;
  // Takes ownership of a descriptor. A negative number means none.
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }
  // Takes the descriptor of `other`, which has none afterwards.
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  // Closes the descriptor and takes that of `other`, which has none afterwards.
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  // Returns the descriptor, or a negative number if there is none.
  int get() const { return fd_; }
  // Returns whether there is a descriptor.
  explicit operator bool() const { return fd_ >= 0; }
  // Gives the descriptor to the caller, who must close it.
  int release() { return std::exchange(fd_, -1); }
  // Closes the descriptor, if there is one. Errors of close(2) are lost.
  void reset();

 private:
  int fd_ = -1;
};

// Returns an error of kind kIo (kNotFound for ENOENT, kExists for EEXIST) that names the path, the
// action that failed, such as "cannot open", and the system's text for `error_number`. For ENOTCONN
// it explains that a mount has lost its process, and sets Remedy::kRemount.
Error system_error(int error_number, std::string_view action, std::string_view path);

// Returns the system's text for an error number.
std::string system_text(int error_number);

// Waits until a non-blocking descriptor can be read (POLLIN) or written (POLLOUT), or has failed,
// so that a call that gave EAGAIN can be repeated. Returns false if the system cannot wait. Keeps
// errno.
bool wait_until_ready(int fd, short events);

// Writes all of `bytes` at the descriptor's position. Continues after short writes, interruptions
// and EAGAIN. `name` is for messages. Errors: as system_error().
Status write_fully(int fd, Bytes bytes, std::string_view name);

// Writes all of `bytes` at an offset of a file, and leaves its position unchanged. Errors: as
// write_fully().
Status pwrite_fully(int fd, std::uint64_t offset, Bytes bytes, std::string_view name);

// Reads all of `out` from an offset of a file, and leaves its position unchanged. Errors: as
// system_error(); kIo if the file ends before.
Status pread_fully(int fd, std::uint64_t offset, MutableBytes out, std::string_view name);

// Opens a file, FIFO or device to append messages to. Creates a missing file. Follows a link only
// if root or this user made it, and does not wait for a reader of a FIFO. Errors:
// - kIo if it belongs to another user or cannot be opened; kNotFound if the directory is missing;
// - kInvalidArgument if it is `input`.
Result<Fd> open_log(const std::string& path, const std::optional<FileStatus>& input);

}  // namespace bbz::io
