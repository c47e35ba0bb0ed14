#include "bbz/io/atomic_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "bbz/base/format.h"

namespace bbz::io {
namespace {

// ".bbz-", 16 hexadecimal digits, ".tmp" and the terminator.
constexpr std::size_t kTemporaryNameSize = 5 + 16 + 4 + 1;

// After so many bytes the system is asked to begin to bring them to the disk, so that the sync at
// the end does not find all of them waiting.
constexpr std::uint64_t kWritebackStep = std::uint64_t{8} << 20;

// The temporaries that exist now, in storage that a signal handler can walk: no allocation, no
// lock.
struct Slot {
  enum State : int { kFree, kFilling, kLive };
  std::atomic<int> state{kFree};
  std::atomic<int> directory{-1};
  std::array<char, kTemporaryNameSize> name{};
};
static_assert(std::atomic<int>::is_always_lock_free);

std::array<Slot, 128> slots;
std::atomic<bool> cancelled{false};

// Returns the slot's index, or -1 where all are taken.
int register_temporary(int directory, const std::string& name) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    int expected = Slot::kFree;
    if (!slots[i].state.compare_exchange_strong(expected, Slot::kFilling)) continue;
    slots[i].directory = directory;
    std::memcpy(slots[i].name.data(), name.c_str(), kTemporaryNameSize);
    slots[i].state = Slot::kLive;
    return static_cast<int>(i);
  }
  return -1;
}

// Must come before the directory's descriptor is closed.
void release_temporary(int slot) {
  if (slot >= 0) slots[static_cast<std::size_t>(slot)].state = Slot::kFree;
}

Result<std::string> temporary_name(std::string_view path) {
  std::uint64_t random = 0;
  while (::getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random)) {
    if (errno != EINTR) return system_error(errno, "cannot choose a temporary name", path);
  }
  return fmt::format(".bbz-{:016x}.tmp", random);
}

Error exists_error(std::string_view path) {
  return make_error(Code::kExists, "{}: already exists", path);
}

// Whether the rename may go ahead: nothing there, or something that may make way.
Status check_target(int directory, const std::string& name, std::string_view path,
                    OutputOptions options) {
  struct stat status {};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return system_error(errno, "cannot create", path);
  }
  if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) {
    return make_error(Code::kExists, "{}: already exists and is {}", path,
                      S_ISDIR(status.st_mode) ? "a directory" : "not a regular file");
  }
  if (!options.replace) return exists_error(path);
  return {};
}

