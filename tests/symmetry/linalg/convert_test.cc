#include "bbz/symmetry/linalg/convert.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace bbz::linalg {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

double load16(DType dtype, std::uint16_t bits) {
  double value;
  load(std::as_bytes(std::span(&bits, 1)), dtype, {&value, 1});
  return value;
}

std::uint16_t store16(DType dtype, double value) {
  std::uint16_t bits;
  store({&value, 1}, dtype, std::as_writable_bytes(std::span(&bits, 1)));
  return bits;
}

// The value of finite bits by the definition of the format.
double by_definition(DType dtype, std::uint16_t bits) {
  const FloatLayout& l = dtype_info(dtype).layout;
  const int mantissa = bits & ((1 << l.mantissa_bits) - 1);
  const int exponent = (bits >> l.mantissa_bits) & ((1 << l.exponent_bits) - 1);
  const int bias = (1 << (l.exponent_bits - 1)) - 1;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, 1 - bias - l.mantissa_bits)
                                         : std::ldexp(mantissa + (1 << l.mantissa_bits),
                                                      exponent - bias - l.mantissa_bits);
  return bits & 0x8000 ? -magnitude : magnitude;
}

class Convert16 : public testing::TestWithParam<DType> {};

TEST_P(Convert16, EveryFiniteNumberLoadsByDefinitionAndComesBack) {
  const DType dtype = GetParam();
  const std::uint16_t infinity = store16(dtype, kInf);
  EXPECT_EQ(load16(dtype, infinity), kInf);
  EXPECT_EQ(load16(dtype, infinity | 0x8000), -kInf);
  for (int bits = 0; bits < 0x10000; ++bits) {
    const double value = load16(dtype, static_cast<std::uint16_t>(bits));
    if ((bits & 0x7fff) > infinity) {
      EXPECT_TRUE(std::isnan(value));
      continue;
    }
    if ((bits & 0x7fff) < infinity) {
      EXPECT_EQ(value, by_definition(dtype, static_cast<std::uint16_t>(bits)));
    }
    EXPECT_EQ(std::signbit(value), (bits & 0x8000) != 0);
    ASSERT_EQ(store16(dtype, value), bits);
  }
  EXPECT_TRUE(std::isnan(load16(dtype, store16(dtype, std::nan("")))));
}

TEST_P(Convert16, RoundsToNearestAndTiesToEven) {
  const DType dtype = GetParam();
  const std::uint16_t infinity = store16(dtype, kInf);
  for (std::uint16_t bits = 0; bits + 1 < infinity; ++bits) {
    const double low = load16(dtype, bits);
    const double high = load16(dtype, static_cast<std::uint16_t>(bits + 1));
    const double middle = low + (high - low) / 2;  // exact in double
    const std::uint16_t even = bits % 2 == 0 ? bits : static_cast<std::uint16_t>(bits + 1);
    ASSERT_EQ(store16(dtype, middle), even);
    ASSERT_EQ(store16(dtype, std::nextafter(middle, 0.0)), bits);
    ASSERT_EQ(store16(dtype, std::nextafter(middle, kInf)), bits + 1);
    ASSERT_EQ(store16(dtype, -middle), even | 0x8000);
    ASSERT_EQ(round_to(dtype, middle), load16(dtype, even));
    ASSERT_EQ(ulp(dtype, low), high - low);
  }
  const std::uint16_t largest = static_cast<std::uint16_t>(infinity - 1);
  const double max = load16(dtype, largest);
  const double limit = max + ulp(dtype, max) / 2;
  EXPECT_EQ(store16(dtype, limit), infinity);
  EXPECT_EQ(store16(dtype, std::nextafter(limit, 0.0)), largest);
  EXPECT_EQ(store16(dtype, 1e300), infinity);
}

// 1 + 2^-11 + 2^-30 is above the tie in F16 but is the tie itself once rounded to F32.
TEST_P(Convert16, RoundsOnlyOnce) {
  const DType dtype = GetParam();
  const double half = ulp(dtype, 1.0) / 2;
  EXPECT_GT(round_to(dtype, 1.0 + half + 0x1p-30), 1.0);
  EXPECT_EQ(round_to(dtype, 1.0 + half), 1.0);
}

INSTANTIATE_TEST_SUITE_P(All, Convert16, testing::Values(DType::kF16, DType::kBF16),
                         [](const auto& row) { return std::string(dtype_info(row.param).name); });

TEST(Convert, MatricesOfEveryTypeComeBackAlsoFromABlock) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    ASSERT_TRUE(is_float(dtype));
    Matrix m(5, 7);
    for (double& x : m.reshaped()) x = round_to(dtype, normal(random));
    std::vector<std::byte> bytes(5 * 7 * dtype_info(dtype).bits / 8);
    store_matrix(m, dtype, bytes);
    EXPECT_EQ(load_matrix(bytes, dtype, 5, 7), m);
    bytes.resize(2 * 3 * dtype_info(dtype).bits / 8);
    store_matrix(m.block(1, 2, 2, 3), dtype, bytes);
    EXPECT_EQ(load_matrix(bytes, dtype, 2, 3), m.block(1, 2, 2, 3));
  }
  EXPECT_FALSE(is_float(DType::kI8));
}

}  // namespace
}  // namespace bbz::linalg
