#include "bbz/compare/pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"
#include "bbz/symmetry/pair/find.h"
#include "models/factored.h"

namespace bbz::compare {
namespace {

using linalg::Index;
using linalg::Matrix;
using test_models::Factoring;
using test_models::Model;
using test_models::Spec;
using testing::HasSubstr;

// The model must outlive what is returned.
model::Model opened(const Model& model) {
  model::Model out;
  out.tensors = model.infos;
  out.load = [&model](std::size_t t) { return model.bytes[t]; };
  for (const auto& bytes : model.bytes) out.stored_bytes += bytes.size();
  out.file_bytes = out.stored_bytes;
  return out;
}

std::vector<PairDistance> distances(const Model& first, const Model& second) {
  const auto found = pair_distances(opened(first), opened(second));
  EXPECT_TRUE(found.ok()) << found.error().message;
  return found.ok() ? *found : std::vector<PairDistance>();
}

Spec small(const std::string& family = "llama", DType dtype = DType::kF16) {
  linalg::set_threads(1);  // tests run side by side
  Spec spec;
  spec.family = family;
  spec.layers = 1;
  spec.dtype = dtype;
  return spec;
}

Model factored(const Spec& spec, const Factoring& how) {
  return test_models::factored(
      spec.family == "opt" ? test_models::plain_opt(spec) : test_models::plain_llama(spec), spec,
      how);
}

void put(Model& model, const std::string& name, const Matrix& values, DType dtype) {
  model.infos.push_back(
      {name,
       dtype,
       {static_cast<std::uint64_t>(values.rows()), static_cast<std::uint64_t>(values.cols())}});
  model.bytes.emplace_back(static_cast<std::size_t>(values.size()) * element_bytes(dtype));
  linalg::store_matrix(values, dtype, model.bytes.back());
}

// A matrix without structure: entries between -1 and 1, none near 0.
Matrix some_matrix(Index rows, Index cols, double seed) {
  Matrix m(rows, cols);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) {
      const double x = std::sin(seed + 1.7 * static_cast<double>(i * cols + j));
      m(i, j) = x + (x < 0 ? -0.1 : 0.1);
    }
  }
  return m;
}

Model one_pair(const Matrix& a, const Matrix& b, DType dtype = DType::kF32) {
  Model model;
  put(model, "x.ALinear.weight", a, dtype);
  put(model, "x.BLinear.weight", b, dtype);
  return model;
}

Model one_matrix(const Matrix& w, DType dtype = DType::kF32) {
  Model model;
  put(model, "x.weight", w, dtype);
  return model;
}

class OfType : public testing::TestWithParam<DType> {};

TEST_P(OfType, OtherFactorsOfOneMatrixAreFoundToBeThat) {
  for (const char* family : {"llama", "opt"}) {
    for (std::size_t row = 0; row < pair::families().size(); ++row) {
      const Model model = factored(small(family, GetParam()), {row, 0.8, 0});
      const Model other = test_models::refactored(model, 7);
      const auto found = distances(model, other);
      EXPECT_EQ(found.size(), std::string(family) == "opt" ? 6u : 7u);
      for (const PairDistance& d : found) {
        EXPECT_EQ(d.note, "");
        EXPECT_FALSE(d.identical);
        EXPECT_TRUE(d.same()) << d.name << ' ' << d.of_rounding;
        EXPECT_GT(d.of_rounding, 0.05) << d.name;  // it is no more generous than that
        EXPECT_GT(d.plain, 0.5);
        EXPECT_GT(d.product, 0);
        EXPECT_LT(d.product, d.rounding);
      }
      for (const PairDistance& d : distances(model, model)) {
        EXPECT_TRUE(d.identical && d.same());
        EXPECT_EQ(d.plain, 0);
        EXPECT_EQ(d.product, 0);
      }
    }
  }
}

TEST_P(OfType, OneChangedEntryOfAFactorIsSeen) {
  const Model model = factored(small("llama", GetParam()), {});
  const Model other = test_models::refactored(model, 7);
  const pair::Pair pair = pair::find_pairs(model.infos).at(3);
  for (const std::size_t factor : {pair.a, pair.b}) {
    Matrix values = test_models::matrix(other, factor);
    Index row = 0, col = 0;
    values.cwiseAbs().maxCoeff(&row, &col);
    values(row, col) *= -1;
    Model changed = other;
    linalg::store_matrix(values, GetParam(), changed.bytes[factor]);
    const auto found = distances(model, changed);
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].same(), i != 3) << found[i].name << ' ' << found[i].of_rounding;
    }
  }
}

