// Blocks of rows whose products are float, against products in double.
#include "bbz/symmetry/gauge/internal/output_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/factor.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::gauge {
namespace {

using junction::Role;
using linalg::Index;
using linalg::Matrix;

Matrix random_matrix(Index rows, Index cols, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  Matrix m(rows, cols);
  for (double& x : m.reshaped()) x = normal(random);
  return m;
}

// Columns +-1/sqrt(n), orthogonal (Sylvester's matrix). Precondition: n is a power of two.
Matrix signs(Index n) {
  Matrix m(n, n);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) m(i, j) = (__builtin_popcountll(i & j) & 1) != 0 ? -1.0 : 1.0;
  }
  return m / std::sqrt(static_cast<double>(n));
}

// A tensor, and the product with it that a role asks for.
struct Member {
  Member(const Matrix& values, DType dtype, Role as, const Matrix& u)
      : info{"w",
             dtype,
             {static_cast<std::uint64_t>(values.rows()),
              static_cast<std::uint64_t>(values.cols())}},
        bytes(static_cast<std::size_t>(values.size()) * element_bytes(dtype)),
        role(as) {
    linalg::store_matrix(values, dtype, bytes);
    const Matrix w = linalg::load_matrix(bytes, dtype, values.rows(), values.cols());
    exact = junction::role_axis(role) == 1 ? linalg::product(w, u)
                                           : linalg::product(Matrix(u.transpose()), w);
  }

  TensorInfo info;
  std::vector<std::byte> bytes;
  Role role;
  Matrix exact;
};

// Computes the rows in blocks of `step` and expects each entry, rounded, to be no more than a unit
// in the last place from the exact one. Returns whether float sufficed.
bool check_rows(const Member& member, const Matrix& u, Index step) {
  OutputRows rows(member.info, member.role, member.bytes, u);
  Index wrong = 0;
  Matrix out;
  for (Index first = 0; first < member.exact.rows(); first += step) {
    out.resize(std::min(step, member.exact.rows() - first), member.exact.cols());
    rows.compute(first, out);
    for (Index i = 0; i < out.rows(); ++i) {
      for (Index j = 0; j < out.cols(); ++j) {
        const double exact = member.exact(first + i, j);
        const double stored = linalg::round_to(member.info.dtype, out(i, j));
        // Two computations in double may differ by so much.
        constexpr double kArithmetic = 1e-12;
        const double allowed = linalg::ulp(member.info.dtype, exact) + kArithmetic;
        if (std::abs(stored - exact) > allowed && wrong++ == 0) {
          ADD_FAILURE() << first + i << ", " << j << ": " << stored << ", exactly " << exact;
        }
      }
    }
  }
  EXPECT_EQ(wrong, 0);
  return rows.is_float();
}

class Rows : public testing::TestWithParam<std::pair<DType, Role>> {};

TEST_P(Rows, AreWithinOneUnitOfTheExactRotation) {
  const auto [dtype, role] = GetParam();
  const Matrix u = linalg::orthonormal_columns(random_matrix(300, 300, 1));
  const bool by_rows = junction::role_axis(role) == 1;
  // More columns than a tile of U^T W, and more elements than those for which threads are used.
  const Matrix values = 0.02 * random_matrix(by_rows ? 1100 : 300, by_rows ? 300 : 1100, 2);
  const bool is_float = check_rows(Member(values, dtype, role, u), u, 256);
  EXPECT_EQ(is_float, dtype == DType::kF16 || dtype == DType::kBF16);
}

// Sums that grow far beyond their result: the error of float is too large.
TEST_P(Rows, TakeDoubleIfFloatIsTooFarOff) {
  const auto [dtype, role] = GetParam();
  const Matrix u = signs(512);
  Matrix values = 0.5 * random_matrix(300, 512, 3);
  values.leftCols(256).array() += 64.0;
  values.rightCols(256).array() -= 64.0;
  const bool by_rows = junction::role_axis(role) == 1;
  const Member member(by_rows ? values : Matrix(values.transpose()), dtype, role, u);
  EXPECT_FALSE(check_rows(member, u, 128));
}

// Nearly every entry is far below the others of its row.
TEST_P(Rows, TakeDoubleIfMostEntriesAreTiny) {
  const auto [dtype, role] = GetParam();
  const Matrix u = linalg::orthonormal_columns(random_matrix(300, 300, 4));
  const bool by_rows = junction::role_axis(role) == 1;
  const Member member(by_rows ? Matrix(u.transpose()) : u, dtype, role, u);
  EXPECT_FALSE(check_rows(member, u, 300));
}

TEST_P(Rows, TakeDoubleBeyondTheRangeOfFloat) {
  const auto [dtype, role] = GetParam();
  if (dtype != DType::kBF16) return;  // no other type of 16 bits has such numbers
  const Matrix u = signs(256);
  const Member member(0x1.8p127 * Matrix::Ones(256, 256), dtype, role, u);
  OutputRows rows(member.info, role, member.bytes, u);
  Matrix out(256, 256);
  rows.compute(0, out);
  EXPECT_FALSE(rows.is_float());
  EXPECT_TRUE(out.allFinite());
}

TEST_P(Rows, OfZerosAndOfTheLeastNumbersStayFloat) {
  const auto [dtype, role] = GetParam();
  const Matrix u = linalg::orthonormal_columns(random_matrix(300, 300, 5));
  Matrix values = Matrix::Zero(300, 300);
  const double least = linalg::ulp(dtype, 0.0);
  for (Index k = 0; k < 300; k += 2) {
    // Rows and columns: every second of both is zero.
    for (Index j = 0; j < 300; j += 2) values(k, j) = least * static_cast<double>((k + j) % 7 - 3);
  }
  const Member member(values, dtype, role, u);
  OutputRows rows(member.info, role, member.bytes, u);
  Matrix out(300, 300);
  rows.compute(0, out);
  EXPECT_EQ(rows.is_float(), dtype == DType::kF16 || dtype == DType::kBF16);
  for (Index i = 0; i < out.size(); ++i) {
    const double exact = member.exact.data()[i];
    const double stored = linalg::round_to(dtype, out.data()[i]);
    ASSERT_LE(std::abs(stored - exact), least) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Rows,
    testing::Values(std::pair(DType::kF16, Role::kReads), std::pair(DType::kF16, Role::kWrites),
                    std::pair(DType::kBF16, Role::kReads), std::pair(DType::kBF16, Role::kWrites),
                    std::pair(DType::kF32, Role::kReads), std::pair(DType::kF32, Role::kWrites)),
    [](const auto& row) {
      return std::string(dtype_info(row.param.first).name) +
             (row.param.second == Role::kReads ? "_reads" : "_writes");
    });

// A block takes as many whole rows as fit, at least one.
TEST(OutputRows, OfABlockFit) {
  const Matrix u = Matrix::Identity(2, 2);
  for (const std::uint64_t cols :
       {std::uint64_t{2}, std::uint64_t{1} << 20, std::uint64_t{1} << 23}) {
    const TensorInfo info{"w", DType::kF16, {8, cols}};
    const std::vector<std::byte> bytes(8 * cols * 2);
    const Index step = OutputRows(info, Role::kWrites, bytes, u).block_rows();
    EXPECT_GE(step, 1);
    EXPECT_LE(step, 8);
    EXPECT_TRUE(step == 1 || step * static_cast<Index>(cols) <= kBlockElements) << step;
  }
}

}  // namespace
}  // namespace bbz::gauge
