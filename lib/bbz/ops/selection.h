// Selection: selects files of an archive by path, and tensors by file, layer and name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bbz/format/catalog/catalog.h"

namespace bbz::ops {

// Selects files whose path matches one of the patterns, or all files if there is none. Patterns are
// those of fnmatch(3): * and ? match any characters, including '/' and '.', and [...] matches one
// of a set.
struct FileSelection {
  std::vector<std::string> patterns;  // of paths

  // Returns whether it selects the file with this path.
  bool selects(std::string_view path) const;
  // Describes the selection for messages: `file "*.json"`.
  std::string to_string() const;
};

// Selects tensors. A tensor is selected if its file is, its layer lies in one of `layers`, its name
// matches one of `tensors`, and its name matches none of `excluded`. An empty list restricts
// nothing. Patterns are those of FileSelection.
struct Selection {
  // A range of layers.
  struct Layers {
    std::uint32_t first = 0;  // number of the first layer
    std::uint32_t last = 0;   // included
  };

  FileSelection files;                // of the tensors
  std::vector<Layers> layers;         // tensors of no layer lie in none of them
  std::vector<std::string> tensors;   // patterns of names that are selected
  std::vector<std::string> excluded;  // patterns of names that are not selected

  // Returns whether a tensor of the file with this path is selected; false for bytes that are no
  // tensor and for operands.
  bool selects(std::string_view path, const catalog::Tensor& tensor) const;
  // Returns whether it selects tensors, and not only files.
  bool of_tensors() const { return !layers.empty() || !tensors.empty() || !excluded.empty(); }
  // Describes the selection for messages: `layer 3, tensor "*.weight"`.
  std::string to_string() const;
};

// Returns the selected tensors, by number, in archive order. Errors: kNotFound if there is none.
Result<std::vector<std::uint32_t>> select(const catalog::Catalog& catalog,
                                          const Selection& selection);

// Returns the bytes of what is selected: of tensors if `selection` selects some, otherwise of files.
std::uint64_t selected_bytes(const catalog::Catalog& catalog, const Selection& selection);

}  // namespace bbz::ops