TEST_P(OfType, TheProductRoundedIsTheSameMatrix) {
  const Matrix a = some_matrix(12, 5, 0), b = some_matrix(5, 9, 1);
  const Model pair = one_pair(a, b, GetParam());
  const Matrix w = linalg::product(test_models::matrix(pair, 0), test_models::matrix(pair, 1));
  Matrix changed = w;
  changed.row(3) *= -1;
  for (const bool swapped : {false, true}) {
    const auto compared = [&](const Matrix& matrix) {
      const Model whole = one_matrix(matrix, GetParam());
      return swapped ? distances(whole, pair).at(0) : distances(pair, whole).at(0);
    };
    const PairDistance same = compared(w);
    EXPECT_TRUE(same.same()) << same.note << same.of_rounding;
    EXPECT_EQ(same.first_rank, swapped ? 0u : 5u);
    EXPECT_EQ(same.second_rank, swapped ? 5u : 0u);
    EXPECT_EQ(same.plain, std::numeric_limits<double>::infinity());
    EXPECT_FALSE(compared(changed).same());
  }
}

INSTANTIATE_TEST_SUITE_P(All, OfType,
                         testing::Values(DType::kF16, DType::kBF16, DType::kF32, DType::kF64),
                         [](const auto& row) { return std::string(dtype_info(row.param).name); });

// Written out entry by entry.
TEST(PairDistances, AreWhatTheyAreDefinedToBe) {
  const Matrix a = some_matrix(4, 3, 0), b = some_matrix(3, 5, 1);
  const Matrix other_a = some_matrix(4, 3, 2), other_b = some_matrix(3, 5, 3);
  const Model first = one_pair(a, b), second = one_pair(other_a, other_b);
  double factors = 0, of_factors = 0, distance = 0, norm = 0, largest = 0;
  const auto stored = [](double x) { return static_cast<double>(static_cast<float>(x)); };
  for (const auto& [x, y] : {std::pair(a, other_a), std::pair(b, other_b)}) {
    for (Index i = 0; i < x.rows(); ++i) {
      for (Index j = 0; j < x.cols(); ++j) {
        factors += std::pow(stored(x(i, j)) - stored(y(i, j)), 2);
        of_factors += std::pow(stored(y(i, j)), 2);
      }
    }
  }
  double rows[4] = {}, cols[5] = {}, quotient = 0;
  for (Index i = 0; i < 4; ++i) {
    for (Index j = 0; j < 5; ++j) {
      double x = 0, y = 0;
      for (Index k = 0; k < 3; ++k) {
        x += stored(a(i, k)) * stored(b(k, j));
        y += stored(other_a(i, k)) * stored(other_b(k, j));
      }
      distance += (x - y) * (x - y);
      rows[i] += (x - y) * (x - y);
      cols[j] += (x - y) * (x - y);
      norm += y * y;
      largest = std::max(largest, std::abs(x - y));
    }
  }
  const auto ulp = [](double x) {
    const auto f = std::abs(static_cast<float>(x));
    return static_cast<double>(std::nextafter(f, INFINITY) - f);
  };
  // The squares of what the errors of one factor make of an entry.
  const auto by_a = [&](const Matrix& p, const Matrix& q, Index i, Index j) {
    double sum = 0;
    for (Index k = 0; k < 3; ++k) sum += std::pow(ulp(p(i, k)) * q(k, j), 2);
    return sum;
  };
  const auto by_b = [&](const Matrix& p, const Matrix& q, Index i, Index j) {
    double sum = 0;
    for (Index k = 0; k < 3; ++k) sum += std::pow(p(i, k) * ulp(q(k, j)), 2);
    return sum;
  };
  double rounding = 0;
  for (const auto& [p, q] : {std::pair(a, b), std::pair(other_a, other_b)}) {
    double of_a = 0, of_b = 0;
    for (Index i = 0; i < 4; ++i) {
      for (Index j = 0; j < 5; ++j) of_a += by_a(p, q, i, j), of_b += by_b(p, q, i, j);
    }
    rounding += std::sqrt(of_a) + std::sqrt(of_b);
  }
  const auto worse = [&](double square, auto entries) {
    double error = 0;
    for (const auto& [p, q] : {std::pair(a, b), std::pair(other_a, other_b)}) {
      double of_a = 0, of_b = 0;
      entries([&, &p = p, &q = q](Index i, Index j) {
        of_a += by_a(p, q, i, j), of_b += by_b(p, q, i, j);
      });
      error += std::sqrt(of_a) + std::sqrt(of_b);
    }
    quotient = std::max(quotient, std::sqrt(square) / error);
  };
  for (Index i = 0; i < 4; ++i) {
    worse(rows[i], [&](auto visit) {
      for (Index j = 0; j < 5; ++j) visit(i, j);
    });
  }
  for (Index j = 0; j < 5; ++j) {
    worse(cols[j], [&](auto visit) {
      for (Index i = 0; i < 4; ++i) visit(i, j);
    });
  }
  const PairDistance found = distances(first, second).at(0);
  EXPECT_EQ(found.name, "x");
  EXPECT_NEAR(found.plain, std::sqrt(factors / of_factors), 1e-12);
  EXPECT_NEAR(found.product, std::sqrt(distance / norm), 1e-12);
  EXPECT_NEAR(found.largest, largest, 1e-12);
  EXPECT_NEAR(found.rounding / (rounding / std::sqrt(norm)), 1, 1e-6);
  EXPECT_NEAR(found.of_rounding / quotient, 1, 1e-6);
  EXPECT_FALSE(found.same());
}

