// Converts stored elements of F16, BF16, F32 and F64 to double and back.
//
// Conversion to double is exact. Conversion from double rounds once, to nearest, ties to even, as
// IEEE 754 does: subnormal results are kept, and values that are too large become infinities. For
// F16 and BF16, a NaN becomes the positive quiet NaN without a payload.
#pragma once

#include <span>

#include "bbz/base/checked.h"
#include "bbz/base/dtype.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::linalg {

// Returns whether `dtype` is one of the four types. That is a precondition of all functions below.
bool is_float(DType dtype);

// Loads elements. Precondition: `bytes` holds exactly values.size() elements.
void load(Bytes bytes, DType dtype, std::span<double> values);
// Loads elements of a type of at most 32 bits as float, which is exact too.
void load(Bytes bytes, DType dtype, std::span<float> values);
// Stores elements, rounded. Precondition: `bytes` holds exactly values.size() elements.
void store(std::span<const double> values, DType dtype, MutableBytes bytes);

// Loads a row-major matrix. Precondition: `bytes` holds exactly rows * cols elements.
Matrix load_matrix(Bytes bytes, DType dtype, Index rows, Index cols);
// Stores a matrix row by row, rounded. Precondition: `bytes` holds exactly its elements.
void store_matrix(const ConstView& matrix, DType dtype, MutableBytes bytes);

// Returns the nearest number of the type, as a double.
double round_to(DType dtype, double value);

// Returns the largest finite number of the type.
double largest(DType dtype);

// Returns the distance between neighbours of the type in the binade of `value`, or that of
// subnormals if `value` is below the smallest normal number. Precondition: value is finite.
double ulp(DType dtype, double value);

}  // namespace bbz::linalg
