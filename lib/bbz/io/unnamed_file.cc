#include "bbz/io/unnamed_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "bbz/io/file_source.h"
#include "bbz/io/temporary.h"

namespace bbz::io {
namespace {

// A copy, which is as readable as the file that it was copied from.
class Copy final : public Source {
 public:
  Copy(std::unique_ptr<Source> copy, const std::optional<FileStatus>& original)
      : copy_(std::move(copy)), original_(original) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    return copy_->read_at(offset, out);
  }
  std::optional<std::uint64_t> size() const override { return copy_->size(); }
  bool seekable() const override { return copy_->seekable(); }
  std::optional<Bytes> view(std::uint64_t offset, std::size_t size) const override {
    return copy_->view(offset, size);
  }
  std::unique_ptr<Prefetch> prefetch(std::span<const ByteRange> ranges) override {
    return copy_->prefetch(ranges);
  }
  std::optional<FileStatus> file_status() const override { return original_; }
  std::string_view name() const override { return copy_->name(); }

 private:
  std::unique_ptr<Source> copy_;
  std::optional<FileStatus> original_;
};

}  // namespace

Result<Fd> create_unnamed_file(const std::string& folder) {
  Fd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory)
    return system_error(errno, "cannot create a temporary file in this directory", folder);
  BBZ_ASSIGN(Temporary file,
             Temporary::create(std::make_shared<const Fd>(std::move(directory)), folder));
  return file.release();
}

Result<std::unique_ptr<Source>> copy_to_disk(Source& source, const std::string& folder,
                                             const std::function<void(std::uint64_t)>& progress) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  BBZ_ASSIGN(Fd file, create_unnamed_file(folder));
  const ByteRange whole[] = {{0, source.size().value_or(0)}};
  const auto hint = source.prefetch(whole);
  std::vector<std::byte> piece(kPiece);
  std::uint64_t copied = 0;
  while (true) {
    BBZ_ASSIGN(const std::size_t size, read_up_to(source, copied, piece));
    if (size == 0) break;
    BBZ_TRY(pwrite_fully(file.get(), copied, Bytes(piece).first(size), "temporary file"));
    copied += size;
    if (progress) progress(copied);
  }
  std::unique_ptr<Source> copy = file_source(std::move(file), copied, std::string(source.name()));
  copy = std::make_unique<Copy>(std::move(copy), source.file_status());
  return copy;
}

}  // namespace bbz::io
