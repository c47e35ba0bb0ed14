#include "bbz/io/output_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/io/file_source.h"

namespace bbz::io {
namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr std::size_t kMostRemembered = 10'000;

// Returns the reason why `name` could not be opened as a directory.
Error not_a_directory(int directory, const std::string& name, int error_number,
                      std::string_view path) {
  struct stat status {};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISLNK(status.st_mode)) {
      return make_error(Code::kUnsafePath, "{}: is a symbolic link, which is not followed", path);
    }
    if (!S_ISDIR(status.st_mode)) {
      return make_error(Code::kExists, "{}: already exists and is not a directory", path);
    }
  }
  return system_error(error_number, "cannot open the directory", path);
}

// Opens the subdirectory `name`, and creates it if it is missing. Never follows a link.
Result<Fd> enter(int directory, const std::string& name, std::string_view path, bool& created) {
  created = ::mkdirat(directory, name.c_str(), 0777) == 0;
  if (!created && errno != EEXIST) {
    return system_error(errno, "cannot create the directory", path);
  }
  Fd opened(::openat(directory, name.c_str(), kOpenDirectory | O_NOFOLLOW));
  if (!opened) return not_a_directory(directory, name, errno, path);
  return opened;
}

// Returns the parent of a path, which is "" for the root, and its last component.
std::pair<std::string_view, std::string_view> split(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// Opens an existing directory, without following links. Returns no descriptor if that fails. If the
// directory is the parent of `last`, the one that was opened before, it is reached from there.
Fd open_again(int root, std::string_view path, Fd last, std::string_view last_path) {
  const auto [above_last, name] = split(last_path);
  if (last && above_last == path && !last_path.empty()) {
    Fd up(::openat(last.get(), "..", kOpenDirectory));
    struct stat expected {};
    struct stat found {};
    if (up && ::fstat(last.get(), &expected) == 0 &&
        ::fstatat(up.get(), std::string(name).c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        expected.st_dev == found.st_dev && expected.st_ino == found.st_ino) {
      return up;
    }
  }
  Fd current(::fcntl(root, F_DUPFD_CLOEXEC, 0));
  for (std::size_t begin = 0; current && begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string component(path.substr(begin, end - begin));
    current = Fd(::openat(current.get(), component.c_str(), kOpenDirectory | O_NOFOLLOW));
    begin = end + 1;
  }
  return current;
}

// Restores what is recorded of a new directory. Removes permissions only, because those that it has
// are the most that the umask, or the access list of its parent, allows.
Status restore(int directory, const FileAttributes& attributes, const std::string& path) {
  if (attributes.mode) {
    constexpr mode_t kBits = 07777;
    struct stat status {};
    if (::fstat(directory, &status) != 0) return system_error(errno, "cannot stat", path);
    const mode_t removed = FileAttributes::kPermissions & ~*attributes.mode;
    if (::fchmod(directory, status.st_mode & kBits & ~removed) != 0) {
      return system_error(errno, "cannot set the permissions", path);
    }
  }
  return attributes.time ? set_time(directory, *attributes.time, path) : Status();
}

}  // namespace

Result<OutputTree> OutputTree::open(const std::string& root) {
  if (root.empty())
    return make_error(Code::kInvalidArgument, "\"\" is not the name of a directory");
  std::vector<std::string> created;
  for (std::size_t slash = root.find('/', 1);; slash = root.find('/', slash + 1)) {
    const std::string upper = root.substr(0, slash);
    if (::mkdir(upper.c_str(), 0777) == 0) {
      created.push_back(upper);
    } else if (errno != EEXIST && errno != EISDIR) {
      // It may still exist, in a directory that this user may not write to.
      struct stat status {};
      const int error_number = errno;
      if (::stat(upper.c_str(), &status) != 0) {
        return system_error(error_number, "cannot create the directory", upper);
      }
    }
    if (slash == std::string::npos) break;
  }
  Fd opened(::open(root.c_str(), kOpenDirectory));
  if (!opened) return system_error(errno, "cannot open the directory", root);
  return OutputTree(std::move(opened), root, std::move(created));
}

void OutputTree::remove_created() const {
  std::string above_path;  // path of `above`
  Fd above(::fcntl(root_->get(), F_DUPFD_CLOEXEC, 0));
  for (auto path = below_.rbegin(); path != below_.rend(); ++path) {
    const auto [parent, name] = split(*path);
    if (!above || above_path != parent) {
      above = open_again(root_->get(), parent, std::move(above), above_path);
      above_path = parent;
    }
    if (above) ::unlinkat(above.get(), std::string(name).c_str(), AT_REMOVEDIR);
  }
  for (auto path = created_.rbegin(); path != created_.rend(); ++path) {
    if (::rmdir(path->c_str()) != 0) return;
  }
}

std::string OutputTree::shown(std::string_view path) const {
  return fmt::format("{}{}{}", name_, name_.back() == '/' ? "" : "/", path);
}

Result<Directory> OutputTree::open_directory(std::string_view path) {
  bool created = false;
  return open_directory(path, created);
}

// Sets `created` if the last component is a new directory.
Result<Directory> OutputTree::open_directory(std::string_view path, bool& created) {
  created = false;
  if (path.empty()) return root_;
  if (last_ && last_path_ == path) return last_;
  Fd current(::fcntl(root_->get(), F_DUPFD_CLOEXEC, 0));
  if (!current) return system_error(errno, "cannot open the directory", name_);
  std::size_t begin = 0;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string name(path.substr(begin, end - begin));
    BBZ_ASSIGN(current, enter(current.get(), name, shown(path.substr(0, end)), created));
    if (created && below_.size() < kMostRemembered) below_.emplace_back(path.substr(0, end));
    if (created && ++made_ > kSpareFolders + kFoldersPerFile * asked_) {
      return make_error(Code::kLimit, "{}: the {} files to write are in more than {} directories",
                        name_, asked_, made_ - 1);
    }
    begin = end + 1;
  }
  last_ = std::make_shared<const Fd>(std::move(current));
  last_path_ = path;
  return last_;
}

