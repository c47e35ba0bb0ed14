#include "bbz/symmetry/gauge/polar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "bbz/symmetry/gauge/choose.h"
#include "bbz/symmetry/gauge/internal/polar_factor.h"
#include "bbz/symmetry/gauge/internal/shortcut.h"
#include "bbz/symmetry/gauge/lower.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/factor.h"
#include "bbz/symmetry/linalg/product.h"
#include "models/pieces.h"

namespace bbz::gauge {
namespace {

using linalg::Index;
using linalg::Matrix;
using testing::HasSubstr;

std::size_t size_of(DType dtype) {
  return static_cast<std::size_t>(dtype_info(dtype).bits) / 8;
}

// A slice of a D x D orthogonal matrix, rounded to the type.
Matrix slice(Index rows, Index cols, Index whole, DType dtype, std::uint64_t seed = 1) {
  Matrix s = test_models::random_orthogonal(static_cast<std::uint64_t>(whole), seed)
                 .topLeftCorner(rows, cols);
  return s.unaryExpr([&](double x) { return linalg::round_to(dtype, x); });
}

std::vector<std::byte> stored(const Matrix& m, DType dtype) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(m.size()) * size_of(dtype));
  linalg::store_matrix(m, dtype, bytes);
  return bytes;
}

Choice chosen(const Matrix& s, DType dtype, bool polar = true) {
  const auto bytes = stored(s, dtype);
  auto choice = choose(s, bytes, dtype, polar);
  EXPECT_TRUE(choice.ok()) << choice.error().message;
  return choice.ok() ? *std::move(choice) : Choice{};
}

// Choosing again for what was stored must keep it: the fixed point.
void expect_fixed(const Choice& choice, Index rows, Index cols, DType dtype, bool polar = true) {
  const Matrix again = linalg::load_matrix(choice.stored, dtype, rows, cols);
  const Choice second = chosen(again, dtype, polar);
  EXPECT_FALSE(second.u.has_value());
  EXPECT_EQ(second.gauge, choice.gauge);
  EXPECT_EQ(second.stored, choice.stored);
  EXPECT_EQ(second.polar, choice.polar);
}

class Polar : public testing::TestWithParam<DType> {};

TEST_P(Polar, TurnsASliceOfAnOrthogonalMatrixIntoAFactorThatIsFoundAgain) {
  const DType dtype = GetParam();
  for (const auto& [rows, cols, whole] : {std::array<Index, 3>{40, 40, 50},
                                          {40, 50, 50},
                                          {36, 44, 50},
                                          {100, 100, 130},
                                          {30, 30, 31}}) {
    const Matrix s = slice(rows, cols, whole, dtype);
    const Choice choice = chosen(s, dtype);
    ASSERT_EQ(choice.gauge, Gauge::kPolar) << choice.note;
    EXPECT_EQ(choice.polar->rank(), std::min(rows, whole - cols));
    const Matrix gap =
        linalg::gram(*choice.u, linalg::Op::kTransposed) - Matrix::Identity(cols, cols);
    EXPECT_LT(gap.cwiseAbs().maxCoeff(), 1e-12);
    const Matrix derived = linalg::load_matrix(choice.stored, dtype, rows, cols);
    const Matrix exact = linalg::product(s, *choice.u);
    EXPECT_LT((derived - exact).cwiseAbs().maxCoeff(), polar_tolerance(dtype));
    // Beside the noise that s has already, the factor costs no more than rounding does.
    EXPECT_LT((derived - exact).norm(),
              6 * (s.array().abs() * polar_tolerance(dtype) / 8).matrix().norm() +
                  std::sqrt(static_cast<double>(rows)) * polar_tolerance(dtype) / 4);
    expect_fixed(choice, rows, cols, dtype);
  }
}

