#include "bbz/source/directory.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/io/fd.h"
#include "bbz/source/format.h"

namespace bbz::source {
namespace {

struct Entry {
  std::string path;  // relative to the root
  SourceFile::Kind kind;
  std::uint64_t size = 0;
};

std::string join(const std::string& folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  return fmt::format("{}{}{}", folder, folder.back() == '/' ? "" : "/", name);
}

// The names in a folder, in any order.
Result<std::vector<std::string>> names_in(const std::string& folder, std::uint64_t most) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(folder.c_str()), ::closedir);
  if (!stream) return io::system_error(errno, "cannot open the directory", folder);
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr && errno != 0) {
      return io::system_error(errno, "cannot list the directory", folder);
    }
    if (entry == nullptr) return names;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == most) {
      return make_error(Code::kLimit, "{}: more than {} entries", folder, most);
    }
    names.emplace_back(name);
  }
}

std::string_view kind_name(mode_t mode) {
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "not a regular file";
}

class Walk {
 public:
  Walk(const std::string& root, const Options& options) : root_(root), options_(options) {}

  // Adds everything below the folder `path` of the root ("" for the root itself).
  Status descend(const std::string& path, const struct stat& status) {
    const std::pair identity(status.st_dev, status.st_ino);
    if (std::ranges::find(above_, identity) != above_.end()) {
      return make_error(Code::kInvalidArgument,
                        "{}: a symbolic link leads back to a folder above it", join(root_, path));
    }
    above_.push_back(identity);
    BBZ_ASSIGN(const auto names, names_in(join(root_, path), options_.max_files));
    if (names.empty() && !path.empty()) BBZ_TRY(add({path, SourceFile::Kind::kDirectory}));
    for (const std::string& name : names) BBZ_TRY(visit(join(path, name)));
    above_.pop_back();
    return {};
  }

  std::vector<Entry> take() {
    std::ranges::sort(entries_, {}, &Entry::path);
    return std::move(entries_);
  }

 private:
  Status visit(const std::string& path) {
    const std::string full = join(root_, path);
    BBZ_TRY(check_safe_path(path));
    struct stat status {};
    if (::stat(full.c_str(), &status) != 0) {
      const int error_number = errno;
      if (::lstat(full.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) {
        return make_error(Code::kInvalidArgument, "{}: a symbolic link that leads nowhere: {}",
                          full, error_text(error_number));
      }
      return io::system_error(error_number, "cannot read", full);
    }
    if (S_ISDIR(status.st_mode)) return descend(path, status);
    if (S_ISREG(status.st_mode)) {
      return add({path, SourceFile::Kind::kRegular, static_cast<std::uint64_t>(status.st_size)});
    }
    return make_error(Code::kInvalidArgument,
                      "{}: is {}; only regular files and folders can be packed", full,
                      kind_name(status.st_mode));
  }

  static std::string error_text(int error_number) {
    return error_number == ELOOP ? "too many links" : "no such file";
  }

  Status add(Entry entry) {
    if (entries_.size() == options_.max_files) {
      return make_error(Code::kLimit, "{}: more than {} files", root_, options_.max_files);
    }
    entries_.push_back(std::move(entry));
    return {};
  }

  const std::string& root_;
  const Options& options_;
  std::vector<std::pair<dev_t, ino_t>> above_;  // the folders from the root to where the walk is
  std::vector<Entry> entries_;
};

class DirectorySequence final : public FileSequence {
 public:
  DirectorySequence(std::string root, std::vector<Entry> entries, Options options)
      : root_(std::move(root)), entries_(std::move(entries)), options_(std::move(options)) {
    for (const Entry& entry : entries_) total_ += entry.size;
  }

  Result<std::optional<SourceFile>> next() override {
    if (position_ == entries_.size()) return std::optional<SourceFile>();
    const Entry& entry = entries_[position_++];
    SourceFile file;
    if (entry.kind == SourceFile::Kind::kDirectory) {
      file.kind = entry.kind;
      file.path = entry.path;
    } else {
      const std::string full = join(root_, entry.path);
      BBZ_ASSIGN(auto source, io::open_file(full));
      BBZ_ASSIGN(file, describe(std::move(source), entry.path, full, options_));
    }
    return std::optional(std::move(file));
  }
  std::optional<std::uint64_t> total_size() const override { return total_; }

 private:
  std::string root_;
  std::vector<Entry> entries_;
  Options options_;
  std::size_t position_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace

Result<std::unique_ptr<FileSequence>> open_directory(const std::string& root,
                                                     const Options& options) {
  struct stat status {};
  if (::stat(root.c_str(), &status) != 0) return io::system_error(errno, "cannot open", root);
  Walk walk(root, options);
  BBZ_TRY(walk.descend("", status));
  return std::unique_ptr<FileSequence>(
      std::make_unique<DirectorySequence>(root, walk.take(), options));
}

}  // namespace bbz::source
