// The pivot gauge of generated pairs.
#include "bbz/symmetry/pair/pivot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/pair/internal/basis.h"

namespace bbz::pair {
namespace {

using gauge::Floor;
using linalg::Index;
using linalg::Matrix;

// A tensor with its bytes, and the values that these say.
struct Tensor {
  TensorInfo info;
  std::vector<std::byte> bytes;
  Matrix values;
};

Tensor tensor(const std::string& name, DType dtype, const Matrix& exact) {
  Tensor out;
  out.info = {name,
              dtype,
              {static_cast<std::uint64_t>(exact.rows()), static_cast<std::uint64_t>(exact.cols())}};
  out.bytes.resize(static_cast<std::size_t>(exact.size()) * element_bytes(dtype));
  linalg::store_matrix(exact, dtype, out.bytes);
  out.values = linalg::load_matrix(out.bytes, dtype, exact.rows(), exact.cols());
  return out;
}

Matrix random_matrix(Index rows, Index cols, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  Matrix m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = normal(random);
  return m;
}

// Factors with singular values that fall, as those of trained models do.
Matrix factor(Index rows, Index rank, std::uint64_t seed) {
  Matrix m = random_matrix(rows, rank, seed);
  for (Index k = 0; k < rank; ++k) m.col(k) /= std::sqrt(1.0 + static_cast<double>(k));
  return m;
}

double distance(const Matrix& a, const Matrix& b) {
  return (a - b).norm() / b.norm();
}

struct Case {
  Index out, rank, in;
  DType a, b;
};

class Pivots : public testing::TestWithParam<Case> {};

TEST_P(Pivots, KeepTheProductAndAreFoundAgain) {
  const Case& c = GetParam();
  const Tensor a = tensor("a", c.a, factor(c.out, c.rank, 1));
  const Tensor b = tensor("b", c.b, factor(c.in, c.rank, 2).transpose());
  const Matrix product = a.values * b.values;
  const double unit = std::max(linalg::ulp(c.a, 1), linalg::ulp(c.b, 1)) / 2;
  double plain = 0;
  for (const Floor floor : {Floor::kNone, Floor::kHalf, Floor::kOne}) {
    const auto done = pivot(a.info, a.bytes, b.info, b.bytes, floor);
    ASSERT_TRUE(done.ok()) << done.error().message;
    const Matrix left = linalg::load_matrix(done->a, c.a, c.out, c.rank);
    const Matrix right = linalg::load_matrix(done->b, c.b, c.rank, c.in);
    const double changed = distance(left * right, product);
    EXPECT_NEAR(done->product_difference, changed, 1e-9 + 1e-6 * changed);
    EXPECT_LT(changed, 4 * unit);
    if (floor == Floor::kNone) plain = changed;
    EXPECT_NEAR(done->plain_difference, plain, 1e-9 + 1e-6 * plain);
    EXPECT_LE(changed, plain * (floor == Floor::kHalf ? 1.1 : 1.6));

    EXPECT_EQ(done->pivots.axis(), *pivot_axis(c.out, c.in, c.rank));
    EXPECT_EQ(done->pivots.count(), static_cast<std::uint64_t>(c.rank));
    const Matrix& whole = done->pivots.axis() == 0 ? left : right;
    Index k = 0;
    for (const std::uint32_t line : done->pivots.lines()) {
      for (Index i = 0; i < c.rank; ++i) {
        const double entry = done->pivots.axis() == 0 ? whole(line, i) : whole(i, line);
        EXPECT_EQ(entry, i == k ? 1 : 0);
      }
      ++k;
    }
    EXPECT_LT(whole.cwiseAbs().maxCoeff(), kMostCoefficient * (1 + 2 * unit));
    // Packing what was unpacked changes nothing.
    const auto again = find_pivots(a.info, done->a, b.info, done->b);
    EXPECT_EQ(again, done->pivots);
    EXPECT_EQ(find_pivots(a.info, a.bytes, b.info, b.bytes), std::nullopt);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Pivots,
                         testing::Values(Case{40, 16, 90, DType::kF16, DType::kF16},
                                         Case{90, 16, 40, DType::kF16, DType::kF16},
                                         Case{64, 30, 64, DType::kBF16, DType::kBF16},
                                         Case{17, 16, 400, DType::kF32, DType::kF32},
                                         Case{16, 16, 50, DType::kF16, DType::kF16},
                                         Case{50, 16, 16, DType::kF16, DType::kF16},
                                         Case{9, 1, 7, DType::kF16, DType::kF32},
                                         Case{120, 60, 300, DType::kBF16, DType::kF16}),
                         [](const auto& row) {
                           const Case& c = row.param;
                           return std::to_string(c.out) + "x" + std::to_string(c.rank) + "x" +
                                  std::to_string(c.in) + "_" + std::string(dtype_info(c.a).name) +
                                  "_" + std::string(dtype_info(c.b).name);
                         });

TEST(Pivot, TheAxisIsThatOfTheSmallerExtent) {
  EXPECT_EQ(pivot_axis(10, 20, 4), 0u);
  EXPECT_EQ(pivot_axis(20, 10, 4), 1u);
  EXPECT_EQ(pivot_axis(10, 10, 4), 1u);
  EXPECT_EQ(pivot_axis(4, 10, 4), 1u);
  EXPECT_EQ(pivot_axis(10, 4, 4), 0u);
  EXPECT_EQ(pivot_axis(4, 4, 4), std::nullopt);
}

TEST(Pivot, RowsAreNearTheLargestVolume) {
  // Rows that a greedy choice takes in a bad order: the last ones are the independent ones.
  Matrix a = random_matrix(60, 12, 5);
  for (Index i = 0; i < 30; ++i) a.row(i) = a.row(30) * (1.0 + static_cast<double>(i));
  const auto basis = choose_basis(a);
  ASSERT_TRUE(basis.has_value());
  EXPECT_LE(basis->coefficients.cwiseAbs().maxCoeff(), kMostCoefficient);
  EXPECT_TRUE(std::ranges::is_sorted(basis->rows));
  EXPECT_LT(distance(basis->coefficients * select_rows(a, basis->rows), a), 1e-12);
}

TEST(Pivot, RefusesWhatHasNoFullRank) {
  Matrix a = factor(40, 8, 1);
  a.col(7) = a.col(6);
  const Tensor left = tensor("left", DType::kF16, a);
  const Tensor right = tensor("right", DType::kF16, factor(90, 8, 2).transpose());
  const auto done = pivot(left.info, left.bytes, right.info, right.bytes, Floor::kNone);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.code(), Code::kUnsupported);
  EXPECT_NE(done.error().message.find("\"left\""), std::string::npos) << done.error().message;
}

TEST(Pivot, AFactorOfZerosIsRefused) {
  // As LoRA begins: B is zero, so the product is, and any pivots of A would do.
  const Tensor left = tensor("left", DType::kF32, Matrix::Zero(40, 8));
  const Tensor right = tensor("right", DType::kF32, factor(90, 8, 2).transpose());
  EXPECT_EQ(pivot(left.info, left.bytes, right.info, right.bytes, Floor::kNone).code(),
            Code::kUnsupported);
}

TEST(Pivot, RefusesNumbersThatAreNotFiniteOrOverflow) {
  const Matrix plain = factor(40, 8, 1);
  const Tensor right = tensor("right", DType::kF16, factor(90, 8, 2).transpose());
  for (const double bad : {std::numeric_limits<double>::infinity(), std::nan("")}) {
    Matrix a = plain;
    a(3, 4) = bad;
    const Tensor left = tensor("left", DType::kF16, a);
    const auto done = pivot(left.info, left.bytes, right.info, right.bytes, Floor::kNone);
    ASSERT_EQ(done.code(), Code::kUnsupported);
    EXPECT_NE(done.error().message.find("element 28"), std::string::npos) << done.error().message;
  }
  const Tensor large = tensor("left", DType::kF16, plain * 10000);
  const Tensor larger = tensor("right", DType::kF16, right.values * 10000);
  const auto done = pivot(large.info, large.bytes, larger.info, larger.bytes, Floor::kNone);
  ASSERT_EQ(done.code(), Code::kUnsupported);
  EXPECT_NE(done.error().message.find("overflows"), std::string::npos) << done.error().message;
  const auto cut =
      pivot(right.info, Bytes(right.bytes).first(8), right.info, right.bytes, Floor::kNone);
  EXPECT_EQ(cut.code(), Code::kMalformed);
}

}  // namespace
}  // namespace bbz::pair
