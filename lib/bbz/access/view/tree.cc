#include "bbz/access/view/tree.h"

#include <algorithm>
#include <map>

#include "bbz/base/format.h"

namespace bbz::view {
namespace {

// Nodes by parent and name, while the tree grows. The names point into the catalog's paths.
using Known = std::map<std::pair<std::uint32_t, std::string_view>, std::uint32_t>;

// Returns the node of this name in a directory, and makes it if it is missing.
std::uint32_t enter(std::vector<Node>& nodes, Known& known, std::uint32_t folder,
                    std::string_view name) {
  const auto [at, is_new] =
      known.try_emplace({folder, name}, static_cast<std::uint32_t>(nodes.size()));
  if (is_new) {
    Node node;
    node.name = name;
    node.parent = folder;
    nodes.push_back(std::move(node));
    nodes[folder].children.push_back(at->second);
  }
  return at->second;
}

}  // namespace

Result<Tree> Tree::make(const catalog::Catalog& catalog) {
  Tree tree;
  tree.nodes_.emplace_back();
  Known known;
  for (std::uint32_t number = 0; number < catalog.files.size(); ++number) {
    const catalog::File& file = catalog.files[number];
    std::string_view rest = file.path;
    std::uint32_t at = 0;
    while (true) {
      const std::size_t slash = rest.find('/');
      at = enter(tree.nodes_, known, at, rest.substr(0, slash));
      if (slash == std::string_view::npos) break;
      rest.remove_prefix(slash + 1);
    }
    // The catalog has no duplicate paths, and no file inside a file.
    if (file.kind == catalog::FileKind::kRegular) tree.nodes_[at].file = number;
    if (tree.nodes_.size() > kMostFolders + number + 2) {
      return make_error(Code::kLimit, "the files are in more than {} directories", kMostFolders);
    }
  }
  for (Node& node : tree.nodes_) {
    std::ranges::sort(node.children, {}, [&](std::uint32_t child) -> std::string_view {
      return tree.nodes_[child].name;
    });
    node.folders = static_cast<std::uint32_t>(std::ranges::count_if(
        node.children, [&](std::uint32_t child) { return tree.nodes_[child].is_folder(); }));
  }
  return tree;
}

std::optional<std::uint32_t> Tree::find(std::uint32_t folder, std::string_view name) const {
  const std::vector<std::uint32_t>& children = nodes_[folder].children;
  const auto name_of = [&](std::uint32_t child) -> std::string_view { return nodes_[child].name; };
  const auto at = std::ranges::lower_bound(children, name, {}, name_of);
  if (at == children.end() || name_of(*at) != name) return std::nullopt;
  return *at;
}

}  // namespace bbz::view
