// Tree: the files of an archive with the folders they lie in, as a file system sees them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bbz/format/catalog/catalog.h"

namespace bbz::view {

// A folder or a file. Nodes are known by their numbers, from 0, which is the top folder.
struct Node {
  std::string name;
  std::uint32_t parent = 0;             // of the top folder, itself
  std::uint32_t file = catalog::kNone;  // in the catalog; of a folder, none
  std::vector<std::uint32_t> children;  // of a folder, by name
  std::uint32_t folders = 0;            // among the children

  bool is_folder() const { return file == catalog::kNone; }
};

class Tree {
 public:
  // The limit on folders. It bounds the memory that paths can cost: a path of 4 KiB can name 2,000
  // folders, where the archives that people make have a few folders for many files.
  static constexpr std::size_t kMostFolders = 1'000'000;

  // Builds the tree of a catalog's files. Errors: kLimit if they lie in more folders than that.
  static Result<Tree> make(const catalog::Catalog& catalog);

  std::size_t size() const { return nodes_.size(); }
  const Node& node(std::uint32_t number) const { return nodes_[number]; }
  // The child of a folder that has this name, or nullopt.
  std::optional<std::uint32_t> find(std::uint32_t folder, std::string_view name) const;

 private:
  std::vector<Node> nodes_;
};

}  // namespace bbz::view
