// Matrix products, by BLAS if OpenBLAS is installed, else by Eigen.
#pragma once

#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::linalg {

// Whether an operand is transposed before it is multiplied.
enum class Op : bool { kPlain, kTransposed };

// Computes out = scale * op(a) op(b) + keep * out. If `keep` is 0, the old value of `out` is
// ignored, even a NaN. Preconditions: the shapes fit; `out` overlaps neither operand.
void multiply(const ConstView& a, Op op_a, const ConstView& b, Op op_b, View out,
              double scale = 1.0, double keep = 0.0);

// The same in float. The result does not depend on the number of threads.
void multiply(const ConstFloatView& a, Op op_a, const ConstFloatView& b, Op op_b, FloatView out,
              float scale = 1.0F, float keep = 0.0F);

// Returns a b. Precondition: the shapes fit.
Matrix product(const ConstView& a, const ConstView& b);

// Returns a a^T, or a^T a if `op` is kTransposed. The upper triangle is a copy of the lower.
Matrix gram(const ConstView& a, Op op = Op::kPlain);
// The same in float. The result does not depend on the number of threads.
FloatMatrix gram(const ConstFloatView& a, Op op = Op::kPlain);

// Subtracts a a^T from the lower triangle of `out`, and leaves the rest as it is. Precondition: out
// has as many rows and columns as `a` has rows.
void subtract_gram(const ConstView& a, Matrix& out);

// Returns whether BLAS and LAPACK are used. Loads them if they have not been loaded.
bool has_lapack();

// Sets the number of threads that BLAS and LAPACK may use in the whole process. 0, which is also
// the default, means one for each processor, and they use no more than that. They use fewer if the
// system gives fewer. Does not load them. Results of decoding do not depend on it.
void set_threads(unsigned threads);
// Loads BLAS and LAPACK, and returns the number of threads that they use; 1 if they are missing.
unsigned threads();

}  // namespace bbz::linalg
