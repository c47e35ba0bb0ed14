// The few dense operations that the frames need, in double precision: by BLAS and LAPACK where the
// build has them, by Eigen otherwise. Internal.
#pragma once

#include <Eigen/Core>

namespace bbz::bitsback {

using Matrix = Eigen::MatrixXd;  // column-major
using Block = Eigen::Ref<Matrix, 0, Eigen::OuterStride<>>;
using ConstBlock = Eigen::Ref<const Matrix, 0, Eigen::OuterStride<>>;

// c = aᵀ b. Shapes k×m, k×n, m×n.
void multiply_transposed(const ConstBlock& a, const ConstBlock& b, Block c);

// c += a bᵀ. Shapes m×k, n×k, m×n.
void accumulate_outer(const ConstBlock& a, const ConstBlock& b, Block c);

// c = a b. Shapes m×k, k×n, m×n.
void multiply(const ConstBlock& a, const ConstBlock& b, Block c);

// Replaces the square x by its inverse; false where LU meets a zero pivot or a non-finite value.
bool invert(Matrix& x);

// Replaces the square x by the orthogonal factor Q of x = QR, R upper triangular with a
// non-negative diagonal (Householder). Returns min |R_jj| / max |R_jj|, 0 for the zero matrix.
double orthogonalise(Matrix& x);

// Replaces the square x by its orthogonal polar factor, the orthogonal matrix nearest to it
// (Newton's iteration, scaled: Higham, "Computing the Polar Decomposition", SIAM J. Sci. Stat.
// Comput. 7, 1986). False where x is singular or the iteration does not settle.
bool polarise(Matrix& x);

// Replaces x by its Cayley transform (I - x)(I + x)⁻¹ = 2(I + x)⁻¹ - I, which takes skew matrices
// to rotations without the eigenvalue -1, and back. False where I + x is singular.
bool cayley(Matrix& x);

// Replaces the square x by its skew part (x - xᵀ) / 2.
void keep_skew_part(Matrix& x);

}  // namespace bbz::bitsback
