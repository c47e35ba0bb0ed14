#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "bbz/base/format.h"
#include "bbz/base/glob.h"
#include "bbz/base/names.h"
#include "bbz/files/internal/directory.h"
#include "bbz/files/internal/format.h"
#include "bbz/files/internal/front.h"
#include "bbz/files/internal/tar.h"
#include "bbz/files/source_file.h"
#include "bbz/io/fd.h"

namespace bbz::files {
namespace {

// Shares a source, so that the sequence can check it after the file is gone.
class SharedSource final : public io::Source {
 public:
  explicit SharedSource(std::shared_ptr<io::Source> inner) : inner_(std::move(inner)) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    return inner_->read_at(offset, out);
  }
  std::optional<std::uint64_t> size() const override { return inner_->size(); }
  bool seekable() const override { return inner_->seekable(); }
  std::optional<io::FileStatus> file_status() const override { return inner_->file_status(); }
  Status check_unchanged() override { return inner_->check_unchanged(); }
  std::string_view name() const override { return inner_->name(); }

 private:
  std::shared_ptr<io::Source> inner_;
};

// A stream or a device as a sequence of one file, already laid out.
class SingleFile final : public FileSequence {
 public:
  explicit SingleFile(SourceFile file)
      : file_(std::move(file)), source_(std::move(file_->source)), size_(source_->size()) {
    file_->source = std::make_unique<SharedSource>(source_);
  }

  Result<std::optional<SourceFile>> next() override { return std::exchange(file_, std::nullopt); }
  std::optional<std::uint64_t> total_size() const override { return size_; }
  Status check_unchanged() override { return source_->check_unchanged(); }

 private:
  std::optional<SourceFile> file_;
  std::shared_ptr<io::Source> source_;
  std::optional<std::uint64_t> size_;
};

Result<std::unique_ptr<FileSequence>> open_single(std::unique_ptr<io::Source> source,
                                                  const std::string& path, const Options& options) {
  const std::string shown(source->name());
  BBZ_ASSIGN(SourceFile file, describe(std::move(source), path, shown, options));
  return std::unique_ptr<FileSequence>(std::make_unique<SingleFile>(std::move(file)));
}

}  // namespace

bool matches_path(const std::vector<std::string>& patterns, const std::string& path) {
  return std::ranges::any_of(patterns, [&](std::string pattern) {
    while (pattern.size() > 1 && pattern.ends_with('/')) pattern.pop_back();
    const bool whole = pattern.find('/') != std::string::npos;
    return matches_glob(pattern, whole ? path : path.substr(path.rfind('/') + 1));
  });
}

Status FileSequence::rewind() {
  return make_error(Code::kUnsupported, "a stream cannot be read twice");
}

Result<std::unique_ptr<FileSequence>> open_stream(std::unique_ptr<io::Source> stream,
                                                  const Options& options) {
  Front front(std::move(stream));
  BBZ_ASSIGN(const Bytes first,
             front.first(std::max<std::uint64_t>(kTarProbeSize, torch::kProbeBytes)));
  if (options.opaque || !is_tar(first)) return open_single(front.release(), "", options);
  if (!torch::looks_like_old_tar(first)) return open_tar(front.release(), options);
  // Any tar may begin so, and only a copy tells. If there can be none, it is a tar like others.
  const std::string shown(front.name());
  BBZ_ASSIGN(SourceFile file, describe(front.release(), "", shown, options));
  if (file.layout.format == "bytes") return open_tar(std::move(file.source), options);
  return std::unique_ptr<FileSequence>(std::make_unique<SingleFile>(std::move(file)));
}

Result<std::unique_ptr<FileSequence>> open(const std::string& path, const Options& options) {
  struct stat status {};
  if (path != "-" && ::stat(path.c_str(), &status) != 0) {
    return io::system_error(errno, "cannot open", path);
  }
  if (S_ISDIR(status.st_mode)) return open_directory(path, options);
  if (options.share.count != 1) {
    return make_error(Code::kInvalidArgument,
                      "{}: is not a directory, of which shares can be packed", shown_path(path));
  }
  if (path != "-" && S_ISREG(status.st_mode)) {
    return open_regular(path, status, options);
  }
  BBZ_ASSIGN(auto source, io::open_file(path));
  if (!source->seekable()) return open_stream(std::move(source), options);
  return open_single(std::move(source), path.substr(path.rfind('/') + 1), options);
}

}  // namespace bbz::files
