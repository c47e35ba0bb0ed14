// Junctions so wide that some of their products are float.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bbz/symmetry/bitsback/internal/wide_sum.h"
#include "bbz/symmetry/linalg/product.h"
#include "symmetry/bitsback/junctions.h"

namespace bbz::bitsback {
namespace {

constexpr std::size_t kWidth = kLeastFloatWidth + 20;
constexpr std::size_t kRows = 3 * kWidth;

// What weighted_sum() is given, for carriers as they are.
struct Given {
  Junction junction;
  std::vector<Carrier> carriers;
  std::vector<std::int16_t> exponents;
  Matrix axes;
  std::vector<std::int8_t> row_exponents;

  explicit Given(DType dtype, double spread, std::uint64_t seed = 1)
      : junction(normal_junction(dtype, kWidth, kRows, seed, spread)),
        carriers(junction.carriers()) {
    ListedDecider none({});
    exponents = column_exponents(operand(), none);
    axes = rough_frame(operand(), exponents, 0);
    row_exponents = measure_row_exponents(operand(), exponents, axes);
  }
  Operand operand() const { return *Operand::open(kWidth, carriers); }

  // W in double before it is rounded, a column to a row.
  Matrix measured() const {
    Matrix columns(kRows, kWidth);
    operand().fetch(0, columns);
    for (std::size_t j = 0; j < kRows; ++j) {
      columns.row(static_cast<Eigen::Index>(j)) *= std::ldexp(1.0, -exponents[j]);
    }
    Matrix found(kRows, kWidth);
    linalg::multiply(columns, linalg::Op::kPlain, axes, linalg::Op::kTransposed, found);
    for (std::size_t i = 0; i < kWidth; ++i) {
      found.col(static_cast<Eigen::Index>(i)) *= std::ldexp(1.0, -row_exponents[i]);
    }
    return found;
  }
};

// Decides as another, and keeps what was decided.
class Keeping final : public Decider {
 public:
  explicit Keeping(Decider& decider, Eigen::Index rows = kRows, Eigen::Index width = kWidth)
      : decider_(decider), decided(rows, width) {}
  int decide(std::uint64_t index, double value, double margin, int most) override {
    const int number = decider_.decide(index, value, margin, most);
    at(index) = number;
    values.push_back({index, value});
    return number;
  }
  void decide_column(std::uint64_t index, std::span<float> numbers, std::span<const float> errors,
                     std::vector<std::uint32_t>& open) override {
    decider_.decide_column(index, numbers, errors, open);
    for (std::size_t i = 0; i < numbers.size(); ++i) at(index + i) = numbers[i];
  }

 private:
  double& at(std::uint64_t index) {
    return decided.data()[index - static_cast<std::uint64_t>(decided.rows())];
  }
  Decider& decider_;

 public:
  struct Value {
    std::uint64_t index;
    double value;
  };
  Matrix decided;             // a column to a row
  std::vector<Value> values;  // that were decided from double
};

TEST(WideSum, DecidesAsDoubleDoes) {
  std::uint64_t seed = 0;
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32, DType::kF16, DType::kBF16}) {
    const Given given(dtype, 2, ++seed);
    ListedDecider none({});
    Keeping keeping(none);
    const Matrix sum =
        weighted_sum(given.operand(), given.exponents, given.axes, given.row_exponents, keeping);
    const Matrix measured = given.measured();
    for (std::size_t j = 0; j < kRows; ++j) {
      for (std::size_t i = 0; i < kWidth; ++i) {
        const auto row = static_cast<Eigen::Index>(j), col = static_cast<Eigen::Index>(i);
        ASSERT_EQ(keeping.decided(row, col), std::nearbyint(measured(row, col))) << j << ' ' << i;
      }
    }
    // Some are near a half, but few.
    EXPECT_GT(keeping.values.size(), 0U);
    EXPECT_LT(keeping.values.size(), kRows * kWidth / 100);
    for (const auto& one : keeping.values) {
      const double exact =
          measured.reshaped<Eigen::RowMajor>()[static_cast<Eigen::Index>(one.index - kRows)];
      EXPECT_NEAR(one.value, exact, 1e-12);
    }
    // The sum is that of double arithmetic.
    Matrix columns(kRows, kWidth);
    given.operand().fetch(0, columns);
    Matrix weights = keeping.decided;
    for (std::size_t j = 0; j < kRows; ++j) {
      columns.row(static_cast<Eigen::Index>(j)) *= std::ldexp(1.0, -given.exponents[j]);
    }
    for (std::size_t i = 0; i < kWidth; ++i) {
      weights.col(static_cast<Eigen::Index>(i)) *= std::ldexp(1.0, given.row_exponents[i]);
    }
    Matrix expected(kWidth, kWidth);
    linalg::multiply(columns, linalg::Op::kTransposed, weights, linalg::Op::kPlain, expected);
    EXPECT_LT((sum - expected).cwiseAbs().maxCoeff(), 1e-12);
  }
}

