// OutputFolder: the folder that a command writes below, which does not stay if nothing comes of it.
#pragma once

#include <string>

#include "bbz/io/output_tree.h"

namespace bbz::tools {

// Unless keep() is called, the end of its scope removes the folders that were made, as far as
// nothing lies in them. One at a time in a process.
class OutputFolder {
 public:
  // Opens `path`, which is created with its parents if it is missing. Errors: as OutputTree::open.
  static Result<OutputFolder> open(const std::string& path);

  OutputFolder(OutputFolder&& other) noexcept
      : tree_(std::move(other.tree_)), kept_(std::exchange(other.kept_, true)) {}
  OutputFolder& operator=(OutputFolder&&) = delete;
  ~OutputFolder();

  io::OutputTree& tree() { return tree_; }

  // Lets empty folders stay too.
  void keep();

 private:
  explicit OutputFolder(io::OutputTree tree) : tree_(std::move(tree)) {}

  io::OutputTree tree_;
  bool kept_ = false;
};

// Removes the folder that is open now, and those above it that were made for it, as far as nothing
// lies in them. Async-signal-safe, for a process that is about to end.
void remove_unfinished_folders();

}  // namespace bbz::tools
