// Part: bytes of a tensor that a caller wants, before it is known where they lie in the archive.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz::plan {

// Decoded bytes [offset, offset + size) of the tensor with this number.
struct Part {
  std::uint32_t tensor = 0;  // index into Catalog::tensors
  std::uint64_t offset = 0;  // of the first byte, from the beginning of the tensor
  std::uint64_t size = 0;    // bytes

  // Returns whether two parts name the same bytes of the same tensor.
  friend bool operator==(const Part&, const Part&) = default;
};

// The functions below make parts from what a caller knows. Errors: kInvalidArgument for a number or
// a range that does not exist. To select by names, globs or layers, pass the numbers from
// ops::select() to whole_tensors().

// Returns the parts for whole tensors, by number.
Result<std::vector<Part>> whole_tensors(const catalog::Catalog& catalog,
                                        std::span<const std::uint32_t> tensors);
// Returns the part for rows [first, last) along the outermost axis; a tensor of rank 0 has one row.
// Rows of elements smaller than a byte are rounded outwards to whole bytes.
Result<Part> rows(const catalog::Catalog& catalog, std::uint32_t tensor, std::uint64_t first,
                  std::uint64_t last);
// Returns the parts for all tensors whose record has this layer. Errors: kNotFound if there is
// none.
Result<std::vector<Part>> layer(const catalog::Catalog& catalog, std::uint32_t layer);
// Returns the parts for a whole file, by number.
Result<std::vector<Part>> whole_file(const catalog::Catalog& catalog, std::uint32_t file);
// Returns the parts for bytes [offset, offset + size) of a file.
Result<std::vector<Part>> file_bytes(const catalog::Catalog& catalog, std::uint32_t file,
                                     std::uint64_t offset, std::uint64_t size);
// Returns the parts for every tensor of the archive, including operands.
std::vector<Part> everything(const catalog::Catalog& catalog);

}  // namespace bbz::plan
