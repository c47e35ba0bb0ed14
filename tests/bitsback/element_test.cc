#include "bbz/bitsback/element.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "bbz/base/wire.h"

namespace bbz::bitsback {
namespace {

using tensor::DType;

double widened(DType dtype, std::uint16_t bits) {
  double value = 0;
  widen(dtype, reinterpret_cast<const std::byte*>(&bits), 1, &value);
  return value;
}

std::uint16_t narrowed(DType dtype, double value) {
  std::uint16_t bits = 0;
  narrow(dtype, &value, 1, reinterpret_cast<std::byte*>(&bits));
  return bits;
}

TEST(Element, KnownValues) {
  EXPECT_EQ(widened(DType::kF16, 0x3C00), 1.0);
  EXPECT_EQ(widened(DType::kF16, 0xC500), -5.0);
  EXPECT_EQ(widened(DType::kF16, 0x0001), 0x1p-24);
  EXPECT_EQ(widened(DType::kF16, 0x7BFF), 65504.0);
  EXPECT_EQ(widened(DType::kF16, 0xFC00), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(widened(DType::kF16, 0x7E00)));
  EXPECT_EQ(widened(DType::kBF16, 0x3F80), 1.0);
  EXPECT_EQ(widened(DType::kBF16, 0xC0A0), -5.0);
  EXPECT_EQ(widened(DType::kBF16, 0x0001), 0x1p-133);
}

TEST(Element, EveryFiniteSixteenBitValueComesBack) {
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    for (unsigned bits = 0; bits < 65536; ++bits) {
      const double value = widened(dtype, static_cast<std::uint16_t>(bits));
      if (std::isnan(value)) continue;
      ASSERT_EQ(narrowed(dtype, value), bits) << bits;
    }
  }
}

// Halfway between neighbours the even one is taken, and next to halfway the nearer one: one
// rounding, from double, with none to float between.
TEST(Element, RoundsToNearestTiesToEven) {
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    const unsigned infinity = dtype == DType::kF16 ? 0x7C00 : 0x7F80;
    for (unsigned bits = 0; bits + 1 < infinity; ++bits) {
      const double low = widened(dtype, static_cast<std::uint16_t>(bits));
      const double high = widened(dtype, static_cast<std::uint16_t>(bits + 1));
      const double half = low + (high - low) / 2;
      ASSERT_EQ(narrowed(dtype, half), bits + (bits & 1)) << bits;
      ASSERT_EQ(narrowed(dtype, std::nextafter(half, low)), bits) << bits;
      ASSERT_EQ(narrowed(dtype, std::nextafter(half, high)), bits + 1) << bits;
      ASSERT_EQ(narrowed(dtype, -half), 0x8000 + bits + (bits & 1)) << bits;
    }
  }
}

TEST(Element, OutOfRangeBecomesInfinite) {
  EXPECT_EQ(narrowed(DType::kF16, 65519.999), 0x7BFF);
  EXPECT_EQ(narrowed(DType::kF16, 65520.0), 0x7C00);
  EXPECT_EQ(narrowed(DType::kF16, -1e300), 0xFC00);
  EXPECT_TRUE(std::isnan(widened(DType::kF16, narrowed(DType::kF16, std::nan("")))));
}

TEST(Element, OtherTypesAreRefused) {
  const auto refused = precision_of(DType::kI32);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kUnsupported);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("I32"));
}

}  // namespace
}  // namespace bbz::bitsback