TEST(PairDistances, BlocksOfAProductAreComparedToTheLastEntry) {
  linalg::set_threads(1);
  const Matrix a = some_matrix(520, 2, 0), b = some_matrix(2, 4100, 1);
  const Model first = one_pair(a, b);
  EXPECT_TRUE(distances(first, one_pair(2 * a, b / 2)).at(0).same());
  Matrix w = linalg::product(test_models::matrix(first, 0), test_models::matrix(first, 1));
  w(519, 4099) += 3;
  const PairDistance found = distances(first, one_matrix(w, DType::kF64)).at(0);
  EXPECT_FALSE(found.same());
  EXPECT_NEAR(found.largest, 3, 1e-9);
  EXPECT_NEAR(found.product * w.norm(), 3, 1e-9);
}

TEST(PairDistances, RanksNamesAndTypesMayDiffer) {
  const Matrix a = some_matrix(8, 3, 0), b = some_matrix(3, 6, 1);
  Matrix wide_a = Matrix::Zero(8, 5), wide_b = Matrix::Zero(5, 6);
  wide_a.leftCols(3) = a;
  wide_b.topRows(3) = b;
  wide_b.bottomRows(2).setOnes();
  PairDistance found = distances(one_pair(a, b), one_pair(wide_a, wide_b)).at(0);
  EXPECT_TRUE(found.same());
  EXPECT_FALSE(found.identical);
  EXPECT_EQ(found.first_rank, 3u);
  EXPECT_EQ(found.second_rank, 5u);
  EXPECT_EQ(found.plain, std::numeric_limits<double>::infinity());
  // As another tool names it, in another type.
  Model other;
  put(other, "layer.q_u_proj.weight", a, DType::kBF16);
  put(other, "layer.q_v_proj.weight", b, DType::kBF16);
  Model first = one_pair(a, b);
  first.infos[0].name = "layer.q_proj.ALinear.weight";
  first.infos[1].name = "layer.q_proj.BLinear.weight";
  for (const bool swapped : {false, true}) {
    const auto all = swapped ? distances(other, first) : distances(first, other);
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].name, swapped ? "layer.q" : "layer.q_proj");
    EXPECT_EQ(all[0].note, "");
    EXPECT_TRUE(all[0].same());
    EXPECT_FALSE(all[0].identical);
    EXPECT_GT(all[0].plain, 0);
  }
}

