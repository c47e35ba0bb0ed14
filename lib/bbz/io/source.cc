#include "bbz/io/source.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "bbz/base/format.h"
#include "bbz/io/fd.h"
#include "bbz/io/file_source.h"

namespace bbz::io {
namespace {

constexpr std::size_t kLargestRead = std::size_t{1} << 30;
constexpr std::uint64_t kLargestOffset = std::numeric_limits<off_t>::max();

std::optional<FileVersion> version_of_regular(const struct stat& status) {
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return FileVersion(status);
}

Status check_open_file(int fd, const FileVersion& before, std::string_view name) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return system_error(errno, "cannot stat", name);
  return check_same(before, FileVersion(status), name);
}

class FileSource final : public Source {
 public:
  // `version` is that of a regular file when it was opened. `path` is its path, or empty if it
  // was not opened by one.
  FileSource(Fd fd, std::uint64_t size, std::string name, std::optional<FileVersion> version = {},
             std::string path = {})
      : fd_(std::move(fd)),
        size_(size),
        name_(std::move(name)),
        version_(version),
        path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    if (offset > kLargestOffset) return std::size_t{0};
    while (true) {
      const ssize_t n = ::pread(fd_.get(), out.data(), std::min(out.size(), kLargestRead),
                                static_cast<off_t>(offset));
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) return system_error(errno, "cannot read", name_);
    }
  }
  std::optional<std::uint64_t> size() const override { return size_; }
  bool seekable() const override { return true; }
  std::optional<FileStatus> file_status() const override { return file_status_of(fd_.get()); }
  Status check_unchanged() override {
    if (!version_) return {};
    BBZ_TRY(check_open_file(fd_.get(), *version_, name_));
    return path_.empty() ? Status() : check_same(*version_, path_.c_str(), name_);
  }
  std::string_view name() const override { return name_; }

 private:
  Fd fd_;
  std::uint64_t size_;
  std::string name_;
  std::optional<FileVersion> version_;
  std::string path_;
};

class MemorySource final : public Source {
 public:
  MemorySource(Bytes bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}
  MemorySource(std::vector<std::byte>&& bytes, std::string name)
      : owned_(std::move(bytes)), bytes_(owned_), name_(std::move(name)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    if (offset >= bytes_.size()) return std::size_t{0};
    const Bytes from = bytes_.subspan(offset).first(std::min(out.size(), bytes_.size() - offset));
    std::ranges::copy(from, out.begin());
    return from.size();
  }
  std::optional<std::uint64_t> size() const override { return bytes_.size(); }
  bool seekable() const override { return true; }
  std::optional<Bytes> view(std::uint64_t offset, std::size_t size) const override {
    if (offset > bytes_.size() || size > bytes_.size() - offset) return std::nullopt;
    return bytes_.subspan(offset, size);
  }
  std::string_view name() const override { return name_; }

 private:
  std::vector<std::byte> owned_;
  Bytes bytes_;
  std::string name_;
};

class MappedSource final : public Source {
 public:
  MappedSource(void* base, std::size_t size, std::unique_ptr<Source> file)
      : base_(base), size_(size), file_(std::move(file)) {}
  ~MappedSource() override {
    if (base_ != nullptr) ::munmap(base_, size_);
  }
  MappedSource(const MappedSource&) = delete;
  MappedSource& operator=(const MappedSource&) = delete;

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    return file_->read_at(offset, out);
  }
  std::optional<std::uint64_t> size() const override { return size_; }
  bool seekable() const override { return true; }
  std::optional<Bytes> view(std::uint64_t offset, std::size_t size) const override {
    if (offset > size_ || size > size_ - offset) return std::nullopt;
    return Bytes(static_cast<const std::byte*>(base_), size_).subspan(offset, size);
  }
  std::optional<FileStatus> file_status() const override { return file_->file_status(); }
  Status check_unchanged() override { return file_->check_unchanged(); }
  std::string_view name() const override { return file_->name(); }

 private:
  void* base_;  // null for an empty file, which cannot be mapped
  std::size_t size_;
  std::unique_ptr<Source> file_;
};

class PipeSource final : public Source {
 public:
  PipeSource(int fd, Ownership ownership, std::string name)
      : fd_(fd), owned_(ownership == Ownership::kOwned ? fd : -1), name_(std::move(name)) {
    struct stat status {};
    if (::fstat(fd, &status) == 0) version_ = version_of_regular(status);
  }

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    if (offset != position_) {
      return make_error(
          Code::kInvalidArgument,
          "{}: cannot seek to offset {}: a stream is read in order, and the position is {}", name_,
          offset, position_);
    }
    while (true) {
      const ssize_t n = ::read(fd_, out.data(), std::min(out.size(), kLargestRead));
      if (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_until_ready(fd_, POLLIN)))) continue;
      if (n < 0) return system_error(errno, "cannot read", name_);
      position_ += static_cast<std::uint64_t>(n);
      return static_cast<std::size_t>(n);
    }
  }
  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  bool seekable() const override { return false; }
  std::optional<FileStatus> file_status() const override { return file_status_of(fd_); }
  Status check_unchanged() override {
    return version_ ? check_open_file(fd_, *version_, name_) : Status();
  }
  std::string_view name() const override { return name_; }

 private:
  int fd_;
  Fd owned_;
  std::uint64_t position_ = 0;
  std::string name_;
  std::optional<FileVersion> version_;  // of a regular file, such as that of "< file" in a shell
};

