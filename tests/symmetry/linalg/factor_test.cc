#include "bbz/symmetry/linalg/factor.h"
#include "bbz/symmetry/linalg/cholesky.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <set>
#include <thread>

#include "bbz/symmetry/linalg/inverse.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::linalg {
namespace {

Matrix gaussian(Index rows, Index cols, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  Matrix m(rows, cols);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) m(i, j) = normal(random);
  }
  return m;
}

double off_identity(const Matrix& q) {
  const Matrix gap = q.transpose() * q - Matrix::Identity(q.cols(), q.cols());
  return gap.size() == 0 ? 0.0 : gap.cwiseAbs().maxCoeff();
}

TEST(Product, IsLapacksWhereOpenBlasIsInstalled) {
#ifdef BBZ_LINALG_LAPACK
  EXPECT_EQ(has_lapack(), ::dlopen("libopenblas.so.0", RTLD_LAZY) != nullptr);
#else
  EXPECT_FALSE(has_lapack());
#endif
}

// Threads of BLAS that wait for one another take processors' time.
TEST(Threads, AreNoMoreThanProcessors) {
  set_threads(1000);
  EXPECT_LE(threads(), std::max(1u, std::thread::hardware_concurrency()));
  set_threads(1);
  EXPECT_EQ(threads(), 1u);
}

TEST(Product, AgreesWithTheDefinitionForEveryOrientationAndBlock) {
  const Matrix a = gaussian(5, 4, 1), b = gaussian(4, 6, 2);
  const Matrix at = a.transpose(), bt = b.transpose();
  const Matrix expected = a.lazyProduct(b);
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      Matrix out = Matrix::Constant(5, 6, 2.0);
      multiply(ta ? at : a, static_cast<Op>(ta), tb ? bt : b, static_cast<Op>(tb), out, 3.0, 0.5);
      const Matrix want = (3.0 * expected).array() + 1.0;
      EXPECT_LT((out - want).norm(), 1e-13);
    }
  }
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      const FloatMatrix fa = (ta ? at : a).cast<float>(), fb = (tb ? bt : b).cast<float>();
      FloatMatrix single = FloatMatrix::Constant(5, 6, 2.0F);
      multiply(fa, static_cast<Op>(ta), fb, static_cast<Op>(tb), single, 3.0F, 0.5F);
      const Matrix want = (3.0 * expected).array() + 1.0;
      EXPECT_LT((single.cast<double>() - want).norm(), 1e-4);
    }
  }
  Matrix out = Matrix::Zero(8, 8);
  multiply(a.topLeftCorner(2, 4), Op::kPlain, b.leftCols(3), Op::kPlain, out.block(1, 2, 2, 3));
  EXPECT_LT((out.block(1, 2, 2, 3) - expected.topLeftCorner(2, 3)).norm(), 1e-14);
  EXPECT_NEAR(out.norm(), out.block(1, 2, 2, 3).norm(), 1e-15);
  EXPECT_LT((gram(a) - a * at).norm(), 1e-14);
  EXPECT_LT((gram(a, Op::kTransposed) - at * a).norm(), 1e-14);
  const Matrix tall = gaussian(150, 4, 3);  // more than two blocks that are mirrored at once
  EXPECT_LT((gram(tall) - tall * tall.transpose()).norm(), 1e-12);
  EXPECT_LT((gram(FloatMatrix(tall.cast<float>())).cast<double>() - tall * tall.transpose()).norm(),
            1e-3);
  Matrix garbage = Matrix::Constant(3, 2, std::nan(""));
  multiply(Matrix(3, 0), Op::kPlain, Matrix(0, 2), Op::kPlain, garbage);
  EXPECT_EQ(garbage, Matrix::Zero(3, 2));
  garbage.setConstant(std::nan(""));
  multiply(Matrix::Zero(3, 1), Op::kPlain, Matrix::Zero(1, 2), Op::kPlain, garbage);
  EXPECT_EQ(garbage, Matrix::Zero(3, 2));
}

TEST(Factor, LqIsLowerWithANonNegativeDiagonal) {
  const std::pair<Index, Index> shapes[] = {{4, 4}, {3, 6}, {6, 3}, {1, 1}, {5, 1}, {1, 5}};
  for (const auto& [rows, cols] : shapes) {
    const Matrix a = gaussian(rows, cols, 3);
    const Lq f = lq(a);
    EXPECT_LT((f.l * f.q - a).norm(), 1e-13);
    EXPECT_LT(off_identity(f.q), 1e-13);
    for (Index i = 0; i < rows; ++i) {
      if (i < cols) {
        EXPECT_FALSE(std::signbit(f.l(i, i)));
      }
      for (Index j = i + 1; j < cols; ++j) {
        EXPECT_EQ(f.l(i, j), 0.0);
        EXPECT_FALSE(std::signbit(f.l(i, j)));
      }
    }
  }
  Matrix deficient = gaussian(4, 4, 4);
  deficient.row(1) = deficient.row(0);
  deficient.row(2).setZero();
  const Lq f = lq(deficient);
  EXPECT_LT((f.l * f.q - deficient).norm(), 1e-13);
  EXPECT_LT(off_identity(f.q), 1e-13);
}

