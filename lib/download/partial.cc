#include "bbz/download/partial.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "bbz/base/format.h"

namespace bbz::download {

Partial::Partial(const std::string& path, io::Fd lock, std::unique_ptr<push::Store> store)
    : path_(path),
      part_(path + ".part"),
      state_(path + ".part.state"),
      file_(std::move(lock)),
      store_(std::move(store)) {}

Result<std::unique_ptr<Partial>> Partial::open(const std::string& path) {
  const std::string part = path + ".part";
  io::Fd file(::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file) return io::system_error(errno, "cannot open", part);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return io::system_error(errno, "cannot lock", part);
    return make_error(Code::kExists, "{}: another process is downloading it", part);
  }
  BBZ_ASSIGN(auto store, push::open_file_store(part));
  return std::unique_ptr<Partial>(new Partial(path, std::move(file), std::move(store)));
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

std::optional<Partial::Saved> Partial::load() const {
  const auto state = push::load_state(state_);
  if (!state.ok() || !state->total) return std::nullopt;
  Saved saved;
  const std::size_t end = state->identity.find('\n');
  saved.identity.etag = state->identity.substr(0, end);
  if (end != std::string::npos) saved.identity.last_modified = state->identity.substr(end + 1);
  saved.identity.size = *state->total;
  saved.there = state->there;
  return saved;
}

Status Partial::save(const Saved& saved) {
  push::State state;
  state.identity = saved.identity.etag + "\n" + saved.identity.last_modified;
  state.total = saved.identity.size;
  state.there = saved.there;
  if (!state_file_) {
    state_file_ = io::Fd(::open(state_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    if (!state_file_) return io::system_error(errno, "cannot write", state_);
  }
  const std::vector<std::byte> bytes = push::encode_state(state);
  BBZ_TRY(io::pwrite_fully(state_file_.get(), 0, bytes, state_));
  if (::ftruncate(state_file_.get(), static_cast<off_t>(bytes.size())) == 0) return {};
  return io::system_error(errno, "cannot write", state_);
}

Status Partial::publish(bool replace, bool sync) {
  if (sync) BBZ_TRY(store_->sync());
  // Without its state it is checked as a whole, should it end here.
  std::error_code ignored;
  std::filesystem::remove(state_, ignored);
  const unsigned flags = replace ? 0u : unsigned{RENAME_NOREPLACE};
  if (::renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, path_.c_str(), flags) != 0) {
    return io::system_error(errno, "cannot rename to", path_);
  }
  if (!sync) return {};
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  const io::Fd directory(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) (void)::fsync(directory.get());
  return {};
}

void Partial::remove() {
  std::error_code ignored;
  std::filesystem::remove(state_, ignored);
  std::filesystem::remove(part_, ignored);
}

}  // namespace bbz::download
