// The triangular gauge: matrices whose entries right of the diagonal are zero, and are not stored.
#pragma once

#include "bbz/base/checked.h"
#include "bbz/base/dtype.h"
#include "bbz/base/error.h"
#include "bbz/format/catalog/lower.h"

namespace bbz::gauge {

// With row = rows, the number of entries of the packed matrix.
using catalog::lower_count;

// Returns whether packing loses nothing and the matrix is in this gauge: every entry right of the
// diagonal is +0 bit for bit, and no diagonal entry has its sign bit set.
// Preconditions: dtype is a float type of whole bytes; full.size() is rows * cols elements.
bool is_lower(Bytes full, DType dtype, std::uint64_t rows, std::uint64_t cols);

// Packs the kept entries, row by row. `packed` has lower_count(rows, cols) elements, `full` has
// rows * cols. Errors: kInvalidArgument if a size is wrong.
Status pack_lower(Bytes full, DType dtype, std::uint64_t rows, std::uint64_t cols,
                  MutableBytes packed);

}  // namespace bbz::gauge