// At the edge of the tolerance, where polar is refused for the shortcut itself and possible for its
// rounded triangle: both rotations, in their order.
TEST_P(Polar, ComposesTheRotationsOfATriangleThatIsTakenAtOnce) {
  const DType dtype = GetParam();
  linalg::Vector sigma = linalg::Vector::Ones(40);
  for (Index k = 0; k < 8; ++k) sigma[k] = 0.1 * static_cast<double>(k + 1);
  sigma[39] = (1 + polar_tolerance(dtype)) * (1 + polar_tolerance(dtype) * 0x1p-12);
  int composed = 0;
  for (std::uint64_t seed = 1; seed <= 40 && composed < 3; ++seed) {
    const Matrix s = test_models::random_orthogonal(40, seed) * sigma.asDiagonal() *
                     test_models::random_orthogonal(40, seed + 100);
    if (polar_factor(s, dtype).ok()) continue;
    auto choice = choose(s, std::nullopt, dtype, true);
    ASSERT_TRUE(choice.ok()) << choice.error().message;
    if (choice->gauge != Gauge::kPolar) continue;
    ++composed;
    const Matrix derived = linalg::load_matrix(choice->stored, dtype, 40, 40);
    EXPECT_LT((derived - s * *choice->u).cwiseAbs().maxCoeff(), 2 * polar_tolerance(dtype));
  }
  EXPECT_GT(composed, 0);
}

TEST_P(Polar, DecodesTheSameBitsInEveryOrderOfSummation) {
  const DType dtype = GetParam();
  const Matrix s = slice(40, 44, 50, dtype);
  const PolarForm form = chosen(s, dtype).polar.value();
  std::vector<std::byte> bytes(40 * 44 * size_of(dtype));
  ASSERT_TRUE(decode_polar(form, bytes).ok());
  const Matrix p = linalg::load_matrix(bytes, dtype, 40, 44);
  // F by hand: pivot rows first, then the others.
  Matrix f = Matrix::Zero(40, static_cast<Index>(form.rank()));
  std::size_t at = 0;
  const std::size_t size = size_of(*factor_dtype(dtype));
  const auto take = [&](Index row, std::size_t n) {
    for (std::size_t k = 0; k < n; ++k, ++at) {
      linalg::load(Bytes(form.factor).subspan(at * size, size), *factor_dtype(dtype),
                   {&f(row, static_cast<Index>(k)), 1});
    }
  };
  for (std::size_t k = 0; k < form.rank(); ++k) take(form.pivots[k], k + 1);
  for (std::uint32_t i = 0; i < 40; ++i) {
    if (!testing::Value(form.pivots, testing::Contains(i))) take(i, form.rank());
  }
  EXPECT_EQ(at * size, form.factor.size());
  std::mt19937 random(1);
  std::vector<Index> order(form.rank());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = static_cast<Index>(k);
  for (Index i = 0; i < 40; ++i) {
    for (Index j = 0; j <= i; ++j) {
      std::ranges::shuffle(order, random);
      double sum = i == j ? 1.0 : 0.0;
      for (const Index k : order) sum -= f(i, k) * f(j, k);
      EXPECT_EQ(p(i, j), linalg::round_to(dtype, sum)) << i << ' ' << j;
    }
    for (Index j = 40; j < 44; ++j) EXPECT_EQ(p(i, j), 0.0);
  }
}

TEST_P(Polar, OneChangedBitIsNotRecognised) {
  const DType dtype = GetParam();
  const Choice choice = chosen(slice(40, 40, 50, dtype), dtype);
  ASSERT_TRUE(choice.polar.has_value());
  ASSERT_EQ(recover_polar(choice.stored, dtype, 40, 40), choice.polar);
  std::mt19937 random(1);
  for (int trial = 0; trial < 200; ++trial) {
    auto bytes = choice.stored;
    bytes[random() % bytes.size()] ^= static_cast<std::byte>(1u << random() % 8);
    EXPECT_NE(recover_polar(bytes, dtype, 40, 40), choice.polar);
  }
  EXPECT_EQ(recover_polar(stored(slice(40, 40, 50, dtype), dtype), dtype, 40, 40), std::nullopt);
}

TEST_P(Polar, AnOrthogonalShortcutCostsNothing) {
  const DType dtype = GetParam();
  for (const auto& [rows, cols] :
       {std::array<Index, 2>{30, 30}, {3, 3}, {24, 30}, {1, 1}, {1, 4}}) {
    const Matrix s = slice(rows, cols, cols, dtype);
    const Choice choice = chosen(s, dtype);
    ASSERT_EQ(choice.gauge, Gauge::kPolar) << choice.note;
    EXPECT_EQ(choice.polar->rank(), 0u);
    EXPECT_TRUE(choice.polar->factor.empty());
    EXPECT_EQ(linalg::load_matrix(choice.stored, dtype, rows, cols), Matrix::Identity(rows, cols));
    expect_fixed(choice, rows, cols, dtype);
  }
}