// Renames without ever replacing, on file systems old and new.
// Returns 0 or an error number.
int rename_to_new(int directory, const char* from, const char* to) {
  // The system call itself: the C library of some targets has no wrapper.
  if (::syscall(SYS_renameat2, directory, from, directory, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (::linkat(directory, from, directory, to, 0) == 0) {
    ::unlinkat(directory, from, 0);
    return 0;
  }
  if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  // No hard links either (FAT): look first, then rename.
  struct stat status {};
  if (::fstatat(directory, to, &status, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  return ::renameat(directory, from, directory, to) == 0 ? 0 : errno;
}

}  // namespace

Result<std::unique_ptr<AtomicFile>> AtomicFile::create(const std::string& path,
                                                       OutputOptions options) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") {
    return make_error(Code::kInvalidArgument, "\"{}\": not the name of a file", path);
  }
  Fd directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // One that may be written to but not listed will do, only without the last sync.
  if (!directory && errno == EACCES) {
    directory = Fd(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  if (!directory) return system_error(errno, "cannot open the directory of the output", path);
  return create_at(directory.get(), name, path, options);
}

Status AtomicFile::check_at(int directory, const std::string& name, std::string_view path,
                            OutputOptions options) {
  return check_target(directory, name, path, options);
}

Result<std::unique_ptr<AtomicFile>> AtomicFile::create_at(int directory, const std::string& name,
                                                          std::string path, OutputOptions options) {
  BBZ_TRY(check_target(directory, name, path, options));
  Fd own(::fcntl(directory, F_DUPFD_CLOEXEC, 0));
  if (!own) return system_error(errno, "cannot create", path);
  BBZ_ASSIGN(std::string temporary, temporary_name(path));

  // Registered before it exists, so that no signal finds a file that the registry does not know.
  const int slot = register_temporary(own.get(), temporary);
  Fd file(::openat(own.get(), temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                   0666));
  if (!file) {
    const int error_number = errno;
    release_temporary(slot);
    return system_error(error_number, "cannot create a temporary file beside it", path);
  }
  std::unique_ptr<AtomicFile> made(new AtomicFile(
      std::move(own), std::move(file), name, std::move(temporary), slot, std::move(path), options));
  if (cancelled) return make_error(Code::kCancelled, "{}: interrupted", made->name());
  return made;
}

AtomicFile::AtomicFile(Fd directory, Fd file, std::string target, std::string temporary, int slot,
                       std::string path, OutputOptions options)
    : directory_(std::move(directory)),
      file_(std::move(file)),
      target_(std::move(target)),
      temporary_(std::move(temporary)),
      slot_(slot),
      options_(options),
      writer_(file_.get(), std::move(path)) {}

AtomicFile::~AtomicFile() {
  abandon();
}

Status AtomicFile::check_open(std::string_view action) const {
  if (!temporary_.empty()) return {};
  return make_error(Code::kInvalidArgument, "{}: {} after its end", name(), action);
}

void AtomicFile::count_dirty(std::size_t bytes) {
  const std::uint64_t before = dirty_.fetch_add(bytes, std::memory_order_relaxed);
  if (before / kWritebackStep == (before + bytes) / kWritebackStep) return;
  // Advice: where it is not taken, the sync at the end does all of the work.
  (void)::sync_file_range(file_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
}

Status AtomicFile::write(Bytes bytes) {
  BBZ_TRY(check_open("written to"));
  BBZ_TRY(writer_.write(bytes));
  count_dirty(bytes.size());
  return {};
}

Status AtomicFile::patch(std::uint64_t offset, Bytes bytes) {
  BBZ_TRY(check_open("patched"));
  return writer_.patch(offset, bytes);
}

Status AtomicFile::extend(std::uint64_t size) {
  BBZ_TRY(check_open("lengthened"));
  return writer_.extend(size);
}

Status AtomicFile::reserve(std::uint64_t size) {
  BBZ_TRY(check_open("lengthened"));
  return writer_.reserve(size);
}

Status AtomicFile::place(std::uint64_t offset, Bytes bytes) {
  BBZ_TRY(check_open("written to"));
  BBZ_TRY(writer_.place(offset, bytes));
  count_dirty(bytes.size());
  return {};
}

Status AtomicFile::finish() {
  BBZ_TRY(check_open("finished"));
  Status status = publish();
  abandon();  // after a success, the temporary's name is gone and this only lets go of the rest
  return status;
}

Status AtomicFile::publish() {
  BBZ_TRY(writer_.flush());
  if (cancelled) return make_error(Code::kCancelled, "{}: interrupted", name());
  if (::fsync(file_.get()) != 0) return system_error(errno, "cannot write to disk", name());
  // Closing is where some network file systems report what they could not write.
  if (::close(file_.release()) != 0) return system_error(errno, "cannot write to disk", name());
  if (options_.replace) {
    BBZ_TRY(check_target(directory_.get(), target_, name(), options_));
    if (::renameat(directory_.get(), temporary_.c_str(), directory_.get(), target_.c_str()) != 0) {
      return system_error(errno, "cannot rename the finished file", name());
    }
  } else if (const int e = rename_to_new(directory_.get(), temporary_.c_str(), target_.c_str())) {
    if (e == EEXIST) return exists_error(name());
    return system_error(e, "cannot rename the finished file", name());
  }
  // The name survives a power cut too; a file system that cannot sync a directory is let be.
  (void)::fsync(directory_.get());
  return {};
}

void AtomicFile::abandon() {
  if (temporary_.empty()) return;
  ::unlinkat(directory_.get(), temporary_.c_str(), 0);
  temporary_.clear();
  release_temporary(slot_);
  file_.reset();
  directory_.reset();
}

void remove_unfinished_files() {
  const int saved = errno;
  cancelled = true;
  for (Slot& slot : slots) {
    if (slot.state == Slot::kLive) ::unlinkat(slot.directory, slot.name.data(), 0);
  }
  errno = saved;
}

}  // namespace bbz::io
