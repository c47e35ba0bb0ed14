// Checks that the tensors of a file cover it exactly.
#pragma once

#include <span>

#include "bbz/format/catalog/catalog.h"

namespace bbz::catalog {

// Sorts file.tensors by offset, and checks that they cover [0, file.size) without hole or overlap
// and that no two of them and of file.views have the same name (plain bytes have none). `tensors` are those of the catalog;
// `offset` is the offset of the file end record, for messages. Errors: kMalformed.
Status check_tiling(File& file, std::span<const Tensor> tensors, std::uint64_t offset);

}  // namespace bbz::catalog
