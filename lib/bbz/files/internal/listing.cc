#include "bbz/files/internal/listing.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/internal/output_place.h"

namespace bbz::files {
namespace {

std::string_view kind_name(mode_t mode) {
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "not a regular file";
}

class Walk {
 public:
  Walk(const Folder& folder, const Options& options)
      : folder_(folder), options_(options), output_(options.output) {}

  // Adds everything below the directory at `path` ("" for the root itself).
  Status descend(const std::string& path) {
    struct stat status {};
    const Opened opened = folder_.open_below(path, O_PATH | O_DIRECTORY);
    if (!opened.fd || ::fstat(opened.fd.get(), &status) != 0) {
      return io::system_error(opened.fd ? errno : opened.error, "cannot open the directory",
                              folder_.shown(path));
    }
    const io::FileId here = io::file_id(status);
    if (std::ranges::find(above_, here) != above_.end()) {
      return refuse(path, Code::kInvalidArgument, "is a symbolic link to a directory above it");
    }
    auto entries = folder_.entries(path, options_.max_files);
    if (!entries.ok()) return path.empty() ? entries.error() : skip_or_fail(path, entries.error());
    const std::size_t before = listing_.entries.size();
    above_.push_back(here);
    for (const Folder::Entry& entry : *entries) BBZ_TRY(visit(path, here, entry));
    above_.pop_back();
    const bool keep = !path.empty() && listing_.entries.size() == before;
    if (!keep) return {};
    return add({path, SourceFile::Kind::kDirectory, {}, io::attributes_of(status)});
  }

  Listing take() {
    std::ranges::sort(listing_.entries, {}, &ListedEntry::path);
    std::ranges::sort(listing_.left_out, {}, &LeftOut::path);
    return std::move(listing_);
  }

 private:
  // The status of an entry, links followed, or the errno if it cannot be determined.
  struct Target {
    struct stat status {};
    int error = 0;
  };

  Target target_of(const std::string& path, const Folder::Entry& entry) const {
    Target target{entry.status, 0};
    if (!S_ISLNK(entry.status.st_mode)) return target;
    const Opened opened = folder_.open_below(path, O_PATH);
    target.error = opened.error;
    if (opened.fd && ::fstat(opened.fd.get(), &target.status) != 0) target.error = errno;
    return target;
  }

  Status visit(const std::string& parent, const io::FileId& parent_id, const Folder::Entry& entry) {
    const std::string path = join(parent, entry.name);
    if (matches_path(options_.excluded, path) || is_temporary_name(entry.name)) return {};
    const Target target = target_of(path, entry);
    const mode_t mode = target.status.st_mode;
    std::optional<io::FileId> file;
    if (target.error == 0 && S_ISREG(mode)) file = io::file_id(target.status);
    switch (output_.role_of(parent_id, entry.name, file)) {
      case OutputPlace::Role::kOutput:
        return {};
      case OutputPlace::Role::kSource:
        return make_error(Code::kInvalidArgument,
                          "{}: is the output and also one of the files to pack",
                          folder_.shown(path));
      case OutputPlace::Role::kNone:
        break;
    }
    if (const std::string_view fault = fault_of_path(path); !fault.empty()) {
      return refuse(path, Code::kUnsafePath, fmt::format("unsafe path: {}", fault));
    }
    if (target.error != 0) return refuse_link(path, target.error);
    if (S_ISDIR(mode)) return descend(path);
    if (file) {
      return add({path, SourceFile::Kind::kRegular, io::FileVersion(target.status),
                  io::attributes_of(target.status)});
    }
    return refuse(
        path, Code::kInvalidArgument,
        fmt::format("is {}; only regular files and directories can be packed", kind_name(mode)));
  }

  Status refuse_link(const std::string& path, int error) {
    if (error == EXDEV) {
      return make_error(Code::kUnsafePath, "{}: is a symbolic link that leads out of the directory",
                        folder_.shown(path));
    }
    if (error == ENOENT || error == ENOTDIR || error == ELOOP) {
      return refuse(path, Code::kInvalidArgument,
                    fmt::format("is a broken symbolic link: {}",
                                error == ELOOP ? "too many links" : "no such file"));
    }
    return skip_or_fail(path, io::system_error(error, "cannot read", folder_.shown(path)));
  }

  Status refuse(const std::string& path, Code code, std::string_view reason) {
    return skip_or_fail(path, make_error(code, "{}: {}", folder_.shown(path), reason));
  }

  Status skip_or_fail(const std::string& path, Error error) {
    if (!options_.skip_unreadable) return error;
    BBZ_TRY(check_room());
    listing_.left_out.push_back({folder_.shown(path), std::move(error.message)});
    return {};
  }

  Status add(ListedEntry entry) {
    BBZ_TRY(check_room());
    listing_.entries.push_back(std::move(entry));
    return {};
  }

  Status check_room() const {
    if (listing_.entries.size() + listing_.left_out.size() < options_.max_files) return {};
    return make_error(Code::kLimit, "{}: more than {} files", folder_.shown(""),
                      options_.max_files);
  }

  const Folder& folder_;
  const Options& options_;
  const OutputPlace output_;
  std::vector<io::FileId> above_;  // the directories from the root to the current one
  Listing listing_;
};

}  // namespace

Result<Listing> list(const Folder& folder, const Options& options) {
  Walk walk(folder, options);
  BBZ_TRY(walk.descend(""));
  return walk.take();
}

}  // namespace bbz::files
