#include "bbz/access/download/internal/partial.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "bbz/base/format.h"
#include "bbz/io/file_source.h"
#include "bbz/io/own_file.h"

namespace bbz::download {
namespace {

constexpr mode_t kPermissions = 07777;

std::string folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

// Returns the permissions of new files in a directory, or nullopt if they cannot be found without
// creating a file with a name.
std::optional<mode_t> usual_mode(const std::string& folder) {
  const io::Fd file(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return std::nullopt;
  return status.st_mode & kPermissions;
}

Result<io::Fd> duplicate(const io::Fd& file, const std::string& name) {
  io::Fd copy(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return io::system_error(errno, "cannot open", name);
  return copy;
}

Error taken(const std::string& part) {
  return make_error(Code::kExists, "{}: another process is downloading it", part);
}

Result<io::Fd> open_part(const std::string& part, Partial::Found found) {
  io::OwnFileOptions options{.create = true};
  if (found == Partial::Found::kMended) options.others = io::OthersMayWrite::kTaken;
  auto file = io::open_own_file(part, options);
  if (found != Partial::Found::kReplaced || file.code() != Code::kExists) return file;
  if (::unlink(part.c_str()) != 0) return io::system_error(errno, "cannot remove", part);
  return io::open_own_file(part, options);
}

}  // namespace

Partial::Partial(const std::string& path, io::Fd lock, std::unique_ptr<push::Store> store)
    : path_(path),
      part_(path + ".part"),
      state_(path + ".part.state"),
      file_(std::move(lock)),
      store_(std::move(store)) {}

Result<std::unique_ptr<Partial>> Partial::open(const std::string& path, Found found) {
  const std::string part = path + ".part";
  struct stat before {};
  const bool mended = found == Found::kMended && ::lstat(part.c_str(), &before) == 0;
  BBZ_ASSIGN(io::Fd file, open_part(part, found));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return io::system_error(errno, "cannot lock", part);
    return taken(part);
  }
  if (!io::stands_at(file.get(), part)) return taken(part);  // of a process that has just finished
  BBZ_ASSIGN(io::Fd copy, duplicate(file, part));
  auto store = push::file_store(std::move(copy), part);
  std::unique_ptr<Partial> partial(new Partial(path, std::move(file), std::move(store)));
  if (mended) partial->mode_ = before.st_mode & kPermissions;
  return partial;
}

Result<std::unique_ptr<io::Source>> Partial::source() const {
  BBZ_ASSIGN(const std::uint64_t bytes, size());
  BBZ_ASSIGN(io::Fd copy, duplicate(file_, part_));
  return io::file_source(std::move(copy), bytes, part_);
}

Result<std::uint64_t> Partial::size() const {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) return io::system_error(errno, "cannot read", part_);
  return static_cast<std::uint64_t>(status.st_size);
}

Status Partial::resize(std::uint64_t size) {
  if (::ftruncate(file_.get(), static_cast<off_t>(size)) == 0) return {};
  return io::system_error(errno, "cannot resize", part_);
}

Status Partial::clear() {
  std::error_code ignored;
  std::filesystem::remove(state_, ignored);
  return resize(0);
}

Result<std::optional<Partial::Saved>> Partial::load() const {
  const std::optional<Saved> none;
  auto state = push::load_state(state_);
  if (!state.ok()) {
    const Code code = state.code();
    if (code == Code::kExists || code == Code::kIo) return state.error();
    if (code != Code::kUnsupported) return none;
    return make_error(code, Remedy::kRestart, "{}: {}", state_, state.error().message);
  }
  auto origin = decode_origin(state->identity);
  if (!origin || !state->total) return none;
  return std::optional(Saved{std::move(*origin), *state->total, std::move(state->there)});
}

Status Partial::save(const Saved& saved) {
  push::State state;
  state.identity = encode_origin(saved.origin);
  state.total = saved.total;
  state.there = saved.there;
  return push::save_state(state_, state, false);
}

// Gives the file its former permissions, or those of a new file: until now, nobody else could write
// to it. Nobody gets to read it who could not before.
void Partial::set_mode() {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) return;
  const mode_t now = status.st_mode & kPermissions;
  const mode_t readers = now & (S_IRGRP | S_IROTH);
  const mode_t usual = usual_mode(folder_of(path_)).value_or(now);
  const mode_t wanted = mode_.value_or(now | (usual & readers >> 1));
  // A file system without permissions keeps its own.
  if (wanted != now) (void)::fchmod(file_.get(), wanted);
}

Status Partial::publish(bool replace, bool sync) {
  if (sync) BBZ_TRY(store_->sync());
  if (!io::stands_at(file_.get(), part_)) {
    return make_error(Code::kIo, "{}: was replaced during the download", part_);
  }
  // If the process ends here, PATH.part is checked as a whole, because it has no state.
  std::error_code ignored;
  std::filesystem::remove(state_, ignored);
  const unsigned flags = replace ? 0u : unsigned{RENAME_NOREPLACE};
  if (::renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, path_.c_str(), flags) != 0) {
    return io::system_error(errno, "cannot rename to", path_);
  }
  set_mode();
  if (!sync) return {};
  const io::Fd directory(::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) (void)::fsync(directory.get());
  return {};
}

void Partial::remove() {
  std::error_code ignored;
  std::filesystem::remove(state_, ignored);
  if (io::stands_at(file_.get(), part_)) std::filesystem::remove(part_, ignored);
}

}  // namespace bbz::download
