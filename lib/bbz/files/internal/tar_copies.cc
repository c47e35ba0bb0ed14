#include "bbz/files/internal/tar_copies.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bbz/base/format.h"
#include "bbz/io/unnamed_file.h"

namespace bbz::files {

class TarCopies::Reader final : public io::Source {
 public:
  Reader(std::shared_ptr<File> file, Copy copy, std::string name)
      : file_(std::move(file)), copy_(copy), name_(std::move(name)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    if (offset >= copy_.size) return std::size_t{0};
    const std::size_t most =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), copy_.size - offset));
    while (true) {
      const ssize_t n =
          ::pread(file_->fd.get(), out.data(), most, static_cast<off_t>(copy_.offset + offset));
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) return io::system_error(errno, "cannot read its copy", name_);
    }
  }
  std::optional<std::uint64_t> size() const override { return copy_.size; }
  // Cannot seek, so that a link is laid out as the member was.
  bool seekable() const override { return false; }
  std::string_view name() const override { return name_; }

 private:
  std::shared_ptr<File> file_;
  Copy copy_;
  std::string name_;
};

void TarCopies::begin(const std::string& path, std::uint64_t size) {
  current_.reset();
  if (folder_.empty() || size > left_) return;
  if (file_ == nullptr) {
    auto opened = io::create_unnamed_file(folder_);
    if (!opened.ok()) return stop_copying();
    file_ = std::make_shared<File>(std::move(*opened), folder_ + "/(temporary file)");
  }
  left_ -= size;
  current_.emplace(path, Copy{file_->writer.written(), size});
  missing_ = size;
  append({});
}

void TarCopies::append(Bytes bytes) {
  if (!current_) return;
  if (bytes.size() > missing_ || !file_->writer.write(bytes).ok()) return stop_copying();
  missing_ -= bytes.size();
  if (missing_ != 0) return;
  copies_.insert(std::move(*current_));
  current_.reset();
}

void TarCopies::stop_copying() {
  folder_.clear();
  current_.reset();
}

Result<std::unique_ptr<io::Source>> TarCopies::link(const std::string& path,
                                                    const std::string& target, std::string name) {
  const auto found = copies_.find(target);
  if (found == copies_.end()) return std::unique_ptr<io::Source>();
  const Copy copy = found->second;
  copies_.emplace(path, copy);
  BBZ_TRY(file_->writer.flush());
  return std::unique_ptr<io::Source>(std::make_unique<Reader>(file_, copy, std::move(name)));
}

}  // namespace bbz::files
