// ArchiveView: what bbzinfo shows, read once from the archive's index.
#pragma once

#include <map>
#include <string>

#include "bbz/pack/info.h"
#include "common/network.h"

namespace bbz::tools {

struct ArchiveView {
  std::string name;  // as the user wrote it; a URL without what may be a secret
  catalog::Catalog catalog;
  Digest root;
  pack::Info info;
  // Values of metadata, by file (catalog::kNone: the archive) and key.
  std::map<std::pair<std::uint32_t, std::string>, std::string> metadata;
};

// Reads the index and the metadata; from standard input, the whole archive, without decoding it.
Result<ArchiveView> view_archive(const std::string& path, const NetworkArguments& network);

// What is shown besides the summary.
struct Lists {
  bool files = false;
  bool layers = false;
  bool tensors = false;
  bool chunks = false;
  bool symmetry = false;
};

void print_text(const ArchiveView& view, const Lists& lists, bool verbose);
// What the symmetry coder did to each file.
void print_symmetry(const ArchiveView& view);
// The schema is described in tools/bbzinfo/json.md.
void print_json(const ArchiveView& view, const Lists& lists);

}  // namespace bbz::tools
