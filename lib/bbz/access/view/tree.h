// Tree: the files of an archive and the directories that they lie in, as a file system shows them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bbz/format/catalog/catalog.h"

namespace bbz::view {

// A directory or a file. Nodes are identified by number; 0 is the top directory.
struct Node {
  std::string name;                     // one component of its path; empty for the top directory
  std::uint32_t parent = 0;             // itself, for the top directory
  std::uint32_t file = catalog::kNone;  // number in the catalog; kNone for a directory
  std::vector<std::uint32_t> children;  // of a directory, sorted by name
  std::uint32_t folders = 0;            // number of directories among the children

  // Returns whether it is a directory.
  bool is_folder() const { return file == catalog::kNone; }
};

// The directory tree of an archive.
class Tree {
 public:
  // The limit on directories. It bounds the memory that paths can cost: a path of 4 KiB can name
  // 2,000 directories, but archives that people make have few directories for many files.
  static constexpr std::size_t kMostFolders = 1'000'000;

  // Builds the tree of a catalog's files. Errors: kLimit if they lie in more directories than
  // kMostFolders.
  static Result<Tree> make(const catalog::Catalog& catalog);

  // Returns the number of nodes.
  std::size_t size() const { return nodes_.size(); }
  // Returns a node. Precondition: number < size().
  const Node& node(std::uint32_t number) const { return nodes_[number]; }
  // Returns the child of a directory that has this name, or nullopt. Precondition: folder < size().
  std::optional<std::uint32_t> find(std::uint32_t folder, std::string_view name) const;

 private:
  std::vector<Node> nodes_;
};

}  // namespace bbz::view
