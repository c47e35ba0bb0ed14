#include "bbz/bitsback/dense.h"

#include <algorithm>
#include <cmath>
#include <vector>

#ifdef BBZ_BITSBACK_LAPACK
#include <cblas.h>
#include <lapacke.h>
#else
#include <Eigen/LU>
#include <Eigen/QR>
#endif

namespace bbz::bitsback {

#ifdef BBZ_BITSBACK_LAPACK

void multiply_transposed(const ConstBlock& a, const ConstBlock& b, Block c) {
  cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, static_cast<int>(c.rows()),
              static_cast<int>(c.cols()), static_cast<int>(a.rows()), 1.0, a.data(),
              static_cast<int>(a.outerStride()), b.data(), static_cast<int>(b.outerStride()), 0.0,
              c.data(), static_cast<int>(c.outerStride()));
}

void accumulate_outer(const ConstBlock& a, const ConstBlock& b, Block c) {
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, static_cast<int>(c.rows()),
              static_cast<int>(c.cols()), static_cast<int>(a.cols()), 1.0, a.data(),
              static_cast<int>(a.outerStride()), b.data(), static_cast<int>(b.outerStride()), 1.0,
              c.data(), static_cast<int>(c.outerStride()));
}

void multiply(const ConstBlock& a, const ConstBlock& b, Block c) {
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(c.rows()),
              static_cast<int>(c.cols()), static_cast<int>(a.cols()), 1.0, a.data(),
              static_cast<int>(a.outerStride()), b.data(), static_cast<int>(b.outerStride()), 0.0,
              c.data(), static_cast<int>(c.outerStride()));
}

bool invert(Matrix& x) {
  const auto n = static_cast<lapack_int>(x.rows());
  std::vector<lapack_int> pivots(static_cast<std::size_t>(n));
  if (LAPACKE_dgetrf_work(LAPACK_COL_MAJOR, n, n, x.data(), n, pivots.data()) != 0) return false;
  const lapack_int work_size = 64 * n;
  std::vector<double> work(static_cast<std::size_t>(work_size));
  if (LAPACKE_dgetri_work(LAPACK_COL_MAJOR, n, x.data(), n, pivots.data(), work.data(),
                          work_size) != 0) {
    return false;
  }
  return x.allFinite();
}

static std::vector<double> factor_qr(Matrix& x) {
  const auto n = static_cast<lapack_int>(x.rows());
  std::vector<double> tau(static_cast<std::size_t>(n));
  const lapack_int work_size = 64 * n;
  std::vector<double> work(static_cast<std::size_t>(work_size));
  LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, n, n, x.data(), n, tau.data(), work.data(), work_size);
  std::vector<double> diagonal(static_cast<std::size_t>(n));
  for (lapack_int j = 0; j < n; ++j) diagonal[static_cast<std::size_t>(j)] = x(j, j);
  LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, n, n, n, x.data(), n, tau.data(), work.data(), work_size);
  return diagonal;
}

#else

void multiply_transposed(const ConstBlock& a, const ConstBlock& b, Block c) {
  c.noalias() = a.transpose() * b;
}

void accumulate_outer(const ConstBlock& a, const ConstBlock& b, Block c) {
  c.noalias() += a * b.transpose();
}

void multiply(const ConstBlock& a, const ConstBlock& b, Block c) {
  c.noalias() = a * b;
}

bool invert(Matrix& x) {
  x = Eigen::PartialPivLU<Matrix>(x).inverse().eval();
  return x.allFinite();
}

static std::vector<double> factor_qr(Matrix& x) {
  const Eigen::HouseholderQR<Matrix> qr(x);
  const Eigen::VectorXd diagonal = qr.matrixQR().diagonal();
  x = qr.householderQ() * Matrix::Identity(x.rows(), x.cols());
  return {diagonal.data(), diagonal.data() + diagonal.size()};
}

#endif

double orthogonalise(Matrix& x) {
  const std::vector<double> diagonal = factor_qr(x);
  double smallest = INFINITY;
  double largest = 0;
  for (Eigen::Index j = 0; j < x.cols(); ++j) {
    const double r = diagonal[static_cast<std::size_t>(j)];
    if (r < 0) x.col(j) = -x.col(j);
    smallest = std::min(smallest, std::abs(r));
    largest = std::max(largest, std::abs(r));
  }
  return largest > 0 ? smallest / largest : 0;
}

bool polarise(Matrix& x) {
  // The error left by a step is about half the square of the step: one below kSettled leaves none.
  constexpr double kSettled = 1e-8;
  constexpr double kScaleUntil = 1e-2;
  constexpr int kMostSteps = 50;
  bool scaled = true;
  for (int step = 0; step < kMostSteps; ++step) {
    Matrix next = x;
    if (!invert(next)) return false;
    const double gamma = scaled ? std::sqrt(next.norm() / x.norm()) : 1.0;
    if (!std::isfinite(gamma) || gamma == 0) return false;
    next.transposeInPlace();
    next = (0.5 * gamma) * x + (0.5 / gamma) * next;
    const double change = (next - x).norm() / next.norm();
    x.swap(next);
    if (!std::isfinite(change)) return false;
    if (change < kSettled) return true;
    if (change < kScaleUntil) scaled = false;
  }
  return false;
}

bool cayley(Matrix& x) {
  x.diagonal().array() += 1;
  if (!invert(x)) return false;
  x *= 2;
  x.diagonal().array() -= 1;
  return true;
}

void keep_skew_part(Matrix& x) {
  for (Eigen::Index j = 0; j < x.cols(); ++j) {
    x(j, j) = 0;
    for (Eigen::Index i = j + 1; i < x.rows(); ++i) {
      const double skew = 0.5 * (x(i, j) - x(j, i));
      x(i, j) = skew;
      x(j, i) = -skew;
    }
  }
}

}  // namespace bbz::bitsback
