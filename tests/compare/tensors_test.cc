#include "bbz/compare/tensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace bbz::compare {
namespace {

std::vector<std::byte> floats(const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * 4);
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

TEST(CompareTensors, MeasuresDifferences) {
  const TensorInfo info{"w", DType::kF32, {2, 2}};
  const auto a = floats({3, 4, 0, 0}), b = floats({3, 2, 0, 1});
  const auto d = compare_tensors(info, a, info, b);
  ASSERT_TRUE(d.ok());
  EXPECT_FALSE(d->identical);
  EXPECT_EQ(d->largest, 2.0);
  EXPECT_DOUBLE_EQ(d->root_mean_square, std::sqrt(5.0 / 4));
  EXPECT_DOUBLE_EQ(d->norm, 2.5);
  EXPECT_TRUE(compare_tensors(info, a, info, a)->identical);
}

TEST(CompareTensors, AcrossTypesAndSpecialValues) {
  const std::uint16_t half[] = {0x3c00, 0x7e00, 0x7c00};  // 1, NaN, infinity
  const Bytes a = std::as_bytes(std::span(half));
  const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  const TensorInfo ia{"w", DType::kF16, {3}}, ib{"w", DType::kF32, {3}};
  auto d = compare_tensors(ia, a, ib, floats({1, nan, inf}));
  EXPECT_FALSE(d->identical);
  EXPECT_EQ(d->largest, 0.0);
  EXPECT_EQ(compare_tensors(ia, a, ib, floats({1, 0, inf}))->largest,
            std::numeric_limits<double>::infinity());
  EXPECT_EQ(compare_tensors(ia, a, ib, floats({1, nan, -inf}))->largest,
            std::numeric_limits<double>::infinity());
}

TEST(CompareTensors, RefusesOtherShapesAndSizes) {
  const TensorInfo a{"w", DType::kF32, {2, 1}}, b{"w", DType::kF32, {1, 2}};
  const auto bytes = floats({1, 2});
  EXPECT_EQ(compare_tensors(a, bytes, b, bytes).code(), Code::kInvalidArgument);
  EXPECT_EQ(compare_tensors(a, floats({1}), a, bytes).code(), Code::kMalformed);
  const TensorInfo i{"i", DType::kI32, {2}};
  EXPECT_TRUE(compare_tensors(i, bytes, i, bytes)->identical);
  EXPECT_GT(compare_tensors(i, bytes, i, floats({1, 3}))->largest, 1e300);
}

}  // namespace
}  // namespace bbz::compare
