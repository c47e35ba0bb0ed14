#include "bbz/symmetry/bitsback/internal/frame.h"
#include "bbz/symmetry/linalg/product.h"

#include <gtest/gtest.h>

#include "symmetry/bitsback/junctions.h"

namespace bbz::bitsback {
namespace {

// The whole way from carriers to their frame, as the planning encoder goes it.
Matrix frame_of(const Junction& junction) {
  const auto plan = plan_junction(junction.width, junction.carriers());
  EXPECT_TRUE(plan.ok()) << plan.error().message;
  return plan.ok() ? plan->frame : Matrix();
}

double distance_from_orthogonal(const Matrix& x) {
  return (linalg::gram(x, linalg::Op::kTransposed) - Matrix::Identity(x.rows(), x.cols())).norm();
}

TEST(Frame, IsOrthogonal) {
  EXPECT_LT(distance_from_orthogonal(frame_of(normal_junction(DType::kF16, 40, 100))), 1e-11);
}

// A permutation of the axes with signs is exact in every type, so the frame has to follow it to the
// last rounding of double, whichever weights it is made from.
TEST(Frame, FollowsTheCarriers) {
  constexpr std::size_t kWidth = 24;
  constexpr std::size_t kRows = 60;
  const auto values = normal_values(1, kRows, kWidth, 2);
  Matrix turn = Matrix::Zero(kWidth, kWidth);
  for (std::size_t i = 0; i < kWidth; ++i) {
    turn(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>((i * 7 + 3) % kWidth)) =
        i % 3 == 0 ? -1 : 1;
  }
  std::vector<double> turned(values.size());
  for (std::size_t row = 0; row < kRows; ++row) {
    const Eigen::Map<const Eigen::VectorXd> from(values.data() + row * kWidth, kWidth);
    Eigen::Map<Eigen::VectorXd>(turned.data() + row * kWidth, kWidth) = turn * from;
  }
  const Matrix frame = frame_of({kWidth, DType::kF16, {tensor_of(DType::kF16, values)}});
  const Matrix followed = frame_of({kWidth, DType::kF16, {tensor_of(DType::kF16, turned)}});
  EXPECT_LT((followed - linalg::product(turn, frame)).norm(), 1e-11);
}

// Carriers whose Gram matrix is a multiple of the identity have no principal axes, but a frame.
TEST(Frame, DoesNotNeedDistinctEigenvalues) {
  constexpr std::size_t kWidth = 8;
  std::vector<double> values;
  for (std::size_t i = 0; i < 5 * kWidth * kWidth; ++i) {
    values.push_back(i / kWidth % kWidth == i % kWidth ? 1.0 : 0.0);
  }
  EXPECT_LT(
      distance_from_orthogonal(frame_of({kWidth, DType::kBF16, {tensor_of(DType::kBF16, values)}})),
      1e-11);
}

TEST(Frame, ColumnExponentsBringNormsNearOne) {
  const std::vector<double> values = {3, 4, 0.3, -0.4, 0, 0, 0x1p-24, 0};
  const auto bytes = tensor_of(DType::kF16, values);
  const std::vector<Carrier> carriers = {{DType::kF16, bytes}};
  const auto operand = Operand::open(2, carriers);
  ASSERT_TRUE(operand.ok());
  std::vector<std::int16_t> exponents(4);
  RoundingDecider rounding(exponents, {});
  // log2 5 = 2.3, log2 0.5 = -1; the least is that of 2^-14.
  EXPECT_EQ(column_exponents(*operand, rounding), (std::vector<std::int16_t>{2, -1, -14, -14}));
}

TEST(Decider, RoundsAndClamps) {
  ListedDecider none({});
  EXPECT_EQ(none.decide(0, 2.4, 0, 10), 2);
  EXPECT_EQ(none.decide(1, -2.6, 0, 10), -3);
  EXPECT_EQ(none.decide(2, 1e300, 0, 10), 10);
  EXPECT_EQ(none.decide(3, -11.5, 0, 10), -10);
}

TEST(Decider, WhatIsListedIsFollowed) {
  constexpr double kMargin = 1e-6;
  // Decided as planned and safe; beside a half on either side; moved across a half.
  const std::vector<double> seen = {1.3, 1.5 - 1e-9, 1.5 + 1e-9, 0.7, -0.7, -1.5};
  const std::vector<std::int8_t> planned = {1, 1, 1, 0, 0, -2};
  ListingDecider listing({}, planned);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(listing.decide(i, seen[i], kMargin, 127), planned[i]);
  }
  EXPECT_TRUE(listing.ok());
  const auto listed = listing.take();
  EXPECT_EQ(listed.size(), 5U);
  for (const double noise : {-1e-7, 0.0, 1e-7}) {
    ListedDecider following(listed);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      EXPECT_EQ(following.decide(i, seen[i] + noise, kMargin, 127), planned[i]) << i;
    }
  }
}

TEST(Decider, WhatCannotBeListedIsNoticed) {
  const std::vector<std::int8_t> planned = {3};
  ListingDecider too_far({}, planned);
  too_far.decide(0, 1.2, 1e-6, 127);
  EXPECT_FALSE(too_far.ok());

  // Beside a whole number, "the one below" is not safe to say.
  ListingDecider unsafe({}, planned);
  unsafe.decide(0, 4 + 1e-9, 1e-6, 127);
  EXPECT_FALSE(unsafe.ok());
}

}  // namespace
}  // namespace bbz::bitsback
