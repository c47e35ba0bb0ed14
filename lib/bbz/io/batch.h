// Batch: files that are brought to the disk and get their names together.
#pragma once

#include <cstdint>
#include <vector>

#include "bbz/io/publication.h"

namespace bbz::io {

// Takes files that are complete and publishes them in their order, many after one wait for the
// disk instead of a wait for each. Files appear late: when a batch is full, and at finish().
class Batch {
 public:
  Batch();
  // Removes the files that have not been published.
  ~Batch() = default;
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  // Takes a file, of so many bytes; publishes what it has, with this one, if that is much.
  // Errors: those of publish().
  Status add(Publication file, std::uint64_t bytes);

  // Waits for the content of all files, then gives them their names. Errors: those of Publication,
  // the first one; the files that did not fail are there.
  Status publish();

  // Publishes, and waits until the names are on the disk too. The batch can be used again.
  Status finish();

 private:
  Status sync_content();
  void note_directory(const Directory& directory);

  std::vector<Publication> files_;
  std::uint64_t bytes_ = 0;             // of files_
  std::size_t most_;                    // files at a time: each holds a descriptor
  std::vector<Directory> directories_;  // in which names are not on the disk yet, few of them
  bool many_directories_ = false;       // or too many to list
};

// Syncs the directories of files that were published; a file system that cannot is let be.
void sync_directory(const Directory& directory);

}  // namespace bbz::io
