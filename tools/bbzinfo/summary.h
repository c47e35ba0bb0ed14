// Summary: what bbzinfo shows, read once from the archive.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "bbz/ops/info.h"
#include "common/acceptance.h"
#include "common/archive_input.h"
#include "common/network.h"

namespace bbz::tools {

// The lists to show besides the summary.
struct Lists {
  bool files = false;  // and their metadata
  bool layers = false;
  bool tensors = false;
  bool chunks = false;
  bool symmetry = false;
};

// The longest metadata value that is shown, because an archive may hold any number of them.
inline constexpr std::uint64_t kMostValueBytes = std::uint64_t{1} << 20;
// The most bytes of metadata values that are shown together.
inline constexpr std::uint64_t kMostValueBytesTogether = std::uint64_t{16} << 20;

// The content of an archive, as far as it is shown.
struct Summary {
  // A metadata value.
  struct Value {
    std::uint64_t bytes = 0;
    std::optional<std::string> text;  // if it is shown
    bool unknown = false;             // it requires an extension that is not known
  };

  std::string name;           // as the user wrote it, but without what may be secret in a URL
  ArchiveInput input;         // holds the catalog of an archive that was opened by its index
  catalog::Catalog streamed;  // the catalog of any other archive
  const catalog::Catalog* catalog = nullptr;
  Digest root;
  ops::Info info;
  // The values by file (catalog::kNone for the archive) and key.
  std::map<std::pair<std::uint32_t, std::string>, Value> metadata;
};

// Reads the index and the metadata to show; from standard input, reads the whole archive without
// decoding it. Fills `view` in place, because `catalog` may point into it: do not move it
// afterwards. Errors: those of ArchiveInput::open() and of reading, which name the archive.
Status summarize(const std::string& path, const NetworkArguments& network,
                 const Acceptance& acceptance, const Lists& lists, Summary& summary);

// Prints the view as text.
void print_text(const Summary& summary, const Lists& lists, bool verbose);
// Prints what the symmetry coder did to each file.
void print_symmetry(const Summary& summary);
// Prints the view as JSON; tools/bbzinfo/json.md describes the schema.
void print_json(const Summary& summary, const Lists& lists);

}  // namespace bbz::tools
