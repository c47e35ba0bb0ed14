#include "bbz/files/internal/output_place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "bbz/format/container/header.h"
#include "bbz/io/fd.h"

namespace bbz::files {
namespace {

// Returns whether a file is an archive. Checks what was opened, and never blocks: the name may
// refer to another file by now, such as a FIFO without a writer.
bool is_archive(const std::string& path) {
  const io::Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  std::array<std::byte, container::kMagic.size()> first{};
  const ssize_t got = ::pread(fd.get(), first.data(), first.size(), 0);
  return got >= 0 &&
         container::begins_with_magic(Bytes(first).first(static_cast<std::size_t>(got)));
}

}  // namespace

OutputPlace::OutputPlace(const std::string& output) {
  struct stat status {};
  if (output == "-") {
    if (::fstat(STDOUT_FILENO, &status) != 0 || !S_ISREG(status.st_mode)) return;
    file_ = io::file_id(status);
    is_ours_ = true;
    return;
  }
  if (output.empty()) return;
  const std::size_t slash = output.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : output.substr(0, slash + 1);
  name_ = output.substr(slash == std::string::npos ? 0 : slash + 1);
  if (::stat(parent.c_str(), &status) == 0) folder_ = io::file_id(status);
  if (::stat(output.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
    file_ = io::file_id(status);
    is_ours_ = is_archive(output);
  }
}

OutputPlace::Role OutputPlace::role_of(const io::FileId& folder, std::string_view name,
                                       const std::optional<io::FileId>& file) const {
  const bool here = folder_ && *folder_ == folder && name == name_;
  const bool same = file_ && file && *file_ == *file;
  if (!here && !same) return Role::kNone;
  // Without `file_`, the output is missing or not a regular file, and so not a source either.
  return !file_ || is_ours_ ? Role::kOutput : Role::kSource;
}

bool is_temporary_name(std::string_view name) {
  constexpr std::string_view kBefore = ".bbz-";
  constexpr std::string_view kAfter = ".tmp";
  constexpr std::size_t kDigits = 16;
  return name.size() == kBefore.size() + kDigits + kAfter.size() && name.starts_with(kBefore) &&
         name.ends_with(kAfter) &&
         std::ranges::all_of(name.substr(kBefore.size(), kDigits), [](char c) {
           return ('0' <= c && c <= '9') || ('a' <= c && c <= 'f');
         });
}

}  // namespace bbz::files
