// The noise floor: which bits rounding leaves out, and what that costs.
#include "bbz/symmetry/gauge/floor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "bbz/symmetry/linalg/convert.h"

namespace bbz::gauge {
namespace {

using linalg::Index;
using linalg::Matrix;

// Rows of normal numbers, each of another scale.
Matrix gaussian(Index rows, Index cols) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  Matrix m(rows, cols);
  for (Index i = 0; i < rows; ++i) {
    const double scale = std::exp(0.7 * normal(random));
    for (Index j = 0; j < cols; ++j) m(i, j) = scale * normal(random);
  }
  return m;
}

struct Rounded {
  std::vector<std::byte> bytes;
  Matrix values;
  Rounding rounding;
};

Rounded rounded(const Matrix& exact, DType dtype, Floor floor) {
  Rounded out;
  out.bytes.resize(static_cast<std::size_t>(exact.size()) * element_bytes(dtype));
  EXPECT_TRUE(round_rows(exact, dtype, noise_floor(floor), out.bytes, out.rounding));
  out.values = linalg::load_matrix(out.bytes, dtype, exact.rows(), exact.cols());
  return out;
}

// The coarsest power of two of which all entries of a row are multiples.
double step_of(const Matrix& values, Index row) {
  double step = 0x1p200;
  for (Index j = 0; j < values.cols(); ++j) {
    while (std::fmod(values(row, j), step) != 0) step /= 2;
  }
  return step;
}

double root_mean_square_unit(const Matrix& exact, DType dtype, Index row) {
  double sum = 0;
  for (Index j = 0; j < exact.cols(); ++j) sum += std::pow(linalg::ulp(dtype, exact(row, j)), 2);
  return std::sqrt(sum / static_cast<double>(exact.cols()));
}

class Floors : public testing::TestWithParam<std::pair<DType, Floor>> {};

TEST_P(Floors, StepsAreThoseOfTheSpecification) {
  const auto [dtype, floor] = GetParam();
  const double factor = floor == Floor::kHalf ? 0.5 : 1.0;
  const Matrix exact = gaussian(40, 300);
  const Rounded out = rounded(exact, dtype, floor);
  Index halved = 0;
  for (Index row = 0; row < exact.rows(); ++row) {
    const double least = factor * root_mean_square_unit(exact, dtype, row);
    const double step = step_of(out.values, row);
    EXPECT_LT(step, 2 * least) << row;
    if (step < least) {
      EXPECT_GE(step, least / 2) << row;
      ++halved;
    }
    for (Index j = 0; j < exact.cols(); ++j) {
      const double unit = std::max(step, linalg::ulp(dtype, exact(row, j)));
      EXPECT_LE(std::abs(out.values(row, j) - exact(row, j)), unit / 2) << row << " " << j;
    }
  }
  EXPECT_LT(halved, exact.rows());
}

TEST_P(Floors, TheErrorGrowsByNoMoreThanTheLimit) {
  const auto [dtype, floor] = GetParam();
  const Rounded out = rounded(gaussian(200, 500), dtype, floor);
  EXPECT_GT(out.rounding.growth(), 1.01);
  EXPECT_LT(out.rounding.growth(), accepted_growth(floor));
  const Rounded plain = rounded(gaussian(200, 500), dtype, Floor::kNone);
  EXPECT_EQ(plain.rounding.growth(), 1.0);
  EXPECT_EQ(out.rounding.plain.sum_of_squares, plain.rounding.stored.sum_of_squares);
  EXPECT_EQ(out.rounding.stored.count, 100000u);
}

INSTANTIATE_TEST_SUITE_P(All, Floors,
                         testing::Values(std::pair(DType::kF16, Floor::kHalf),
                                         std::pair(DType::kF16, Floor::kOne),
                                         std::pair(DType::kBF16, Floor::kHalf),
                                         std::pair(DType::kBF16, Floor::kOne),
                                         std::pair(DType::kF32, Floor::kOne)),
                         [](const auto& row) {
                           return std::string(dtype_info(row.param.first).name) +
                                  (row.param.second == Floor::kHalf ? "_half" : "_one");
                         });

TEST(Floor, RoundsTiesToEvenAndGivesZerosNoSign) {
  // The units are 2^-9 (1 to 2), 2^-10, ...: with one entry of 1, the step is 2^-11 at least.
  Matrix exact(1, 4);
  exact << 1.0, 1.5 / 2048, 2.5 / 2048, -0.25 / 2048;
  const Rounded out = rounded(exact, DType::kF16, Floor::kOne);
  const double step = step_of(out.values, 0);
  ASSERT_EQ(step, 1.0 / 1024);
  EXPECT_EQ(out.values(0, 1), 1.0 / 1024);
  EXPECT_EQ(out.values(0, 2), 1.0 / 1024);
  EXPECT_EQ(out.values(0, 3), 0);
  EXPECT_FALSE(std::signbit(out.values(0, 3)));
}

TEST(Floor, LeavesEntriesOfOneBinadeAlone) {
  Matrix exact(2, 64);
  for (Index j = 0; j < 64; ++j) exact(0, j) = exact(1, j) = 1 + static_cast<double>(j) / 1024;
  const Rounded out = rounded(exact, DType::kF16, Floor::kOne);
  EXPECT_TRUE(out.values == exact);
  EXPECT_EQ(out.rounding.growth(), 1.0);
}

TEST(Floor, AcceptsZerosDenormalsAndNoRows) {
  Matrix exact = Matrix::Zero(3, 5);
  exact(1, 2) = 0x1p-24;
  exact(2, 0) = 0x1p-1074;
  const Rounded out = rounded(exact, DType::kF16, Floor::kHalf);
  EXPECT_EQ(out.values(1, 2), 0x1p-24);
  EXPECT_EQ(out.values(2, 0), 0);
  EXPECT_TRUE(rounded(Matrix(0, 4), DType::kBF16, Floor::kOne).bytes.empty());
}

TEST(Floor, SaysIfAnEntryOverflows) {
  Matrix exact(1, 2);
  exact << 65519.9, 1;
  std::vector<std::byte> out(4);
  Rounding rounding;
  EXPECT_TRUE(round_rows(exact, DType::kF16, {}, out, rounding));
  exact(0, 0) = 65520;
  EXPECT_FALSE(round_rows(exact, DType::kF16, noise_floor(Floor::kOne), out, rounding));
}

TEST(Floor, NamesAreThoseOfTheOption) {
  for (const Floor floor : {Floor::kNone, Floor::kHalf, Floor::kOne}) {
    EXPECT_EQ(find_floor(floor_name(floor)), floor);
  }
  EXPECT_EQ(find_floor("0.25"), std::nullopt);
}

}  // namespace
}  // namespace bbz::gauge