TEST(Factor, PivotedCholeskyHasItsZerosWhereThePivotsSay) {
  // 130 columns are more than two panels; the last 10 are beyond the rank.
  const Matrix a = gaussian(150, 120, 5);
  Matrix square = gram(a);
  square.triangularView<Eigen::StrictlyUpper>().setConstant(std::nan(""));
  const PivotedCholesky f = pivoted_cholesky(square, 130);
  EXPECT_LT((f.factor * f.factor.transpose() - a * a.transpose()).norm(), 1e-10);
  ASSERT_EQ(f.pivots.size(), 130u);
  EXPECT_EQ(std::set<Index>(f.pivots.begin(), f.pivots.end()).size(), 130u);
  for (Index k = 0; k < 120; ++k) {
    const Index p = f.pivots[static_cast<std::size_t>(k)];
    EXPECT_GT(f.factor(p, k), 0.0);
    for (Index j = k + 1; j < 130; ++j) EXPECT_EQ(f.factor(p, j), 0.0);
    EXPECT_LE(f.factor.col(k).cwiseAbs().maxCoeff(), f.factor(p, k) * (1 + 1e-9));
  }
  EXPECT_LT(f.factor.rightCols(10).cwiseAbs().maxCoeff(), 1e-5);
  Matrix none(0, 0);
  EXPECT_TRUE(pivoted_cholesky(none, 0).pivots.empty());
}

TEST(Factor, OrthonormalColumnsSpanTheirs) {
  Matrix a = gaussian(60, 20, 8);
  const Matrix q = orthonormal_columns(a);
  EXPECT_LT(off_identity(q), 1e-13);
  EXPECT_LT((q * (q.transpose() * a) - a).norm(), 1e-12);
  Matrix alone = a;
  EXPECT_TRUE(orthonormalise(alone));
  // Columns of which one depends on the others, and columns that are zero.
  a.col(7) = a.col(3) - 2 * a.col(5);
  alone = a;
  EXPECT_FALSE(orthonormalise(alone));
  EXPECT_LT(off_identity(orthonormal_columns(a)), 1e-13);
  EXPECT_LT(off_identity(orthonormal_columns(Matrix::Zero(9, 3))), 1e-13);
}

TEST(Factor, EighAndSvdTakeTheMatrixApart) {
  const Matrix a = gaussian(6, 6, 6);
  const Matrix s = a + a.transpose();
  const auto e = eigh(s);
  ASSERT_TRUE(e.ok());
  EXPECT_LT((e->vectors * e->values.asDiagonal() * e->vectors.transpose() - s).norm(), 1e-12);
  EXPECT_TRUE(std::is_sorted(e->values.begin(), e->values.end()));
  const std::pair<Index, Index> shapes[] = {{4, 7}, {7, 4}, {1, 1}};
  for (const auto& [rows, cols] : shapes) {
    const Matrix m = gaussian(rows, cols, 7);
    const auto f = svd(m);
    ASSERT_TRUE(f.ok());
    EXPECT_LT((f->u * f->values.asDiagonal() * f->vt - m).norm(), 1e-12);
    EXPECT_LT(off_identity(f->u), 1e-13);
    EXPECT_TRUE(std::is_sorted(f->values.begin(), f->values.end(), std::greater<>()));
  }
  EXPECT_TRUE(eigh(Matrix(0, 0)).ok());
  EXPECT_TRUE(svd(Matrix(3, 0)).ok());
}

TEST(Factor, SvdIsAccurateWhateverTheSpectrum) {
  constexpr Index kRows = 40, kCols = 24;
  const Matrix u = lq(gaussian(kRows, kRows, 14)).q, v = lq(gaussian(kCols, kCols, 15)).q;
  const std::function<double(Index)> spectra[] = {
      [](Index) { return 1.0; },                                        // all alike
      [](Index i) { return std::pow(10.0, -static_cast<double>(i)); },  // down to below rounding
      [](Index i) { return i < 4   ? 2.0
                           : i < 9 ? 1e-9
                                   : 0.0; },  // clusters, rank 9
      [](Index i) {
        return i == 0 ? 1.0 : 1e-7 / static_cast<double>(i);
      }  // one far above the rest
  };
  for (const auto& spectrum : spectra) {
    for (const double scale : {1.0, 1e200, 1e-200}) {
      Vector values(kCols);
      for (Index i = 0; i < kCols; ++i) values(i) = spectrum(i);
      const Matrix part = u.leftCols(kCols) * values.asDiagonal();
      const Matrix a = product(part, v);
      for (const bool wide : {false, true}) {
        const Matrix given = scale * (wide ? Matrix(a.transpose()) : a);
        const auto f = svd(given);
        ASSERT_TRUE(f.ok()) << f.error().message;
        const Matrix scaled = f->u * (f->values / scale).asDiagonal();
        EXPECT_LT((product(scaled, f->vt) - given / scale).norm(), 1e-13);
        EXPECT_LT((f->values / scale - values).norm(), 1e-13);
        EXPECT_LT(off_identity(f->u), 1e-13);
        EXPECT_LT(off_identity(f->vt.transpose()), 1e-13);
        EXPECT_TRUE(std::is_sorted(f->values.begin(), f->values.end(), std::greater<>()));
      }
    }
  }
}

