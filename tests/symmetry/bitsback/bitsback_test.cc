#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/linalg/product.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "symmetry/bitsback/junctions.h"

namespace bbz::bitsback {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Coded {
  Plan plan;
  std::vector<std::byte> riders;
  Drawn drawn;
};

Coded code(const Junction& junction, double fill = 1) {
  Coded coded;
  auto plan = plan_junction(junction.width, junction.carriers());
  EXPECT_TRUE(plan.ok()) << plan.error().message;
  if (!plan.ok()) return coded;
  coded.plan = *std::move(plan);
  coded.riders = random_bytes(
      9, static_cast<std::size_t>(fill * static_cast<double>(capacity_bytes(coded.plan))));
  auto drawn = encode(coded.plan, junction.carriers(), coded.riders);
  EXPECT_TRUE(drawn.ok()) << drawn.error().message;
  if (drawn.ok()) coded.drawn = *std::move(drawn);
  return coded;
}

double net_bits(const Coded& coded) {
  const double bits = 8.0 * (static_cast<double>(coded.riders.size()) -
                             static_cast<double>(coded.drawn.record.size()));
  return bits / static_cast<double>(degrees_of_freedom(coded.plan.width));
}

void expect_riders(const Junction& junction, const Coded& coded) {
  const Junction kept = stored(junction, coded.drawn);
  const auto back = decode(junction.width, kept.carriers(), coded.drawn.record);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, coded.riders);
}

TEST(BitsBack, RidersComeBack) {
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
    for (const std::size_t width : {2, 3, 17, 56}) {
      for (const std::size_t rows : {2 * width, 6 * width + 1}) {
        SCOPED_TRACE(testing::Message() << dtype_info(dtype).name << ' ' << width);
        const Junction junction = normal_junction(dtype, width, rows);
        expect_riders(junction, code(junction));
      }
    }
  }
}

TEST(BitsBack, AnyNumberOfRidersUpToTheCapacity) {
  const Junction junction = normal_junction(DType::kF16, 12, 40);
  for (const double fill : {0.0, 0.01, 0.5, 0.99, 1.0})
    expect_riders(junction, code(junction, fill));
  const auto plan = plan_junction(12, junction.carriers());
  const auto too_many =
      encode(*plan, junction.carriers(), random_bytes(1, capacity_bytes(*plan) + 1));
  ASSERT_FALSE(too_many.ok());
  EXPECT_EQ(too_many.code(), Code::kInvalidArgument);
}

// Stored = round(W U), U orthogonal: what the caller does to the junction's other members.
TEST(BitsBack, RotationIsWhatHappenedToTheCarriers) {
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
    const Junction junction = normal_junction(dtype, 20, 50);
    const Drawn drawn = code(junction).drawn;
    ASSERT_EQ(drawn.rotation.rows(), 20);
    EXPECT_LT(
        (linalg::gram(drawn.rotation, linalg::Op::kTransposed) - Matrix::Identity(20, 20)).norm(),
        1e-12);

    const auto precision = precision_of(dtype);
    const double least_spacing =
        std::ldexp(1, precision->least_normal_exponent - precision->mantissa_bits);
    double largest = 0;
    double sum = 0;
    double count = 0;
    for (std::size_t t = 0; t < junction.tensors.size(); ++t) {
      std::vector<double> before(junction.tensors[t].size() / (dtype == DType::kF32 ? 4 : 2));
      std::vector<double> after(before.size());
      linalg::load(junction.tensors[t], dtype, before);
      linalg::load(drawn.carriers[t], dtype, after);
      for (std::size_t row = 0; row < before.size() / 20; ++row) {
        const Eigen::Map<const Eigen::RowVectorXd> w(before.data() + row * 20, 20);
        const Eigen::RowVectorXd exact = w * drawn.rotation;
        for (std::size_t j = 0; j < 20; ++j) {
          const double stored_value = after[row * 20 + j];
          const double error = std::abs(stored_value - exact(static_cast<Eigen::Index>(j)));
          EXPECT_LE(error,
                    std::max(std::ldexp(std::abs(stored_value), -precision->mantissa_bits - 1),
                             least_spacing / 2) +
                        1e-12);
          largest = std::max(largest, error);
          sum += error * error;
          ++count;
        }
      }
    }
    EXPECT_NEAR(drawn.largest_rounding, largest, 1e-15);
    EXPECT_NEAR(drawn.rms_rounding, std::sqrt(sum / count), 1e-12);
  }
}

