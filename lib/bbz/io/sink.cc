#include "bbz/io/sink.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "bbz/base/format.h"
#include "bbz/io/fd_sink.h"

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

Status check_patch(std::string_view name, std::uint64_t written, std::uint64_t offset,
                   std::size_t size) {
  if (offset > written || size > written - offset) {
    return make_error(Code::kInvalidArgument,
                      "{}: cannot patch {} bytes at offset {}: only {} were written", name, size,
                      offset, written);
  }
  return {};
}

class MemorySink final : public Sink {
 public:
  MemorySink(std::vector<std::byte>& out, std::string name)
      : out_(out), start_(out.size()), name_(std::move(name)) {}

  Status write(Bytes bytes) override {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return {};
  }
  Status finish() override { return {}; }
  bool can_patch() const override { return true; }
  Status patch(std::uint64_t offset, Bytes bytes) override {
    BBZ_TRY(check_patch(name_, written(), offset, bytes.size()));
    std::ranges::copy(bytes, out_.begin() + static_cast<std::ptrdiff_t>(start_ + offset));
    return {};
  }
  std::uint64_t written() const override { return out_.size() - start_; }
  std::string_view name() const override { return name_; }

 private:
  std::vector<std::byte>& out_;
  std::size_t start_;
  std::string name_;
};

class PipeSink final : public Sink {
 public:
  PipeSink(int fd, Ownership ownership, std::string name)
      : owned_(ownership == Ownership::kOwned ? fd : -1), writer_(fd, std::move(name)) {}

  Status write(Bytes bytes) override { return writer_.write(bytes); }
  Status finish() override { return writer_.flush(); }
  std::uint64_t written() const override { return writer_.written(); }
  std::string_view name() const override { return writer_.name(); }

 private:
  Fd owned_;
  FdWriter writer_;
};

}  // namespace

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
  BBZ_TRY(check_patch(name_, written_, offset, bytes.size()));
  BBZ_TRY(flush());
  return keep(pwrite_fully(fd_, offset, bytes, name_));
}

Status FdWriter::check_longer(std::uint64_t size) const {
  if (size >= written_ && size <= std::numeric_limits<off_t>::max()) return {};
  return make_error(Code::kInvalidArgument, "{}: cannot lengthen {} bytes to {}", name_, written_,
                    size);
}

Status FdWriter::extend(std::uint64_t size) {
  BBZ_TRY(check_longer(size));
  BBZ_TRY(flush());
  const auto end = static_cast<off_t>(size);
  if (::ftruncate(fd_, end) != 0 || ::lseek(fd_, end, SEEK_SET) < 0) {
    return keep(system_error(errno, "cannot lengthen", name_));
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
      return keep(system_error(errno, "cannot make room", name_));
    }
  }
  return extend(size);
}

Status FdWriter::place(std::uint64_t offset, Bytes bytes) {
  BBZ_TRY(check_patch(name_, written_, offset, bytes.size()));
  const Status placed = pwrite_fully(fd_, offset, bytes, name_);
  if (!placed.ok()) {
    const std::lock_guard lock(placing_);
    return keep(placed);
  }
  return {};
}

Status Sink::patch(std::uint64_t offset, Bytes bytes) {
  return make_error(Code::kUnsupported, "{}: cannot patch {} bytes at offset {}: it cannot seek",
                    name(), bytes.size(), offset);
}

Status Sink::extend(std::uint64_t size) {
  return make_error(Code::kUnsupported, "{}: cannot be lengthened to {} bytes: it is no file",
                    name(), size);
}

Status Sink::reserve(std::uint64_t size) {
  return make_error(Code::kUnsupported, "{}: cannot make room for {} bytes: it is no file", name(),
                    size);
}

Status Sink::place(std::uint64_t offset, Bytes bytes) {
  return make_error(Code::kUnsupported, "{}: cannot place {} bytes at offset {}: it is no file",
                    name(), bytes.size(), offset);
}

std::unique_ptr<Sink> memory_sink(std::vector<std::byte>& out, std::string name) {
  return std::make_unique<MemorySink>(out, std::move(name));
}

std::unique_ptr<Sink> pipe_sink(int fd, Ownership ownership, std::string name) {
  return std::make_unique<PipeSink>(fd, ownership, std::move(name));
}

Status add_input(Sink& sink, const Source& source) {
  const std::optional<FileStatus> status = source.file_status();
  return status ? sink.add_input(*status) : Status();
}

}  // namespace bbz::io
