// Tensors that touch a junction, rotated: W U, U^T W, U^T b.
//
// Products are taken in double, where their error is some 2^-45 of the largest term, and rounded
// once: the result is the exact rotation rounded to the tensor's type, but for the rare entry so
// close to a tie that it falls to the other neighbour.
#pragma once

#include <optional>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/symmetry/gauge/internal/deviation.h"
#include "bbz/symmetry/junction/detect.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::gauge {

// Checks that a tensor can be rotated at all. Errors: kMalformed if `bytes` is not the size that
// info says; kUnsupported if an element is infinite or no number, naming tensor, element and value.
Status check_finite(const TensorInfo& info, Bytes bytes);

// The tensor's bytes after the rotation of a junction where it has that role. Works by blocks of
// rows or columns and takes, beside its result, some tens of megabytes. Errors: kUnsupported where
// an entry overflows the type, naming the tensor. Preconditions: check_finite(); u is d x d.
Result<std::vector<std::byte>> rotate_member(const TensorInfo& info, junction::Role role,
                                             Bytes bytes, const linalg::Matrix& u,
                                             Deviation& deviation);

// Checks that rotate_member() succeeds for any rotation: no row or column that is rotated is longer
// than the largest number of the type. Precondition: check_finite().
bool fits_when_rotated(const TensorInfo& info, junction::Role role, Bytes bytes);

// Checks that rotate_member() succeeds with this rotation, without its cost in most cases. Errors
// and preconditions: those of rotate_member().
Status check_rotation(const TensorInfo& info, junction::Role role, Bytes bytes,
                      const linalg::Matrix& u);

// The rows from `first` on of a matrix W, after W U.
Status rotate_rows(const TensorInfo& info, Bytes bytes, std::uint64_t first,
                   const linalg::Matrix& u, MutableBytes out, Deviation& deviation);

}  // namespace bbz::gauge
