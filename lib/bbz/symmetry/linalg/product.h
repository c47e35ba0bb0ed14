// Matrix products in double: by BLAS where OpenBLAS is installed, by Eigen otherwise.
#pragma once

#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::linalg {

enum class Op : bool { kPlain, kTransposed };

// out = scale * op(a) op(b) + keep * out. Preconditions: shapes fit; out overlaps neither operand.
void multiply(const ConstView& a, Op op_a, const ConstView& b, Op op_b, View out,
              double scale = 1.0, double keep = 0.0);

// The same as a value.
Matrix product(const ConstView& a, const ConstView& b);

// The lower triangle of a a^T (or a^T a, where op is kTransposed), the upper copied from it.
Matrix gram(const ConstView& a, Op op = Op::kPlain);

// True where BLAS and LAPACK stand behind this room. The first call that needs them loads them.
bool has_lapack();

// Sets how many threads BLAS and LAPACK may use, in the whole process, 0 for as many as the machine
// runs at once, which is also what they use before the first call. They use fewer if the system
// gives fewer. Nothing is loaded for it. Results of decoding do not depend on it.
void set_threads(unsigned threads);
// Returns how many they use now: 1 without them.
unsigned threads();

}  // namespace bbz::linalg