TEST_P(Polar, EqualAndVanishingSingularValues) {
  const DType dtype = GetParam();
  const Matrix a = test_models::random_orthogonal(40, 5), b = test_models::random_orthogonal(40, 6);
  for (const double low : {0.0, 0.5, 1e-9}) {
    linalg::Vector sigma = linalg::Vector::Ones(40);
    sigma.head(4).setConstant(low);
    const Matrix s = (a * sigma.asDiagonal() * b).unaryExpr([&](double x) {
      return linalg::round_to(dtype, x);
    });
    const Choice choice = chosen(s, dtype);
    ASSERT_EQ(choice.gauge, Gauge::kPolar) << choice.note;
    EXPECT_EQ(choice.polar->rank(), 4u);
    expect_fixed(choice, 40, 40, dtype);
  }
  // Rows of zeros: each a singular value of zero that no other row shares.
  Matrix s = slice(40, 40, 40, dtype);
  s.row(3).setZero();
  s.row(17).setZero();
  const Choice choice = chosen(s, dtype);
  ASSERT_EQ(choice.gauge, Gauge::kPolar) << choice.note;
  EXPECT_EQ(choice.polar->rank(), 2u);
  expect_fixed(choice, 40, 40, dtype);
}

TEST_P(Polar, FallsBackToTriangularAndSaysWhy) {
  const DType dtype = GetParam();
  const auto why = [&](const Matrix& s) {
    const Choice choice = chosen(s, dtype);
    EXPECT_EQ(choice.gauge, Gauge::kTriangular);
    EXPECT_TRUE(is_lower(choice.stored, dtype, static_cast<std::uint64_t>(s.rows()),
                         static_cast<std::uint64_t>(s.cols())));
    expect_fixed(choice, s.rows(), s.cols(), dtype);
    return choice.note;
  };
  EXPECT_THAT(why(slice(40, 40, 100, dtype)), HasSubstr("fewer singular values below 1"));
  EXPECT_THAT(why(2.0 * slice(40, 40, 50, dtype)), HasSubstr("singular values of at most 1"));
  EXPECT_THAT(why(slice(40, 36, 50, dtype)), HasSubstr("no more rows than columns"));
  EXPECT_THAT(why(slice(6, 6, 8, dtype)), HasSubstr("room for"));
  EXPECT_THAT(why(Matrix::Zero(5, 5)), HasSubstr("fewer singular values"));
  EXPECT_THAT(why(Matrix::Constant(1, 1, -0.5)), HasSubstr("fewer singular values"));
}