TEST(PairDistances, SayWhyProductsCannotBeCompared) {
  const Matrix a = some_matrix(8, 3, 0), b = some_matrix(3, 6, 1);
  const Model pair = one_pair(a, b);
  const auto note = [](const Model& first, const Model& second) {
    const auto all = distances(first, second);
    if (all.size() != 1) return "found " + std::to_string(all.size());
    EXPECT_FALSE(all[0].same());
    return all[0].note;
  };
  EXPECT_EQ(note(pair, Model()), "only in the first");
  EXPECT_EQ(note(Model(), pair), "only in the second");
  EXPECT_EQ(note(pair, one_pair(a, b.leftCols(5))), "another shape");
  EXPECT_EQ(note(pair, one_pair(a.topRows(7), b)), "another shape");
  EXPECT_EQ(note(pair, one_matrix(some_matrix(6, 8, 0))), "another shape");
  Model broken = pair;
  broken.infos.pop_back();
  broken.bytes.pop_back();
  EXPECT_THAT(note(pair, broken), HasSubstr("BLinear.weight\": expected a matrix"));
  EXPECT_THAT(note(broken, pair), HasSubstr("BLinear.weight\": expected a matrix"));
  Matrix infinite = b;
  infinite(1, 2) = INFINITY;
  EXPECT_THAT(note(pair, one_pair(a, infinite)), HasSubstr("BLinear.weight"));
  Model whole;
  whole.infos.push_back({"x.weight", DType::kI8, {8, 6}});
  whole.bytes.emplace_back(48);
  EXPECT_EQ(note(pair, whole), "I8 [8, 6]");
  // Beyond the range of double, in either direction.
  for (const double scale : {1e200, 1e-120}) {
    EXPECT_THAT(note(one_pair(scale * a, scale * b, DType::kF64),
                     one_pair(-scale * a, scale * b, DType::kF64)),
                HasSubstr("too large or too small"));
  }
  EXPECT_TRUE(distances(one_matrix(a), one_matrix(b)).empty());
}

// A difference along a row is small in every column, and one along a column in every row.
TEST(PairDistances, AreJudgedByTheWorstRowAndTheWorstColumn) {
  const Matrix ones = Matrix::Ones(16, 1), b = Matrix::Constant(1, 16, 1.5);
  const Model pair = one_pair(ones, b, DType::kF64);
  const double off = 2 * 0x1p-10;  // units in the last place of F16
  const auto judged = [&](const auto& change) {
    Matrix w = ones * b;
    change(w);
    return distances(pair, one_matrix(w, DType::kF16)).at(0);
  };
  PairDistance found = judged([&](Matrix& w) { w.row(3).array() += off; });
  EXPECT_NEAR(found.of_rounding, 2, 1e-6);
  EXPECT_FALSE(found.same());
  found = judged([&](Matrix& w) { w.col(5).array() += off; });
  EXPECT_NEAR(found.of_rounding, 2, 1e-6);
  EXPECT_FALSE(found.same());
  found = judged([&](Matrix& w) { w(3, 5) += off; });
  EXPECT_NEAR(found.of_rounding, 0.5, 1e-6);
  EXPECT_TRUE(found.same());
}

// If the terms of the products cancel, rounding leaves nothing of them.
TEST(PairDistances, NothingIsSaidOfProductsThatRoundingDestroys) {
  Matrix a = Matrix::Ones(8, 2), b = Matrix::Constant(2, 6, 1000);
  b.row(1) *= -1;
  a(3, 0) += 0x1p-10;
  Matrix other = a;
  other(3, 0) += 0x1p-10;
  const PairDistance found =
      distances(one_pair(a, b, DType::kF16), one_pair(other, b, DType::kF16)).at(0);
  EXPECT_EQ(found.note, "");
  EXPECT_LE(found.of_rounding, 1);
  EXPECT_GT(found.rounding, 1);
  EXPECT_NEAR(found.product, 0.5, 1e-12);
  EXPECT_FALSE(found.same());
}

TEST(PairDistances, RefuseWorkOutOfProportionToTheBytes) {
  const Model pair = one_pair(some_matrix(600, 500, 0), some_matrix(500, 600, 1));
  model::Model few = opened(pair);
  EXPECT_TRUE(pair_distances(few, few).ok());
  few.stored_bytes = 100;
  few.tensors[0].shape = {60000, 500};
  few.tensors[1].shape = {500, 60000};
  few.file_bytes = 1u << 30;
  bool loaded = false;
  few.load = [&](std::size_t) {
    loaded = true;
    return std::vector<std::byte>();
  };
  const auto refused = pair_distances(few, few);
  ASSERT_EQ(refused.code(), Code::kLimit);
  EXPECT_THAT(refused.error().message, HasSubstr("too wide for the 200 stored bytes"));
  EXPECT_FALSE(loaded);
}

}  // namespace
}  // namespace bbz::compare
