#include "bbz/access/push/store.h"

#include <unistd.h>

#include <cerrno>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/io/own_file.h"

namespace bbz::push {
namespace {

class FileStore final : public Store {
 public:
  FileStore(io::Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Status write(std::uint64_t offset, Bytes bytes) override {
    return io::pwrite_fully(fd_.get(), offset, bytes, path_);
  }

  Status read(std::uint64_t offset, MutableBytes out) override {
    while (!out.empty()) {
      const ssize_t got = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return io::system_error(errno, "cannot read", path_);
      if (got == 0) {
        return make_error(Code::kIo, "{}: ends at offset {}, expected {} more bytes", quoted(path_),
                          offset, out.size());
      }
      offset += static_cast<std::uint64_t>(got);
      out = out.subspan(static_cast<std::size_t>(got));
    }
    return {};
  }

  Status sync() override {
    if (::fdatasync(fd_.get()) == 0) return {};
    return io::system_error(errno, "cannot sync", path_);
  }

 private:
  io::Fd fd_;
  std::string path_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_file_store(const std::string& path) {
  BBZ_ASSIGN(io::Fd file, io::open_own_file(path, {.create = true}));
  return file_store(std::move(file), path);
}

std::unique_ptr<Store> file_store(io::Fd file, std::string name) {
  return std::make_unique<FileStore>(std::move(file), std::move(name));
}

}  // namespace bbz::push
