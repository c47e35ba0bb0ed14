#include "bbz/io/publication.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bbz/base/format.h"

namespace bbz::io {
namespace {

// Returns whether the entry is this file or a symbolic link to it.
bool is_input(int directory, const std::string& target, const FileStatus& input) {
  for (const int flags : {AT_SYMLINK_NOFOLLOW, 0}) {
    struct stat found {};
    if (::fstatat(directory, target.c_str(), &found, flags) == 0 && file_id(found) == input.id) {
      return true;
    }
  }
  return false;
}

Error input_error(std::string_view path) {
  return make_error(Code::kInvalidArgument,
                    "{}: is a file that is being read, so it is not replaced", path);
}

}  // namespace

Status Publication::check_target(int directory, const std::string& target, std::string_view path,
                                 const OutputOptions& options) {
  struct stat status {};
  if (::fstatat(directory, target.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return system_error(errno, "cannot create", path);
  }
  if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) {
    return make_error(Code::kExists, "{}: already exists and is {}", path,
                      S_ISDIR(status.st_mode) ? "a directory" : "not a regular file");
  }
  if (!options.replace) return make_error(Code::kExists, "{}: already exists", path);
  if (options.input && is_input(directory, target, *options.input)) return input_error(path);
  return {};
}

Result<Publication> Publication::begin(Directory directory, const std::string& target,
                                       std::string path, const OutputOptions& options) {
  BBZ_TRY(check_target(directory->get(), target, path, options));
  Publication begun;
  const std::uint32_t most = options.attributes.mode.value_or(Permissions::kUsual);
  BBZ_ASSIGN(begun.file_, Temporary::create(directory, path, most));
  begun.permissions_ = Permissions(most);
  begun.directory_ = std::move(directory);
  begun.target_ = target;
  begun.path_ = std::move(path);
  begun.options_ = options;
  if (options.input) BBZ_TRY(begun.add_input(*options.input));
  return begun;
}

Status Publication::add_input(const FileStatus& input) {
  // If nothing may be replaced, every existing target is refused anyway.
  if (options_.replace && is_input(directory_->get(), target_, input)) return input_error(path_);
  permissions_.restrict_to(input);
  const auto same = [&](const FileStatus& known) { return known.id == input.id; };
  if (options_.replace && std::ranges::none_of(inputs_, same)) inputs_.push_back(input);
  return {};
}

Status Publication::sync() {
  if (::fsync(fd()) == 0) return {};
  return system_error(errno, "cannot write to disk", path_);
}

// Checks the target once more, because it may have changed since begin().
Status Publication::check() const {
  if (!options_.replace) return {};
  BBZ_TRY(check_target(directory_->get(), target_, path_, options_));
  for (const FileStatus& input : inputs_) {
    if (is_input(directory_->get(), target_, input)) return input_error(path_);
  }
  return {};
}

Status Publication::publish() {
  if (Status free = check(); !free.ok()) {
    abandon();
    return free;
  }
  if (options_.owner) file_.try_owner(options_.owner->user, options_.owner->group);
  Status published = file_.publish(target_, options_.replace, permissions_, path_);
  abandon();
  return published;
}

}  // namespace bbz::io
