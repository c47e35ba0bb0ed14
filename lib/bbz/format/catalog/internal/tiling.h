// Whether the tensors of a file cover it exactly.
#pragma once

#include <span>

#include "bbz/format/catalog/catalog.h"

namespace bbz::catalog {

// Sorts the file's tensors by offset and checks that they cover [0, file.size) without hole or
// overlap and that the names of tensors are unique. `offset` is that of the file end record, for
// messages. Errors: kMalformed.
Status check_tiling(File& file, std::span<const Tensor> tensors, std::uint64_t offset);

}  // namespace bbz::catalog
