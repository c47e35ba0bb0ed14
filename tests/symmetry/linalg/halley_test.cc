#include "bbz/symmetry/linalg/internal/halley.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "bbz/symmetry/linalg/factor.h"
#include "bbz/symmetry/linalg/inverse.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::linalg {
namespace {

Matrix gaussian(Index n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  Matrix m(n, n);
  for (double& x : m.reshaped()) x = normal(random);
  return m;
}

// A matrix, its orthogonal polar factor, and how far its singular values are apart.
struct Known {
  Matrix matrix, factor;
};

Known with_condition(Index n, double condition) {
  const Matrix u = lq(gaussian(n, 1)).q, v = lq(gaussian(n, 2)).q;
  Vector values(n);
  for (Index i = 0; i < n; ++i) {
    values[i] = 3.0 * std::pow(condition, -static_cast<double>(i) / static_cast<double>(n - 1));
  }
  return {product(u, values.asDiagonal() * v), product(u, v)};
}

double off_orthogonal(const Matrix& x) {
  return (gram(x, Op::kTransposed) - Matrix::Identity(x.cols(), x.cols())).norm();
}

TEST(Halley, FindsThePolarFactor) {
  if (!has_lapack()) GTEST_SKIP() << "this machine has no LAPACK";
  for (const double condition : {1.0, 2.0, 5.0, 60.0, 200.0}) {
    const Known known = with_condition(300, condition);
    Matrix found = known.matrix;
    ASSERT_TRUE(polarise_by_products(found)) << condition;
    EXPECT_LT(off_orthogonal(found), 1e-10) << condition;
    EXPECT_LT((found - known.factor).norm(), 1e-10) << condition;
  }
}

TEST(Halley, FindsItInFloatUpToTheRoundingOfFloat) {
  if (!has_lapack()) GTEST_SKIP() << "this machine has no LAPACK";
  for (const double condition : {1.0, 5.0}) {
    const Known known = with_condition(300, condition);
    Matrix found = known.matrix;
    ASSERT_TRUE(polarise_in_float(found)) << condition;
    EXPECT_LT(off_orthogonal(found), 1e-10) << condition;
    EXPECT_LT((found - known.factor).cwiseAbs().maxCoeff(), 1e-6) << condition;
  }
}

TEST(Halley, NumberOfThreadsDoesNotShowInFloat) {
  if (!has_lapack()) GTEST_SKIP() << "this machine has no LAPACK";
  const unsigned before = threads();
  const Known known = with_condition(600, 4.0);
  Matrix alone = known.matrix, together = known.matrix;
  set_threads(1);
  ASSERT_TRUE(polarise_in_float(alone));
  set_threads(4);
  ASSERT_TRUE(polarise_in_float(together));
  set_threads(before);
  EXPECT_LT((alone - together).cwiseAbs().maxCoeff(), 1e-13);
}

// Other ways decide there, which know whether a matrix is singular.
TEST(Halley, LeavesIllConditionedMatricesAlone) {
  for (const double condition : {1e5, 1e13}) {
    const Known known = with_condition(280, condition);
    Matrix found = known.matrix;
    EXPECT_FALSE(polarise_by_products(found));
    EXPECT_TRUE(found == known.matrix);
    ASSERT_TRUE(polarise(found));
    EXPECT_LT(off_orthogonal(found), 1e-10);
  }
  Matrix zero = Matrix::Zero(280, 280);
  EXPECT_FALSE(polarise_by_products(zero));
  EXPECT_FALSE(polarise(zero));
}

TEST(Halley, WideAndNarrowTakeTheSameFactor) {
  const Known known = with_condition(300, 5.0);
  Matrix wide = known.matrix, narrow = known.matrix.topLeftCorner(8, 8);
  ASSERT_TRUE(polarise(wide));
  EXPECT_LT((wide - known.factor).norm(), 1e-10);
  EXPECT_FALSE(polarise_by_products(narrow));
}

TEST(Inverse, DiagonalIsThatOfTheInverse) {
  const Matrix a = gaussian(40, 5);
  Matrix x = gram(a), inverse = x;
  ASSERT_TRUE(invert(inverse));
  Vector diagonal;
  ASSERT_TRUE(diagonal_of_inverse(x, diagonal));
  EXPECT_LT((diagonal - inverse.diagonal()).norm(), 1e-9 * diagonal.norm());
  x = -Matrix::Identity(4, 4);
  EXPECT_FALSE(diagonal_of_inverse(x, diagonal));
}

}  // namespace
}  // namespace bbz::linalg
