// BLAS and LAPACK of OpenBLAS, loaded when they are first needed, so that a program that rotates
// nothing loads neither them nor the threads that OpenBLAS starts. OpenBLAS gets no more threads
// than the system can give.
#pragma once

#include <cstddef>

namespace bbz::linalg::lapack {

// Loads them if necessary, and returns whether they are available; if not, the room uses Eigen.
// That is a precondition of everything below except to_int() and set_threads().
bool available();

// Converts a number of rows or columns for LAPACK.
inline int to_int(std::ptrdiff_t n) {
  return static_cast<int>(n);
}

// Sets the number of threads that they may use in the whole process, 0 for one for each processor.
// They get fewer if the system gives fewer. Does not load them.
void set_threads(int threads);
// Returns the number of threads that they use.
int threads();

// While one lives, they work on the calling thread alone, in the whole process. Precondition:
// available().
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
};

// An operand of a product, row-major. If `transposed`, its transpose is multiplied. Nothing is
// owned.
template <class Scalar>
struct Operand {
  const Scalar* data;
  int stride;
  bool transposed;
};

// The result of a product, c = scale * a b + keep * c: c is rows x cols, row-major with its stride,
// and `inner` is the extent that a and b share. Nothing is owned.
template <class Scalar>
struct Product {
  int rows, cols, inner;
  Scalar scale, keep;
  Scalar* c;
  int stride;
};
// Computes a product: xGEMM.
void gemm(const Operand<double>& a, const Operand<double>& b, const Product<double>& product);
void gemm(const Operand<float>& a, const Operand<float>& b, const Product<float>& product);

// Computes the lower triangle of c = scale * a a^T + keep * c, n x n, row-major without gaps: DSYRK.
// `inner` is the other extent of a.
void syrk_lower(const Operand<double>& a, int n, int inner, double scale, double keep, double* c);

// Replaces the lower triangle of a symmetric positive definite matrix, row-major without gaps, by L
// of a = L L^T: xPOTRF. Returns LAPACK's INFO. The upper triangle is unspecified.
int potrf_lower(int n, double* a);
int potrf_lower(int n, float* a);
// Replaces a lower triangle, row-major without gaps, by its inverse: DTRTRI. Returns LAPACK's INFO.
int trtri_lower(int n, double* a);
// Replaces x, rows x n, by x (L L^T)^-1, all row-major without gaps: xTRSM, twice.
void solve_right(int rows, int n, const double* lower, double* x);
void solve_right(int rows, int n, const float* lower, float* x);

// The functions below take column-major matrices without gaps, work in place, and return LAPACK's
// INFO, which is 0 on success. Names and operands are LAPACK's.
int geqrf(int m, int n, double* a, double* tau);
int orgqr(int m, int n, int k, double* a, const double* tau);
int syevd(int n, double* a, double* w);  // computes vectors too; uses the lower triangle
int gesdd(int m, int n, double* a, double* s, double* u,
          double* vt);  // computes the first min(m, n) vectors
int getrf(int m, int n, double* a, int* pivots);
int getri(int n, double* a, const int* pivots);

}  // namespace bbz::linalg::lapack