class PrefixedSource final : public Source {
 public:
  PrefixedSource(std::vector<std::byte> prefix, std::unique_ptr<Source> rest)
      : prefix_(std::move(prefix)), rest_(std::move(rest)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    if (offset >= prefix_.size()) return rest_->read_at(offset, out);
    const Bytes from =
        Bytes(prefix_).subspan(offset).first(std::min(out.size(), prefix_.size() - offset));
    std::ranges::copy(from, out.begin());
    return from.size();
  }
  std::optional<std::uint64_t> size() const override { return rest_->size(); }
  bool seekable() const override { return rest_->seekable(); }
  std::optional<FileStatus> file_status() const override { return rest_->file_status(); }
  Status check_unchanged() override { return rest_->check_unchanged(); }
  std::string_view name() const override { return rest_->name(); }

 private:
  std::vector<std::byte> prefix_;
  std::unique_ptr<Source> rest_;
};

struct OpenedFile {
  Fd fd;
  struct stat status {};
};

Result<OpenedFile> open_for_reading(const std::string& path) {
  OpenedFile file;
  do {
    file.fd = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  } while (!file.fd && errno == EINTR);
  if (!file.fd) return system_error(errno, "cannot open", path);
  if (::fstat(file.fd.get(), &file.status) != 0) return system_error(errno, "cannot open", path);
  return file;
}

}  // namespace

Result<std::size_t> read_up_to(Source& source, std::uint64_t offset, MutableBytes out) {
  std::size_t done = 0;
  while (done < out.size()) {
    BBZ_ASSIGN(const std::size_t n, source.read_at(offset + done, out.subspan(done)));
    if (n == 0) break;
    done += n;
  }
  return done;
}

Status read_exactly(Source& source, std::uint64_t offset, MutableBytes out) {
  BBZ_ASSIGN(const std::size_t found, read_up_to(source, offset, out));
  if (found < out.size()) {
    return make_error(Code::kTruncated, "{}: ends at offset {}: expected {} bytes at {}, found {}",
                      source.name(), offset + found, out.size(), offset, found);
  }
  return {};
}

std::unique_ptr<Source> file_source(Fd fd, std::uint64_t size, std::string name) {
  return std::make_unique<FileSource>(std::move(fd), size, std::move(name));
}

std::unique_ptr<Source> file_source(Fd fd, const FileVersion& version, std::string name) {
  return std::make_unique<FileSource>(std::move(fd), version.size, std::move(name), version);
}

Result<std::unique_ptr<Source>> open_file(const std::string& path) {
  if (path == "-") return pipe_source(STDIN_FILENO, Ownership::kBorrowed, "standard input");
  BBZ_ASSIGN(OpenedFile file, open_for_reading(path));
  const mode_t mode = file.status.st_mode;
  if (S_ISFIFO(mode) || S_ISCHR(mode)) {
    return pipe_source(file.fd.release(), Ownership::kOwned, path);
  }
  if (S_ISDIR(mode)) return system_error(EISDIR, "cannot read", path);
  off_t size = file.status.st_size;
  if (!S_ISREG(mode)) size = ::lseek(file.fd.get(), 0, SEEK_END);  // a block device
  if (size < 0) return system_error(errno, "cannot get the size", path);
  return std::unique_ptr<Source>(
      std::make_unique<FileSource>(std::move(file.fd), static_cast<std::uint64_t>(size), path,
                                   version_of_regular(file.status), path));
}

Result<std::unique_ptr<Source>> map_file(const std::string& path, Access access) {
  BBZ_ASSIGN(OpenedFile file, open_for_reading(path));
  if (!S_ISREG(file.status.st_mode)) {
    return make_error(Code::kInvalidArgument, "{}: cannot map into memory: not a regular file",
                      path);
  }
  const auto size = static_cast<std::size_t>(file.status.st_size);
  void* base = nullptr;
  if (size != 0) {
    base = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.fd.get(), 0);
    if (base == MAP_FAILED) return system_error(errno, "cannot map into memory", path);
    // A hint only: if the system ignores it, the bytes are the same.
    (void)::madvise(base, size, access == Access::kSequential ? MADV_SEQUENTIAL : MADV_RANDOM);
  }
  auto reads = std::make_unique<FileSource>(std::move(file.fd), size, path,
                                            version_of_regular(file.status), path);
  return std::unique_ptr<Source>(std::make_unique<MappedSource>(base, size, std::move(reads)));
}

std::unique_ptr<Source> memory_source(Bytes bytes, std::string name) {
  return std::make_unique<MemorySource>(bytes, std::move(name));
}

std::unique_ptr<Source> memory_source(std::vector<std::byte>&& bytes, std::string name) {
  return std::make_unique<MemorySource>(std::move(bytes), std::move(name));
}

std::unique_ptr<Source> pipe_source(int fd, Ownership ownership, std::string name) {
  return std::make_unique<PipeSource>(fd, ownership, std::move(name));
}

std::unique_ptr<Source> prefixed_source(std::vector<std::byte> prefix,
                                        std::unique_ptr<Source> rest) {
  return std::make_unique<PrefixedSource>(std::move(prefix), std::move(rest));
}

}  // namespace bbz::io