// One bit of any rider, and the rotation is another: nothing rides for free.
TEST(BitsBack, EveryRiderCounts) {
  const Junction junction = normal_junction(DType::kF16, 9, 30);
  Coded coded = code(junction);
  for (auto& rider : coded.riders) {
    rider ^= std::byte{0x10};
    const auto other = encode(coded.plan, junction.carriers(), coded.riders);
    ASSERT_TRUE(other.ok());
    EXPECT_NE(other->carriers, coded.drawn.carriers);
    rider ^= std::byte{0x10};
  }
}

TEST(BitsBack, SavesWhatItShould) {
  struct {
    std::size_t width, rows;
    double spread, least;
  } const cases[] = {{56, 344, 0, 13.0}, {56, 128, 3, 11.0}, {56, 60, 0, 8.0}, {120, 480, 0, 13.0}};
  for (const auto& c : cases) {
    const Coded coded = code(normal_junction(DType::kF16, c.width, c.rows, 1, c.spread));
    EXPECT_GT(net_bits(coded), c.least) << c.width << ' ' << c.rows;
    EXPECT_NEAR(expected_net_bits(coded.plan) / static_cast<double>(degrees_of_freedom(c.width)),
                net_bits(coded), 0.5);
  }
}

TEST(BitsBack, RunsOfEqualRidersSaveAsMuch) {
  const Junction junction = normal_junction(DType::kF16, 40, 160);
  Coded coded = code(junction);
  const double random = net_bits(coded);
  for (const std::byte value : {std::byte{0}, std::byte{0xFF}}) {
    std::ranges::fill(coded.riders, value);
    auto drawn = encode(coded.plan, junction.carriers(), coded.riders);
    ASSERT_TRUE(drawn.ok());
    coded.drawn = *std::move(drawn);
    EXPECT_NEAR(net_bits(coded), random, 0.3);
    expect_riders(junction, coded);
  }
}

TEST(BitsBack, DegenerateCarriersAreRefusedByReason) {
  const auto refusal = [](std::uint64_t width, DType dtype, const std::vector<double>& values) {
    const auto bytes = tensor_of(dtype, values);
    const std::vector<Carrier> carriers = {{dtype, bytes}};
    const auto plan = plan_junction(width, carriers);
    EXPECT_FALSE(plan.ok());
    return plan.ok() ? std::string() : plan.error().message;
  };
  EXPECT_THAT(refusal(1, DType::kF16, {1, 2, 3}), StartsWith("frame: a junction of width 1"));
  EXPECT_THAT(refusal(4, DType::kF16, normal_values(1, 3, 4)), HasSubstr("3 carrier rows"));
  EXPECT_THAT(refusal(4, DType::kF16, std::vector<double>(80, 0.0)), HasSubstr("full rank"));

  auto flat = normal_values(1, 30, 6);  // an axis without weight
  for (std::size_t i = 2; i < flat.size(); i += 6) flat[i] = 0;
  EXPECT_THAT(refusal(6, DType::kF16, flat), StartsWith("frame: "));
  auto twins = normal_values(1, 30, 6);  // two axes alike
  for (std::size_t i = 2; i < twins.size(); i += 6) twins[i] = twins[i + 1];
  EXPECT_THAT(refusal(6, DType::kF16, twins), StartsWith("frame: "));

  auto values = normal_values(1, 20, 6);
  values[6 * 7 + 2] = std::numeric_limits<double>::infinity();
  EXPECT_THAT(refusal(6, DType::kF16, values), HasSubstr("element [7, 2] of carrier 0 is inf"));
  values[6 * 7 + 2] = std::nan("");
  EXPECT_THAT(refusal(6, DType::kBF16, values), HasSubstr("nan"));
}

