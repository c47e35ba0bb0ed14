// Selection: which tensors of an archive are asked for, by layer and by name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bbz/format/catalog/catalog.h"

namespace bbz::ops {

// A pattern is that of fnmatch(3): * and ? match any characters, '/' and '.' too, [...] one of a
// set. A tensor is selected when its file matches one of `files`, its layer lies in one of
// `layers`, its name matches one of `tensors`, each where it is not empty, and its name matches
// none of `excluded`.
struct Selection {
  struct Layers {
    std::uint32_t first = 0;
    std::uint32_t last = 0;  // included
  };

  std::vector<std::string> files;
  std::vector<Layers> layers;
  std::vector<std::string> tensors;
  std::vector<std::string> excluded;

  bool selects_file(std::string_view path) const;
  // False for bytes that are no tensor and for operands.
  bool selects(const catalog::File& file, const catalog::Tensor& tensor) const;
  // Whether tensors are asked for, rather than whole files.
  bool of_tensors() const { return !layers.empty() || !tensors.empty() || !excluded.empty(); }
  // What it asks for, for messages: `layer 3, tensor "*.weight"`.
  std::string to_string() const;
};

// The selected tensors, by number, in archive order. Errors: kNotFound where there is none.
Result<std::vector<std::uint32_t>> select(const catalog::Catalog& catalog,
                                          const Selection& selection);

}  // namespace bbz::ops
