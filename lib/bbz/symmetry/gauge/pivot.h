// The gauge of a low-rank pair: a factor of which some rows, or columns, are those of the identity, and
// are not stored. The product A B of a pair is the same for every invertible G as (A G)(G^-1 B), so G
// can make an identity of any rows of A, or columns of B, that are independent. After Zhao et al.,
// "Pivoting Factorization", arXiv 2501.19090.
#pragma once

#include <optional>

#include "bbz/base/dtype.h"
#include "bbz/base/error.h"
#include "bbz/format/catalog/pivots.h"

namespace bbz::gauge {

// The most rows of a factor with pivots in its rows, or columns with pivots in its columns.
inline constexpr std::uint64_t kMaxPivotExtent = 262144;
// The most pivots.
inline constexpr std::uint64_t kMaxPivotRank = 32768;

// Returns the bits of the number 1, or nullopt if the type is not one of F16, BF16, F32 and F64.
std::optional<std::uint64_t> bits_of_one(DType dtype);

// Finds the pivots along `axis` (0: rows, 1: columns) of a row-major matrix: the first row that is 1, and
// then 0, the first after it that is 0, 1, and then 0, and so on, as many as there are columns; the other way round
// for axis 1. Compares bits, so 0 is +0. The result depends on the bytes alone, so a packer that stores
// these pivots stores the same when it meets the tensor again. A packer that chose others still
// stores these. Returns nullopt if there are none, if there is nothing beside them, if the type
// has no bits_of_one(), or if a size exceeds the limits above.
// Preconditions: axis is 0 or 1; dense.size() is rows * cols elements.
std::optional<catalog::Pivots> find_pivots(Bytes dense, DType dtype, std::uint64_t rows,
                                           std::uint64_t cols, unsigned axis);

// Returns the elements of a row-major matrix that are in no pivot, row by row: what chunks of form
// pivot store. There are (extent - pivots) * other extent of them.
// Preconditions: dtype has whole bytes; dense.size() is rows * cols elements; all pivots are below
// the extent of their axis.
std::vector<std::byte> pack_pivot(Bytes dense, DType dtype, std::uint64_t rows, std::uint64_t cols,
                                  const catalog::Pivots& pivots);

}  // namespace bbz::gauge