// What is decided for columns in F32 that are given with these axes, in units of 1.
Matrix decided_for(const Matrix& columns, const Matrix& axes) {
  const auto width = static_cast<std::size_t>(columns.cols());
  const auto rows = static_cast<std::size_t>(columns.rows());
  const std::vector<double> values(columns.data(), columns.data() + columns.size());
  const auto bytes = tensor_of(DType::kF32, values);
  const Carrier carrier{DType::kF32, bytes};
  const auto operand = Operand::open(width, {&carrier, 1});
  EXPECT_TRUE(operand.ok());
  const std::vector<std::int16_t> exponents(rows, 0);
  const std::vector<std::int8_t> row_exponents(width, 0);
  ListedDecider none({});
  Keeping keeping(none, columns.rows(), columns.cols());
  weighted_sum(*operand, exponents, axes, row_exponents, keeping);
  return keeping.decided;
}

Matrix in_double(const Matrix& columns, const Matrix& axes) {
  Matrix found(columns.rows(), columns.cols());
  linalg::multiply(columns.cast<float>().cast<double>(), linalg::Op::kPlain, axes,
                   linalg::Op::kTransposed, found);
  return found;
}

void expect_rounded(const Matrix& numbers, const Matrix& measured) {
  for (Eigen::Index n = 0; n < numbers.size(); ++n) {
    ASSERT_EQ(numbers.data()[n], std::clamp(std::nearbyint(measured.data()[n]), -127.0, 127.0))
        << n << ": " << measured.data()[n];
  }
}

// A float sum of a large term and many that are below half of its last place loses all of them.
TEST(WideSum, DecidesAsDoubleDoesIfFloatLosesMostOfASum) {
  constexpr Eigen::Index kColumns = 640;
  for (const Eigen::Index width : {Eigen::Index{300}, Eigen::Index{1100}}) {
    constexpr double kPart = 0x1p-13;
    const double lost = 0.98 * kPart * kPart * static_cast<double>(width - 1);
    Matrix axes = Matrix::Zero(width, width);
    Matrix columns = Matrix::Constant(kColumns, width, kPart);
    for (const Eigen::Index i : {0, 1}) {
      axes.row(i).setConstant(0.98 * kPart);
      axes(i, 0) = 1;
    }
    axes.row(1) *= -1;
    for (Eigen::Index j = 0; j < kColumns; ++j) {
      columns(j, 0) = 0.5 - 2 * lost * static_cast<double>(j) / kColumns;
    }
    const Matrix measured = in_double(columns, axes);
    const auto above = (measured.col(0).array() > 0.5).count();
    EXPECT_GT(above, kColumns / 4);
    EXPECT_LT(above, kColumns * 3 / 4);
    expect_rounded(decided_for(columns, axes), measured);
  }
}

TEST(WideSum, DecidesTiesAsDoubleDoes) {
  Matrix columns(kRows, kWidth);
  Words words(3);
  for (double& x : columns.reshaped()) x = static_cast<double>(words.next() % 600) / 2 - 150;
  const Matrix axes = Matrix::Identity(kWidth, kWidth);
  expect_rounded(decided_for(columns, axes), columns);
}

// Every element of the columns is within a few units of the last place of float of a half.
TEST(WideSum, DecidesNearHalvesAsDoubleDoes) {
  const Given given(DType::kF32, 0);
  Matrix target(kRows, kWidth);
  Words words(4);
  for (double& x : target.reshaped()) {
    x = static_cast<double>(words.next() % 8) - 3.5 + 1e-6 * words.normal();
  }
  Matrix columns(kRows, kWidth);
  linalg::multiply(target, linalg::Op::kPlain, given.axes, linalg::Op::kPlain, columns);
  const Matrix measured = in_double(columns, given.axes);
  EXPECT_LT((measured - target).cwiseAbs().maxCoeff(), 1e-4);
  expect_rounded(decided_for(columns, given.axes), measured);
}

