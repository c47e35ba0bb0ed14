// The triangular gauge: matrices whose entries right of the diagonal are zero, and are not stored.
#pragma once

#include "bbz/base/checked.h"
#include "bbz/base/dtype.h"
#include "bbz/base/error.h"

namespace bbz::gauge {

// The entries that rows [0, row) of a matrix with `cols` columns keep: min(i + 1, cols) of row i.
// With row = rows, the entries of the whole packed matrix.
// Precondition: row and cols are below 2^31.
std::uint64_t lower_count(std::uint64_t row, std::uint64_t cols);

// True where packing loses nothing and the gauge is chosen: every entry right of the diagonal is +0
// bit for bit, and no diagonal entry has its sign bit set.
// Preconditions: dtype is a float type of whole bytes; full.size() is rows * cols elements.
bool is_lower(Bytes full, DType dtype, std::uint64_t rows, std::uint64_t cols);

// The kept entries, row by row. `packed` has lower_count(rows, cols) elements, `full` rows * cols.
// Errors: kInvalidArgument where a size is another one.
Status pack_lower(Bytes full, DType dtype, std::uint64_t rows, std::uint64_t cols,
                  MutableBytes packed);
Status unpack_lower(Bytes packed, DType dtype, std::uint64_t rows, std::uint64_t cols,
                    MutableBytes full);

}  // namespace bbz::gauge
