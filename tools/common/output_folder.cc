#include "common/output_folder.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace bbz::tools {
namespace {

// For the signal handler: the directory's path, and the length of the part of it that was there
// before. `made_size` is 0 if there is nothing to remove.
char made_path[PATH_MAX];
std::atomic<std::size_t> made_size{0};
std::atomic<std::size_t> kept_size{0};

// Returns the length of the part of a path that exists.
std::size_t size_of_what_is_there(const std::string& path) {
  struct stat status {};
  std::size_t size = 0;
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    if (::stat(path.substr(0, slash).c_str(), &status) != 0 && errno == ENOENT) return size;
    if (slash == std::string::npos) return path.size();
    size = slash;
  }
}

}  // namespace

Result<OutputFolder> OutputFolder::open(const std::string& path) {
  std::string plain = path;
  while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
  const std::size_t there = size_of_what_is_there(plain);
  if (there < plain.size() && plain.size() < sizeof made_path) {
    std::memcpy(made_path, plain.c_str(), plain.size() + 1);
    kept_size = there;
    made_size = plain.size();
  }
  auto tree = io::OutputTree::open(path);
  if (!tree.ok()) {
    remove_unfinished_folders();  // the upper ones may exist
    return std::move(tree).error();
  }
  return OutputFolder(std::move(*tree));
}

OutputFolder::~OutputFolder() {
  if (kept_) return;
  tree_.remove_created();
  made_size = 0;
}

void OutputFolder::keep() {
  kept_ = true;
  made_size = 0;
}

void remove_unfinished_folders() {
  std::size_t size = made_size.exchange(0);
  while (size > kept_size) {
    made_path[size] = '\0';
    if (made_path[size - 1] != '/' && ::rmdir(made_path) != 0 && errno != ENOENT) return;
    do {
      --size;
    } while (size > kept_size && made_path[size] != '/');
  }
}

}  // namespace bbz::tools