TEST_P(Polar, TriangularLeavesItsOwnResultAlone) {
  const DType dtype = GetParam();
  for (const auto& [rows, cols] : {std::array<Index, 2>{20, 20}, {12, 20}, {20, 12}, {1, 1}}) {
    const Matrix s = slice(rows, cols, 24, dtype);
    const Choice choice = chosen(s, dtype, false);
    EXPECT_EQ(choice.gauge, Gauge::kTriangular);
    const Matrix l = linalg::load_matrix(choice.stored, dtype, rows, cols);
    EXPECT_LT((l - s * *choice.u).cwiseAbs().maxCoeff(), polar_tolerance(dtype) / 4);
    expect_fixed(choice, rows, cols, dtype, false);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Polar, testing::Values(DType::kF16, DType::kBF16, DType::kF32),
                         [](const auto& row) { return std::string(dtype_info(row.param).name); });

// The example of the specification.
TEST(PolarForm, DecodesTheExample) {
  std::vector<std::uint16_t> factor(17, 0x3400);
  factor[0] = 0x3800;
  const Bytes bytes = std::as_bytes(std::span(factor));
  const PolarForm form{17, 17, DType::kF16, {2}, {bytes.begin(), bytes.end()}};
  std::vector<std::uint16_t> p(17 * 17);
  ASSERT_TRUE(decode_polar(form, std::as_writable_bytes(std::span(p))).ok());
  const auto at = [&](int i, int j) { return p[static_cast<std::size_t>(i * 17 + j)]; };
  EXPECT_EQ(at(0, 0), 0x3b80);
  EXPECT_EQ(at(1, 0), 0xac00);
  EXPECT_EQ(at(2, 2), 0x3a00);
  EXPECT_EQ(at(2, 0), 0xb000);
  for (int i = 0, q = 0; i < 17; ++i) {
    for (int j = i + 1; j < 17; ++j, ++q) {
      const bool marked = q == 0 || q == 17 || q == 43 || q == 44 || q == 45;
      EXPECT_EQ(at(i, j), at(j, i) ^ (marked ? 1 : 0)) << i << ' ' << j;
    }
  }
  EXPECT_EQ(recover_polar(std::as_bytes(std::span(p)), DType::kF16, 17, 17), form);
}

// Zeros of the factor, of either sign, and the 1 of the diagonal less a sum of 1. With a pivot of 1
// the factor does not fit into integers.
TEST(PolarForm, AnExactZeroIsPositive) {
  for (const int pivot : {0x3C00, 0x3800}) {
    std::vector<std::uint16_t> factor(17, 0x3400);
    factor[0] = static_cast<std::uint16_t>(pivot);  // F(2, 0)
    factor[1] = 0x0000;                             // F(0, 0)
    factor[2] = 0x8000;                             // F(1, 0)
    const Bytes bytes = std::as_bytes(std::span(factor));
    const PolarForm form{17, 17, DType::kF16, {2}, {bytes.begin(), bytes.end()}};
    std::vector<std::uint16_t> by_float64(17 * 17, 0x5555);
    std::vector<std::uint16_t> decoded(17 * 17, 0x5555);
    const Status written =
        write_shortcut_by_float64(form, std::as_writable_bytes(std::span(by_float64)));
    ASSERT_TRUE(written.ok());
    ASSERT_TRUE(decode_polar(form, std::as_writable_bytes(std::span(decoded))).ok());
    for (const auto& p : {by_float64, decoded}) {
      EXPECT_EQ(p[2 * 17 + 2] == 0, pivot == 0x3C00);
      for (const std::size_t i : {3, 9, 16}) {
        EXPECT_EQ(p[i * 17 + 0], 0) << i;
        EXPECT_EQ(p[i * 17 + 1], 0) << i;
      }
    }
  }
}

// The way by subspace iteration, which larger shortcuts take.
class LargeShortcut : public testing::TestWithParam<DType> {};

TEST_P(LargeShortcut, HasTheSameDecomposition) {
  const DType dtype = GetParam();
  // The last have more columns than rows, and no singular value below 1.
  for (const auto& [rows, cols, whole] :
       {std::array<Index, 3>{800, 800, 900}, {780, 800, 900}, {780, 800, 800}}) {
    const Matrix s = slice(rows, cols, whole, dtype);
    const auto found = polar_factor(s, dtype);
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(static_cast<Index>(found->pivots.size()), whole - cols);
    const Matrix gap =
        linalg::gram(found->u, linalg::Op::kTransposed) - Matrix::Identity(cols, cols);
    // For types of 16 bits, a term remains that is far below what their rounding changes.
    EXPECT_LT(gap.cwiseAbs().maxCoeff(), dtype == DType::kF32 ? 1e-12 : 1e-8);
    Matrix p = Matrix::Zero(rows, cols);
    p.leftCols(rows) = Matrix::Identity(rows, rows) - linalg::gram(found->factor);
    EXPECT_LT((linalg::product(s, found->u) - p).cwiseAbs().maxCoeff(), polar_tolerance(dtype) / 4);
    const Choice choice = chosen(s, dtype);
    ASSERT_EQ(choice.gauge, Gauge::kPolar) << choice.note;
    EXPECT_EQ(recover_polar(choice.stored, dtype, static_cast<std::uint64_t>(rows),
                            static_cast<std::uint64_t>(cols)),
              choice.polar);
  }
}

TEST_P(LargeShortcut, IsRefusedIfASingularValueIsAboveOne) {
  const DType dtype = GetParam();
  Matrix s = slice(800, 800, 900, dtype);
  const linalg::Vector a = test_models::gaussian(800, 1, 1.0, 7).col(0).normalized();
  // Makes |S^T a| 1 + 4 tolerances, and leaves all that is orthogonal to a.
  const linalg::Vector image = s.transpose() * a;
  s += a * (image * ((1 + 4 * polar_tolerance(dtype)) / image.norm() - 1)).transpose();
  const auto found = polar_factor(s, dtype);
  ASSERT_FALSE(found.ok());
  EXPECT_THAT(found.error().message, HasSubstr("singular values of at most 1, found 1 + "));
}

// Equal ones, and one that is hardly more than 0 and one that is not.
TEST_P(LargeShortcut, MayHaveEqualSingularValues) {
  const DType dtype = GetParam();
  const Matrix a = test_models::random_orthogonal(800, 5),
               b = test_models::random_orthogonal(800, 6);
  for (const double low : {0.5, 1e-3, 0.0}) {
    linalg::Vector sigma = linalg::Vector::Ones(800);
    sigma.head(40).setConstant(low);
    const Matrix s = linalg::product(Matrix(a * sigma.asDiagonal()), b).unaryExpr([&](double x) {
      return linalg::round_to(dtype, x);
    });
    const Choice choice = chosen(s, dtype);
    ASSERT_EQ(choice.gauge, Gauge::kPolar) << choice.note;
    EXPECT_EQ(choice.polar->rank(), 40u);
    expect_fixed(choice, 800, 800, dtype);
  }
}

INSTANTIATE_TEST_SUITE_P(All, LargeShortcut,
                         testing::Values(DType::kF16, DType::kBF16, DType::kF32),
                         [](const auto& row) { return std::string(dtype_info(row.param).name); });

TEST(PolarForm, IsRefusedWhereItBreaksARule) {
  const PolarForm good = chosen(slice(40, 44, 50, DType::kF16), DType::kF16).polar.value();
  std::vector<std::byte> out(40 * 44 * 2);
  const auto error = [&](auto change) {
    PolarForm form = good;
    change(form);
    const Status status = decode_polar(form, out);
    return status.ok() ? std::string("ok") : status.error().message;
  };
  EXPECT_EQ(error([](PolarForm&) {}), "ok");
  EXPECT_THAT(error([](PolarForm& f) { f.dtype = DType::kF64; }), HasSubstr("F16, BF16 or F32"));
  EXPECT_THAT(error([](PolarForm& f) { f.rows = 0; }), HasSubstr("rows"));
  EXPECT_THAT(error([](PolarForm& f) { f.rows = 45; }), HasSubstr("rank <= rows <= cols"));
  EXPECT_THAT(error([](PolarForm& f) { f.cols = 39; }), HasSubstr("rank <= rows <= cols"));
  EXPECT_THAT(error([](PolarForm& f) { f.cols = 1ull << 62; }), HasSubstr("a buffer of"));
  EXPECT_THAT(error([](PolarForm& f) { f.pivots[2] = f.pivots[0]; }), HasSubstr("twice"));
  EXPECT_THAT(error([](PolarForm& f) { f.pivots[2] = 40; }), HasSubstr("below 40, found 40"));
  EXPECT_THAT(error([](PolarForm& f) { f.pivots.pop_back(); }), HasSubstr("factor of"));
  EXPECT_THAT(error([](PolarForm& f) { f.factor.pop_back(); }), HasSubstr("factor of"));
  EXPECT_THAT(error([](PolarForm& f) { f.rows = 6, f.pivots = {0}; }), HasSubstr("marks"));
  EXPECT_THAT(error([](PolarForm& f) { f.factor[7] = std::byte{0x7c}; }),
              HasSubstr("polar factor"));
  EXPECT_THAT(error([](PolarForm& f) {
                for (std::size_t i = 1; i < f.factor.size(); i += 2) f.factor[i] = std::byte{0x3c};
              }),
              HasSubstr("squares that sum to at most 2"));
  out.pop_back();
  EXPECT_THAT(error([](PolarForm&) {}), HasSubstr("a buffer of"));

  PolarForm fine = chosen(slice(40, 40, 50, DType::kF32), DType::kF32).polar.value();
  fine.factor[0] ^= std::byte{1};
  fine.factor[3] = std::byte{0x20};
  out.resize(40 * 40 * 4);
  EXPECT_EQ(decode_polar(fine, out).code(), Code::kMalformed);
}

}  // namespace
}  // namespace bbz::gauge
