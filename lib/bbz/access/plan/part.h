// Part: what of an archive is asked for, before it is known where it lies.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz::plan {

// Decoded bytes [offset, offset + size) of the tensor with this number.
struct Part {
  std::uint32_t tensor = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;

  friend bool operator==(const Part&, const Part&) = default;
};

// Each makes parts out of what a caller knows. Errors: kInvalidArgument for a number or a range
// that does not exist. Names, globs and layers are ops::select's, whose numbers go into
// whole_tensors().
Result<std::vector<Part>> whole_tensors(const catalog::Catalog& catalog,
                                        std::span<const std::uint32_t> tensors);
// Rows [first, last) along the outermost axis; a tensor of rank 0 has one. Rows of elements of less
// than a byte are rounded outwards to whole bytes.
Result<Part> rows(const catalog::Catalog& catalog, std::uint32_t tensor, std::uint64_t first,
                  std::uint64_t last);
// Everything that is labelled with this layer. Errors: kNotFound where nothing is.
Result<std::vector<Part>> layer(const catalog::Catalog& catalog, std::uint32_t layer);
Result<std::vector<Part>> whole_file(const catalog::Catalog& catalog, std::uint32_t file);
// Bytes [offset, offset + size) of a file.
Result<std::vector<Part>> file_bytes(const catalog::Catalog& catalog, std::uint32_t file,
                                     std::uint64_t offset, std::uint64_t size);
// Every tensor of the archive, operands too.
std::vector<Part> everything(const catalog::Catalog& catalog);

}  // namespace bbz::plan
