// ArchiveView: what bbzinfo shows, read once from the archive's index.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "bbz/ops/info.h"
#include "common/acceptance.h"
#include "common/archive_input.h"
#include "common/network.h"

namespace bbz::tools {

// What is shown besides the summary.
struct Lists {
  bool files = false;  // with their metadata
  bool layers = false;
  bool tensors = false;
  bool chunks = false;
  bool symmetry = false;
};

// A longer value of metadata is not shown, nor is one after so many bytes of others: an archive may
// hold any number of them.
inline constexpr std::uint64_t kMostValueBytes = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kMostValueBytesTogether = std::uint64_t{16} << 20;

struct ArchiveView {
  struct Value {
    std::uint64_t bytes = 0;
    std::optional<std::string> text;  // where it is shown
  };

  std::string name;           // as the user wrote it; a URL without what may be a secret
  ArchiveInput input;         // holds the catalog of an archive that was opened by its index
  catalog::Catalog streamed;  // that of any other
  const catalog::Catalog* catalog = nullptr;
  Digest root;
  ops::Info info;
  // By file (catalog::kNone: the archive) and key.
  std::map<std::pair<std::uint32_t, std::string>, Value> metadata;
};

// Reads the index and, of the metadata, what is to be shown; from standard input, the whole
// archive, without decoding it. A view has its catalog as long as it stays where it is: it is
// filled in place.
// Errors: those of ArchiveInput::open and of reading, which name it.
Status view_archive(const std::string& path, const NetworkArguments& network,
                    const Acceptance& acceptance, const Lists& lists, ArchiveView& view);

void print_text(const ArchiveView& view, const Lists& lists, bool verbose);
// What the symmetry coder did to each file.
void print_symmetry(const ArchiveView& view);
// The schema is described in tools/bbzinfo/json.md.
void print_json(const ArchiveView& view, const Lists& lists);

}  // namespace bbz::tools