TEST(BitsBack, ZeroRowsAndTinyRowsAreCarriedAlong) {
  auto values = normal_values(1, 60, 12);
  for (std::size_t i = 0; i < 12; ++i) {
    values[12 * 5 + i] = 0;
    values[12 * 9 + i] *= 0x1p-17;  // subnormal
  }
  const Junction junction = {12, DType::kF16, {tensor_of(DType::kF16, values)}};
  expect_riders(junction, code(junction));
}

TEST(BitsBack, OverflowOfTheTypeIsRefused) {
  auto values = normal_values(1, 60, 12);
  for (double& value : values) value = value < 0 ? -65504 : 65504;
  const Junction junction = {12, DType::kF16, {tensor_of(DType::kF16, values)}};
  const auto plan = plan_junction(12, junction.carriers());
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  const auto drawn = encode(*plan, junction.carriers(), {});
  ASSERT_FALSE(drawn.ok());
  EXPECT_THAT(drawn.error().message, HasSubstr("range of its type"));
}

TEST(BitsBack, StoresTheExactRotationToOneUnitInTheLastPlace) {
  constexpr std::size_t kWidth = 24;
  constexpr std::size_t kRows = 90;
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
    const Junction junction = normal_junction(dtype, kWidth, kRows);
    const auto plan = plan_junction(kWidth, junction.carriers());
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    const auto drawn = encode(*plan, junction.carriers(), random_bytes(5, 40));
    ASSERT_TRUE(drawn.ok()) << drawn.error().message;
    const linalg::Matrix& u = drawn->rotation;
    EXPECT_LT((linalg::gram(u, linalg::Op::kTransposed) - linalg::Matrix::Identity(kWidth, kWidth))
                  .cwiseAbs()
                  .maxCoeff(),
              1e-13);
    double largest = 0;
    for (std::size_t c = 0; c < junction.tensors.size(); ++c) {
      const auto rows = static_cast<linalg::Index>(c == 0 ? kRows / 3 : kRows - kRows / 3);
      const linalg::Matrix given = linalg::load_matrix(junction.tensors[c], dtype, rows, kWidth);
      const linalg::Matrix stored = linalg::load_matrix(drawn->carriers[c], dtype, rows, kWidth);
      for (linalg::Index i = 0; i < rows; ++i) {
        for (linalg::Index k = 0; k < static_cast<linalg::Index>(kWidth); ++k) {
          long double exact = 0;
          for (linalg::Index j = 0; j < u.rows(); ++j) {
            exact += static_cast<long double>(given(i, j)) * static_cast<long double>(u(j, k));
          }
          const auto error = static_cast<double>(std::abs(stored(i, k) - exact));
          EXPECT_LE(error, linalg::ulp(dtype, static_cast<double>(exact))) << i << ' ' << k;
          largest = std::max(largest, error);
        }
      }
    }
    EXPECT_NEAR(drawn->largest_rounding, largest, 1e-15);
  }
}

TEST(BitsBack, WrongSizesAreRefused) {
  const Junction junction = normal_junction(DType::kF16, 12, 40);
  auto carriers = junction.carriers();
  carriers[1].bytes = carriers[1].bytes.first(carriers[1].bytes.size() - 2);
  EXPECT_EQ(plan_junction(12, carriers).code(), Code::kInvalidArgument);
  carriers = junction.carriers();
  carriers[1].dtype = DType::kBF16;
  EXPECT_EQ(plan_junction(12, carriers).code(), Code::kUnsupported);
  carriers[1].dtype = carriers[0].dtype = DType::kI16;
  EXPECT_EQ(plan_junction(12, carriers).code(), Code::kUnsupported);
  EXPECT_EQ(plan_junction(12, {}).code(), Code::kInvalidArgument);
  EXPECT_EQ(plan_junction(0, junction.carriers()).code(), Code::kLimit);
  EXPECT_EQ(plan_junction(kMaxWidth + 1, junction.carriers()).code(), Code::kLimit);

  const auto plan = plan_junction(12, junction.carriers());
  carriers = junction.carriers();
  carriers.pop_back();
  EXPECT_EQ(encode(*plan, carriers, {}).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace bbz::bitsback
