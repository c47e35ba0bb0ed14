// The scalar product of floats and doubles.
#pragma once

#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::linalg {

// Returns the sum of a[k] b[k] over `n` elements, in double. The order of the sum depends on the
// processor.
double dot(const float* a, const double* b, Index n);

// The functions that dot() chooses from.
double dot_portable(const float* a, const double* b, Index n);
#if defined(__x86_64__)
double dot_avx2(const float* a, const double* b, Index n);  // needs AVX2 and FMA
#endif

}  // namespace bbz::linalg
