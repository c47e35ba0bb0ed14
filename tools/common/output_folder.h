// OutputFolder: the directory that a command writes below. If nothing is written, it does not stay.
#pragma once

#include <string>

#include "bbz/io/output_tree.h"

namespace bbz::tools {

// At the end of its scope, removes the directories that were made, if they are empty, unless keep()
// was called. One at a time in a process.
class OutputFolder {
 public:
  // Opens `path`, and creates it with its parents if it is missing. Errors: those of
  // io::OutputTree::open().
  static Result<OutputFolder> open(const std::string& path);

  OutputFolder(OutputFolder&& other) noexcept
      : tree_(std::move(other.tree_)), kept_(std::exchange(other.kept_, true)) {}
  OutputFolder& operator=(OutputFolder&&) = delete;
  ~OutputFolder();

  // Returns the directory for outputs.
  io::OutputTree& tree() { return tree_; }

  // Keeps directories that were made, even if they are empty.
  void keep();

 private:
  explicit OutputFolder(io::OutputTree tree) : tree_(std::move(tree)) {}

  io::OutputTree tree_;
  bool kept_ = false;
};

// Removes the directory that is open now, and those above it that were made for it, if they are
// empty. Async-signal-safe, for a process that is about to end.
void remove_unfinished_folders();

}  // namespace bbz::tools
