#include "symmetry/rotated.h"

#include <cmath>
#include <cstdio>
#include <random>
#include <thread>

#include "bbz/symmetry/gauge/members.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"
#include "symmetry/measure.h"

namespace bbz::bench {
namespace {

using junction::Role;
using linalg::Index;
using linalg::Matrix;

// A dense orthogonal matrix: cosines, with random signs of rows and columns.
Matrix orthogonal(Index n) {
  std::mt19937 random(1);
  std::vector<double> left(static_cast<std::size_t>(n)), right(left.size());
  for (double& sign : left) sign = (random() & 1u) != 0 ? 1.0 : -1.0;
  for (double& sign : right) sign = (random() & 1u) != 0 ? 1.0 : -1.0;
  Matrix m(n, n);
  for (Index i = 0; i < n; ++i) {
    const double scale = std::sqrt((i == 0 ? 1.0 : 2.0) / static_cast<double>(n));
    for (Index j = 0; j < n; ++j) {
      const double angle =
          M_PI * static_cast<double>((2 * j + 1) * i % (4 * n)) / (2.0 * static_cast<double>(n));
      m(i, j) = scale * std::cos(angle) * left[static_cast<std::size_t>(i)] *
                right[static_cast<std::size_t>(j)];
    }
  }
  return m;
}

bool print_one(const Matrix& u, std::uint64_t rows, DType dtype, Role role) {
  const auto d = static_cast<Index>(u.rows());
  const auto n = static_cast<Index>(rows);
  const bool reads = role == Role::kReads;
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal(0.0, 0.02);
  Matrix w(reads ? n : d, reads ? d : n);
  for (double& x : w.reshaped()) x = normal(random);
  const TensorInfo info{
      "w", dtype, {static_cast<std::uint64_t>(w.rows()), static_cast<std::uint64_t>(w.cols())}};
  std::vector<std::byte> bytes(static_cast<std::size_t>(w.size()) * element_bytes(dtype));
  linalg::store_matrix(w, dtype, bytes);
  w = linalg::load_matrix(bytes, dtype, w.rows(), w.cols());
  Matrix exact = Matrix::Zero(w.rows(), w.cols());
  const Timer products;
  if (reads) {
    linalg::multiply(w, linalg::Op::kPlain, u, linalg::Op::kPlain, exact);
  } else {
    linalg::multiply(u, linalg::Op::kTransposed, w, linalg::Op::kPlain, exact);
  }
  const double product_seconds = products.seconds();
  gauge::Rounding rounding;
  const Timer rotation;
  const auto rotated = gauge::rotate_member(info, role, bytes, u, gauge::Floor::kNone, rounding);
  const double seconds = rotation.seconds();
  if (!rotated.ok()) {
    std::fprintf(stderr, "%s\n", rotated.error().message.c_str());
    return false;
  }
  const Matrix stored = linalg::load_matrix(*rotated, dtype, w.rows(), w.cols());
  double largest = 0;
  Index other = 0;  // neighbours than the exact rotation rounded
  for (Index i = 0; i < exact.size(); ++i) {
    const double x = exact.data()[i];
    largest = std::max(largest, std::abs(stored.data()[i] - x) / linalg::ulp(dtype, x));
    if (stored.data()[i] != linalg::round_to(dtype, x)) ++other;
  }
  std::printf(
      "%6lld %-5s %-6s   largest deviation %.4f ulp   other neighbour %.2e of entries   %5.2f x\n",
      static_cast<long long>(d), std::string(dtype_info(dtype).name).c_str(),
      reads ? "reads" : "writes", largest,
      static_cast<double>(other) / static_cast<double>(exact.size()), seconds / product_seconds);
  std::fflush(stdout);
  return true;
}

}  // namespace

bool print_rotated(const RotatedOptions& options) {
  linalg::set_threads(std::max(1U, std::thread::hardware_concurrency()));
  std::printf(
      "Deviation of stored entries from the product in float64, and the time of a rotation\n"
      "beside that product.\n\n");
  for (const std::uint64_t width : options.widths) {
    const Matrix u = orthogonal(static_cast<Index>(width));
    for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
      for (const Role role : {Role::kReads, Role::kWrites}) {
        if (!print_one(u, options.rows, dtype, role)) return false;
      }
    }
  }
  return true;
}

}  // namespace bbz::bench
