#include "bbz/io/batch.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <set>

namespace bbz::io {
namespace {

constexpr std::size_t kMostFiles = 256;
// A batch with this much content is full, so a kill loses no more than this.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;
// This few files are synced one by one, which does not wait for what other processes write.
constexpr std::size_t kFew = 4;

// Returns a fraction of the descriptors that the process may have, because each file may need two:
// its own and that of its directory.
std::size_t most_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kFew;
  return std::clamp<std::size_t>(limit.rlim_cur / 6, 1, kMostFiles);
}

// Returns whether syncfs reports write errors, which it does from Linux 5.8 on.
bool syncfs_reports() {
  static const bool reports = [] {
    utsname name{};
    int major = 0, minor = 0;
    return ::uname(&name) == 0 && std::sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 8));
  }();
  return reports;
}

// Syncs the file systems of the files. Returns false if that fails, or if failures are not
// reported.
bool sync_file_systems(const std::vector<Publication>& files) {
  if (!syncfs_reports()) return false;
  std::set<dev_t> done;
  for (const Publication& file : files) {
    struct stat status {};
    if (!file.options().sync) continue;
    if (::fstat(file.fd(), &status) != 0) return false;
    // Uses the file of each file system that was opened first, because syncfs reports errors since
    // the opening.
    if (done.insert(status.st_dev).second && ::syncfs(file.fd()) != 0) return false;
  }
  return true;
}

}  // namespace

Batch::Batch() : most_(most_files()) {}

Status Batch::add(Publication file, std::uint64_t bytes) {
  files_.push_back(std::move(file));
  bytes_ += bytes;
  return files_.size() >= most_ || bytes_ >= kMostBytes ? publish() : Status();
}

// Abandons the files whose content cannot be synced.
Status Batch::sync_content() {
  if (files_.size() > kFew && sync_file_systems(files_)) return {};
  Status all;
  for (Publication& file : files_) {
    if (!file.options().sync) continue;
    const Status synced = file.sync();
    if (synced.ok()) continue;
    file.abandon();
    if (all.ok()) all = synced;
  }
  return all;
}

void Batch::note_directory(const Directory& directory) {
  if (many_directories_ || std::ranges::find(directories_, directory) != directories_.end()) return;
  many_directories_ = directories_.size() == kFew;
  if (!many_directories_) directories_.push_back(directory);
}

Status Batch::publish() {
  Status all = sync_content();
  std::vector<Publication> files;
  files.swap(files_);
  bytes_ = 0;
  for (Publication& file : files) {
    if (!file) continue;
    const Status published = file.publish();
    if (published.ok() && file.options().sync) note_directory(file.directory());
    if (all.ok()) all = published;
  }
  return all;
}

Status Batch::finish() {
  Status published = publish();
  if (many_directories_) {
    for (const Directory& directory : directories_) (void)::syncfs(directory->get());
  } else {
    for (const Directory& directory : directories_) sync_directory(directory);
  }
  directories_.clear();
  many_directories_ = false;
  return published;
}

void sync_directory(const Directory& directory) {
  (void)::fsync(directory->get());
}

}  // namespace bbz::io