TEST(WideSum, FollowsWhatIsListed) {
  const Given given(DType::kF16, 0);
  const Matrix measured = given.measured();
  std::vector<Listed> listed;
  for (std::uint64_t n = 5; n < kRows * kWidth; n += 9973)
    listed.push_back({kRows + n, n % 2 == 0});
  ListedDecider following(listed);
  Keeping keeping(following);
  weighted_sum(given.operand(), given.exponents, given.axes, given.row_exponents, keeping);
  for (const Listed& one : listed) {
    const auto n = static_cast<Eigen::Index>(one.index - kRows);
    const double value = measured.reshaped<Eigen::RowMajor>()[n];
    EXPECT_EQ(keeping.decided.reshaped<Eigen::RowMajor>()[n],
              std::floor(value) + (one.upper ? 1 : 0));
  }
}

TEST(WideSum, ListsWhatDoubleLists) {
  const Given given(DType::kF16, 0);
  const Matrix measured = given.measured();
  std::vector<std::int8_t> planned;
  Words words(6);
  for (Eigen::Index n = 0; n < measured.size(); ++n) {
    planned.push_back(static_cast<std::int8_t>(
        std::clamp(std::nearbyint(measured.data()[n] + 0.01 * words.normal()), -127.0, 127.0)));
  }
  ListingDecider wide(given.exponents, planned), narrow(given.exponents, planned);
  weighted_sum(given.operand(), given.exponents, given.axes, given.row_exponents, wide);
  for (std::size_t n = 0; n < kRows * kWidth; ++n) {
    const double margin = std::ldexp(kMargin, -given.row_exponents[n % kWidth]);
    narrow.decide(kRows + n, measured.data()[n], margin, kMostWeight);
  }
  EXPECT_EQ(wide.ok(), narrow.ok());
  const auto listed = wide.take(), expected = narrow.take();
  EXPECT_GT(listed.size(), 100U);
  ASSERT_EQ(listed.size(), expected.size());
  for (std::size_t k = 0; k < listed.size(); ++k) {
    EXPECT_EQ(listed[k].index, expected[k].index);
    EXPECT_EQ(listed[k].upper, expected[k].upper);
  }
}

// Row exponents that no writer chooses make every element larger than the largest number.
TEST(WideSum, DecidesFromDoubleWhatFloatLeavesOpen) {
  Given given(DType::kF16, 0);
  std::ranges::fill(given.row_exponents, std::int8_t{-14});
  ListedDecider none({});
  Keeping keeping(none);
  weighted_sum(given.operand(), given.exponents, given.axes, given.row_exponents, keeping);
  const Matrix measured = given.measured();
  EXPECT_GT(keeping.values.size(), kRows * kWidth / 3);
  for (Eigen::Index n = 0; n < measured.size(); ++n) {
    const double value = measured.reshaped<Eigen::RowMajor>()[n];
    ASSERT_EQ(keeping.decided.reshaped<Eigen::RowMajor>()[n],
              std::clamp(std::nearbyint(value), -127.0, 127.0));
  }
}

TEST(WideSum, RidersComeBack) {
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
    const Junction junction = normal_junction(dtype, kWidth, kRows);
    const auto plan = plan_junction(kWidth, junction.carriers());
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    const auto riders = random_bytes(7, capacity_bytes(*plan));
    const auto drawn = encode(*plan, junction.carriers(), riders);
    ASSERT_TRUE(drawn.ok()) << drawn.error().message;
    const Matrix gap = linalg::gram(drawn->rotation) - Matrix::Identity(kWidth, kWidth);
    EXPECT_LT(gap.norm(), 1e-9);
    const double bits =
        8.0 * (static_cast<double>(riders.size()) - static_cast<double>(drawn->record.size()));
    EXPECT_NEAR(expected_net_bits(*plan), bits, 0.1 * bits);
    const Junction kept = stored(junction, *drawn);
    const auto back = decode(kWidth, kept.carriers(), drawn->record);
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(*back, riders);
  }
}

}  // namespace
}  // namespace bbz::bitsback
