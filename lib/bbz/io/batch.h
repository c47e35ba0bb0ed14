// Batch: files that are synced to the disk and get their names together.
#pragma once

#include <cstdint>
#include <vector>

#include "bbz/io/publication.h"

namespace bbz::io {

// Takes complete files and publishes them in order. It waits for the disk once for many files, not
// once for each. Files appear late: when the batch is full, and at finish(). Not thread-safe.
class Batch {
 public:
  Batch();
  // Removes the files that have not been published.
  ~Batch() = default;
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  // Takes a file of `bytes` bytes. If the batch is full then, publishes all of its files.
  // Errors: as publish().
  Status add(Publication file, std::uint64_t bytes);

  // Waits until the content of all files is on the disk, then gives them their names. If a file
  // fails, it is removed and the others are still published. Errors: the first error of
  // Publication::sync() or Publication::publish().
  Status publish();

  // Publishes all files, and waits until their names are on the disk too. The batch can be used
  // again. Errors: as publish().
  Status finish();

 private:
  Status sync_content();
  void note_directory(const Directory& directory);

  std::vector<Publication> files_;
  std::uint64_t bytes_ = 0;             // of files_
  std::size_t most_;                    // largest number of files, each of which has a descriptor
  std::vector<Directory> directories_;  // the first few whose new names are not on the disk yet
  bool many_directories_ = false;       // there are more than those
};

// Syncs a directory, so that the names of published files survive a power failure. Ignores errors,
// because some file systems cannot sync directories.
void sync_directory(const Directory& directory);

}  // namespace bbz::io