Status OutputTree::make_directory(std::string_view path, const FileAttributes& attributes) {
  BBZ_TRY(check_safe_path(path));
  ++asked_;
  bool created = false;
  BBZ_ASSIGN(const Directory directory, open_directory(path, created));
  std::erase(below_, path);  // remove_created() keeps it, even if it is empty
  return created ? restore(directory->get(), attributes, shown(path)) : Status();
}

Status OutputTree::check_file(std::string_view path, const OutputOptions& options) const {
  BBZ_TRY(check_safe_path(path));
  Fd current(::fcntl(root_->get(), F_DUPFD_CLOEXEC, 0));
  if (!current) return system_error(errno, "cannot open the directory", name_);
  std::size_t begin = 0;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', begin)) {
    const std::string name(path.substr(begin, slash - begin));
    Fd next(::openat(current.get(), name.c_str(), kOpenDirectory | O_NOFOLLOW));
    if (!next && errno == ENOENT) return {};
    if (!next) return not_a_directory(current.get(), name, errno, shown(path.substr(0, slash)));
    current = std::move(next);
    begin = slash + 1;
  }
  return Publication::check_target(current.get(), std::string(path.substr(begin)), shown(path),
                                   options);
}

Result<std::unique_ptr<AtomicFile>> OutputTree::create_file(std::string_view path,
                                                            const OutputOptions& options,
                                                            Batch* batch) {
  BBZ_TRY(check_safe_path(path));
  ++asked_;
  const std::size_t slash = path.rfind('/');
  const bool nested = slash != std::string_view::npos;
  BBZ_ASSIGN(Directory directory, open_directory(nested ? path.substr(0, slash) : ""));
  return AtomicFile::create_at(std::move(directory),
                               std::string(nested ? path.substr(slash + 1) : path), shown(path),
                               options, batch);
}

Result<std::unique_ptr<Source>> OutputTree::read_file(std::string_view path) {
  BBZ_TRY(check_safe_path(path));
  const auto [parent, name] = split(path);
  BBZ_ASSIGN(const Directory directory, open_directory(parent));
  Fd fd(::openat(directory->get(), std::string(name).c_str(),
                 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return system_error(errno, "cannot open", shown(path));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return make_error(Code::kIo, "{}: is not a regular file", shown(path));
  }
  return file_source(std::move(fd), static_cast<std::uint64_t>(status.st_size), shown(path));
}

}  // namespace bbz::io
