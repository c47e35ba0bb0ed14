// Rotates the tensors that touch a junction: W U, U^T W, U^T b.
//
// Rows of the result are computed whole, each with all its columns, and rounded once. The result is
// the exact rotation rounded to the tensor's type, except for entries so close to a tie that the
// error of the products (see OutputRows) takes them to the other neighbour.
#pragma once

#include <optional>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/symmetry/gauge/floor.h"
#include "bbz/symmetry/junction/detect.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::gauge {

// Checks that a tensor can be rotated. Errors: kMalformed if `bytes` does not have the size of
// dtype and shape; kUnsupported if an element is infinite or NaN, naming tensor, element and value.
Status check_finite(const TensorInfo& info, Bytes bytes);

// Returns the tensor's bytes after the rotation `u` of a junction in which it has `role`, and adds
// the rounding, with a floor if one is asked for, to `rounding`. Works by blocks of output rows, and
// takes some tens of megabytes beside its result, and 8 d^2 bytes for a type of 16 bits. Errors:
// kUnsupported if an entry overflows the type, naming the tensor.
// Preconditions: check_finite() succeeds; u is d x d.
Result<std::vector<std::byte>> rotate_member(const TensorInfo& info, junction::Role role,
                                             Bytes bytes, const linalg::Matrix& u, Floor floor,
                                             Rounding& rounding);

// Returns true only if rotate_member() succeeds for any rotation: each row or column that is
// rotated is shorter, with a small margin, than the largest number of the type. Precondition:
// check_finite() succeeds.
bool fits_when_rotated(const TensorInfo& info, junction::Role role, Bytes bytes);

// Checks that rotate_member() succeeds with this rotation. In most cases it is much cheaper. Errors
// and preconditions: those of rotate_member().
Status check_rotation(const TensorInfo& info, junction::Role role, Bytes bytes,
                      const linalg::Matrix& u);

// Computes the rows from `first` on of W U, for a matrix W with the given bytes, into the same rows
// of `out`. Errors and preconditions: those of rotate_member().
Status rotate_rows(const TensorInfo& info, Bytes bytes, std::uint64_t first,
                   const linalg::Matrix& u, Floor floor, MutableBytes out, Rounding& rounding);

}  // namespace bbz::gauge
