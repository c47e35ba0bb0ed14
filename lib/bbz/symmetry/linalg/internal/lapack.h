// BLAS and LAPACK as OpenBLAS has them, loaded when they are first wanted: a program that rotates
// nothing is spared them, and the threads that OpenBLAS starts. OpenBLAS is given no more threads
// than the system has to give. Internal to this room.
#pragma once

#include <cstddef>

namespace bbz::linalg::lapack {

// Reports whether they are there; if not, the room does all with Eigen. The precondition of
// everything below but set_threads().
bool available();

// A number of rows or columns as LAPACK takes it.
inline int to_int(std::ptrdiff_t n) {
  return static_cast<int>(n);
}

// Sets how many threads they may use, in the whole process, 0 for one a processor; they get fewer
// if the system does not give as many. Nothing is loaded for it.
void set_threads(int threads);
// Returns how many they use.
int threads();

// An operand of a product: row-major, `transposed` before it is multiplied.
template <class Scalar>
struct Operand {
  const Scalar* data;
  int stride;
  bool transposed;
};

// c = scale * a b + keep * c, where c is rows x cols, row-major with its stride, and `inner` is
// what a and b share: xGEMM.
template <class Scalar>
struct Product {
  int rows, cols, inner;
  Scalar scale, keep;
  Scalar* c;
  int stride;
};
void gemm(const Operand<double>& a, const Operand<double>& b, const Product<double>& product);
void gemm(const Operand<float>& a, const Operand<float>& b, const Product<float>& product);

// The lower triangle of the n x n product of a and its transpose, row-major without gaps: DSYRK.
void syrk_lower(const Operand<double>& a, int n, int inner, double* c);

// The others take column-major matrices without gaps, work in place and return LAPACK's INFO: 0
// where all is well. Names and operands are LAPACK's.
int geqrf(int m, int n, double* a, double* tau);
int orgqr(int m, int n, int k, double* a, const double* tau);
int geqp3(int m, int n, double* a, int* jpvt, double* tau);
int syevd(int n, double* a, double* w);  // vectors too, from the lower triangle
int gesdd(int m, int n, double* a, double* s, double* u,
          double* vt);  // the first min(m, n) vectors
int getrf(int n, double* a, int* pivots);
int getri(int n, double* a, const int* pivots);

}  // namespace bbz::linalg::lapack
