#include "bbz/files/internal/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::files {
namespace {

// The number of tries of an open that the system could not do safely because of a rename.
constexpr int kTries = 64;

Opened open_at(int folder, const std::string& path, int flags) {
  while (true) {
    io::Fd fd(::openat(folder, path.c_str(), flags));
    if (fd) return {std::move(fd), 0};
    if (errno != EINTR) return {{}, errno};
  }
}

// Opens a path that the system resolves within the directory.
Opened open_within(int folder, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  int error = 0;
  for (int i = 0; i < kTries; ++i) {
    io::Fd fd(static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how)));
    if (fd) return {std::move(fd), 0};
    error = errno;
    if (error != EAGAIN && error != EINTR) break;
  }
  // EPERM: sandboxes that do not know openat2 forbid it.
  if (error == ENOSYS || error == EPERM) return open_without_links(folder, path, flags);
  return {{}, error};
}

}  // namespace

Opened open_without_links(int folder, const std::string& path, int flags) {
  io::Fd above;
  std::string_view rest = path;
  while (true) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const bool last = end == rest.size();
    const int from = above ? above.get() : folder;
    // Opens a mere handle first: that has no side effect, whatever the entry is, and does not
    // follow a link.
    Opened step = open_at(from, std::string(rest.substr(0, end)), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (!step.fd) return step;
    struct stat status {};
    if (::fstat(step.fd.get(), &status) != 0) return {{}, errno};
    if (S_ISLNK(status.st_mode)) return {{}, EXDEV};
    if (last) {
      if ((flags & O_PATH) != 0) return step;
      return open_at(from, std::string(rest), flags | O_NOFOLLOW);
    }
    above = std::move(step.fd);
    rest.remove_prefix(end + 1);
  }
}

std::string join(std::string_view folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  return fmt::format("{}{}{}", folder, folder.back() == '/' ? "" : "/", name);
}

Result<Folder> Folder::open(const std::string& path, bool links_out) {
  Opened opened = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!opened.fd) return io::system_error(opened.error, "cannot open", path);
  return Folder(std::move(opened.fd), path, links_out);
}

Result<Folder> Folder::of_file(const std::string& path) {
  std::string above = path.substr(0, path.rfind('/') + 1);
  Opened opened = open_at(AT_FDCWD, above.empty() ? "." : above, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (!opened.fd) return io::system_error(opened.error, "cannot open", path);
  return Folder(std::move(opened.fd), std::move(above), true);
}

Opened Folder::open_below(const std::string& path, int flags) const {
  flags |= O_CLOEXEC;
  if (path.empty()) return open_at(fd_.get(), ".", flags);
  return links_out_ ? open_at(fd_.get(), path, flags) : open_within(fd_.get(), path, flags);
}

Opened Folder::open_file(const std::string& path) const {
  Opened opened = open_below(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  // Waits, because another program holds a lease on the file and must release it.
  if (opened.error == EAGAIN) opened = open_below(path, O_RDONLY | O_NOCTTY);
  return opened;
}

Result<std::vector<Folder::Entry>> Folder::entries(const std::string& path,
                                                   std::uint64_t most) const {
  Opened opened = open_below(path, O_RDONLY | O_DIRECTORY);
  if (!opened.fd) return io::system_error(opened.error, "cannot open the directory", shown(path));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(opened.fd.get()), ::closedir);
  if (!stream) return io::system_error(errno, "cannot open the directory", shown(path));
  const int fd = opened.fd.release();  // the stream owns it now
  std::vector<Entry> entries;
  while (true) {
    errno = 0;
    const dirent* found = ::readdir(stream.get());
    if (found == nullptr && errno != 0) {
      return io::system_error(errno, "cannot list the directory", shown(path));
    }
    if (found == nullptr) return entries;
    Entry entry;
    entry.name = found->d_name;
    if (entry.name == "." || entry.name == "..") continue;
    if (entries.size() == most) {
      return make_error(Code::kLimit, "{}: more than {} entries", shown(path), most);
    }
    if (::fstatat(fd, found->d_name, &entry.status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // removed since it was listed
      return io::system_error(errno, "cannot stat", shown(join(path, entry.name)));
    }
    entries.push_back(std::move(entry));
  }
}

std::string Folder::full(std::string_view path) const {
  return path.empty() ? path_ : join(path_, path);
}

std::string Folder::shown(std::string_view path) const {
  // Does not cut long paths, since the end of a path says most.
  return quoted(full(path), 16 * kMaxPathBytes);
}

}  // namespace bbz::files
