#include "bbz/access/salvage/internal/names.h"

#include "bbz/base/format.h"

namespace bbz::salvage {
namespace {

// The longest name in a directory, in bytes, on the file systems of Linux.
constexpr std::size_t kLongestComponent = 255;

std::string_view directory_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash + 1);
}

}  // namespace

Names::Names(const Survey& survey) {
  for (const auto& [number, file] : survey.files) {
    if (file.meta) known_.emplace(file.meta->path);
  }
}

std::string Names::of_file(std::uint32_t number, const FoundFile& found) {
  if (found.meta && taken_.insert(found.meta->path).second) return found.meta->path;
  return numbered(number, found.meta ? directory_of(found.meta->path) : "", "");
}

std::string Names::beside(std::uint32_t number, const std::string& path, std::string_view suffix) {
  std::string name = fmt::format("{}{}", path, suffix);
  if (name.size() - directory_of(name).size() <= kLongestComponent && take(name)) return name;
  return numbered(number, directory_of(path), suffix);
}

std::string Names::numbered(std::uint32_t number, std::string_view directory,
                            std::string_view suffix) {
  const std::string which = number == kUnknownFile ? "unknown" : std::to_string(number);
  std::string name = fmt::format("{}file-{}{}", directory, which, suffix);
  for (std::uint64_t i = 2; !take(name); ++i) {
    name = fmt::format("{}file-{}-{}{}", directory, which, i, suffix);
  }
  return name;
}

// Returns whether the archive has a file or a directory of this path, or a file below it. The
// directories have no entries of their own: a path of 4 KB lies in thousands of them.
bool Names::is_known(const std::string& path) const {
  if (known_.contains(path)) return true;
  const std::string below = path + '/';
  const auto next = known_.lower_bound(below);
  return next != known_.end() && next->starts_with(below);
}

bool Names::take(const std::string& path) {
  return !is_known(path) && taken_.insert(path).second;
}

}  // namespace bbz::salvage
