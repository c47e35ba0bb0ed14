#include <sys/stat.h>

#include <cerrno>

#include "bbz/io/fd.h"
#include "bbz/source/directory.h"
#include "bbz/source/format.h"
#include "bbz/source/front.h"
#include "bbz/source/source_file.h"
#include "bbz/source/tar.h"

namespace bbz::source {
namespace {

// One file, already described.
class SingleFile final : public FileSequence {
 public:
  explicit SingleFile(SourceFile file) : file_(std::move(file)), size_(file_->source->size()) {}

  Result<std::optional<SourceFile>> next() override { return std::exchange(file_, std::nullopt); }
  std::optional<std::uint64_t> total_size() const override { return size_; }

 private:
  std::optional<SourceFile> file_;
  std::optional<std::uint64_t> size_;
};

Result<std::unique_ptr<FileSequence>> open_single(std::unique_ptr<io::Source> source,
                                                  const std::string& path, const Options& options) {
  const std::string shown(source->name());
  BBZ_ASSIGN(SourceFile file, describe(std::move(source), path, shown, options));
  return std::unique_ptr<FileSequence>(std::make_unique<SingleFile>(std::move(file)));
}

}  // namespace

Result<std::unique_ptr<FileSequence>> open_stream(std::unique_ptr<io::Source> stream,
                                                  const Options& options) {
  Front front(std::move(stream));
  BBZ_ASSIGN(const Bytes first, front.first(kTarProbeSize));
  const bool tar = !options.opaque && is_tar(first);
  if (tar) return open_tar(front.release(), options);
  return open_single(front.release(), "", options);
}

Result<std::unique_ptr<FileSequence>> open(const std::string& path, const Options& options) {
  struct stat status {};
  if (path != "-" && ::stat(path.c_str(), &status) != 0) {
    return io::system_error(errno, "cannot open", path);
  }
  if (S_ISDIR(status.st_mode)) return open_directory(path, options);
  BBZ_ASSIGN(auto source, io::open_file(path));
  if (!source->seekable()) return open_stream(std::move(source), options);
  return open_single(std::move(source), path.substr(path.rfind('/') + 1), options);
}

}  // namespace bbz::source