TEST(Factor, CompletesAndOrthogonalises) {
  const Matrix q = lq(gaussian(6, 6, 8)).q;
  const Matrix full = complete_basis(q.leftCols(4));
  EXPECT_EQ(full.leftCols(4), q.leftCols(4));
  EXPECT_LT(off_identity(full), 1e-13);

  Matrix rough = q + 0.02 * gaussian(6, 6, 9);
  const auto f = svd(rough);
  const Matrix polar = f->u * f->vt;
  ASSERT_TRUE(orthogonalise(rough).ok());
  EXPECT_LT(off_identity(rough), 1e-14);
  EXPECT_LT((rough - polar).norm(), 1e-13);
  Matrix far = 2.0 * q;
  EXPECT_EQ(orthogonalise(far).code(), Code::kInvalidArgument);
}

TEST(Factor, OrthogonalisesToTheToleranceOfFloat) {
  // Far enough that one term of the series is not enough, and so near that it is.
  for (const double noise : {3e-4, 3e-5, 1e-6}) {
    const Matrix q = lq(gaussian(300, 300, 8)).q;
    Matrix rough = q + noise * gaussian(300, 300, 9);
    const auto f = svd(rough);
    const Matrix polar = f->u * f->vt;
    ASSERT_TRUE(orthogonalise(rough, 1e-5).ok()) << noise;
    EXPECT_LT((gram(rough, Op::kTransposed) - Matrix::Identity(300, 300)).norm(), 2e-5) << noise;
    EXPECT_LT((rough - polar).norm(), 2e-5) << noise;
  }
}

TEST(Factor, CayleyIsOrthogonalAndItsOwnInverse) {
  const Matrix a = gaussian(5, 5, 10);
  const Matrix skew = a - a.transpose();
  const Matrix q = cayley(skew);
  EXPECT_LT(off_identity(q), 1e-13);
  EXPECT_LT((cayley(q) - skew).norm(), 1e-11);
  // (1 - a)(1 + a)^-1 turns the first axis towards the second by 2 atan(a): fixes the sign.
  Matrix plane = Matrix::Zero(2, 2);
  plane(1, 0) = 0.5;
  plane(0, 1) = -0.5;
  EXPECT_NEAR(cayley(plane)(1, 0), -0.8, 1e-15);
}

TEST(Inverse, InvertsAndSaysWhereItCannot) {
  const Matrix a = gaussian(7, 7, 20);
  Matrix inverse = a;
  ASSERT_TRUE(invert(inverse));
  EXPECT_LT((a * inverse - Matrix::Identity(7, 7)).norm(), 1e-12);
  Matrix singular = Matrix::Zero(3, 3);
  EXPECT_FALSE(invert(singular));
  EXPECT_FALSE(cayley(-Matrix::Identity(3, 3)).allFinite());
}

TEST(Inverse, PolarFactorIsThatOfTheSvd) {
  Matrix a = gaussian(8, 8, 21);
  a.row(3) *= 1e-6;
  const auto f = svd(a);
  Matrix polar = a;
  ASSERT_TRUE(polarise(polar));
  EXPECT_LT(off_identity(polar), 1e-13);
  EXPECT_LT((polar - f->u * f->vt).norm(), 1e-8);
  Matrix zero = Matrix::Zero(4, 4);
  EXPECT_FALSE(polarise(zero));
}

TEST(Inverse, PolarFactorIsNotThatOfRounding) {
  // Its inverse has nearly the norm of its least singular value's.
  const auto with_least = [](double value) {
    Matrix x = Matrix::Identity(4, 4);
    x(3, 3) = value;
    return x;
  };
  Matrix x = with_least(1e-13);
  EXPECT_TRUE(polarise(x));
  x = with_least(1e-14);
  EXPECT_FALSE(polarise(x));
}

TEST(Factor, ProcrustesFindsTheRotation) {
  const Matrix a = gaussian(9, 4, 11);
  const Matrix u = lq(gaussian(4, 4, 12)).q;
  const auto same = procrustes(a, a * u);
  ASSERT_TRUE(same.ok());
  EXPECT_LT((same->u - u).norm(), 1e-12);
  EXPECT_LT(same->distance, 1e-14);
  EXPECT_GT(procrustes(a, gaussian(9, 4, 13))->distance, 0.1);
  // A scaled model is not the same model.
  EXPECT_NEAR(procrustes(a, 2 * a)->distance, 0.5, 1e-12);
}

}  // namespace
}  // namespace bbz::linalg
