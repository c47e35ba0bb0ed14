// Stored elements to double and back: F16, BF16, F32, F64.
//
// To double is exact. From double rounds once, to nearest, ties to even, as IEEE 754 does:
// subnormal results are kept, what is too large becomes an infinity, a NaN becomes the quiet NaN
// with no payload. No intermediate type is used, so nothing is rounded twice.
#pragma once

#include <span>

#include "bbz/base/checked.h"
#include "bbz/base/dtype.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::linalg {

// True for the four types of this header; the precondition of all that follows.
bool is_float(DType dtype);

// Precondition: `bytes` holds exactly values.size() elements.
void load(Bytes bytes, DType dtype, std::span<double> values);
void store(std::span<const double> values, DType dtype, MutableBytes bytes);

// A matrix from its stored rows, and back. Precondition: bytes.size() is rows * cols elements.
Matrix load_matrix(Bytes bytes, DType dtype, Index rows, Index cols);
void store_matrix(const ConstView& matrix, DType dtype, MutableBytes bytes);

// The nearest number of the type, as a double.
double round_to(DType dtype, double value);

// Returns the largest finite number of the type.
double largest(DType dtype);

// The distance between neighbours of the type in value's binade; that of subnormals below it.
// Precondition: value is finite.
double ulp(DType dtype, double value);

}  // namespace bbz::linalg
