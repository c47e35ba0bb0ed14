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

// Loads the bytes in parts of this size.
LoadPart in_parts(const std::vector<std::byte>& bytes, std::size_t size = ~std::size_t{0}) {
  return [bytes, size](std::uint64_t offset) -> Result<std::vector<std::byte>> {
    const Bytes part = Bytes(bytes).subspan(offset, std::min(size, bytes.size() - offset));
    return std::vector<std::byte>(part.begin(), part.end());
  };
}

Result<TensorDifference> compare_whole(const TensorInfo& a, Bytes a_bytes, const TensorInfo& b,
                                       Bytes b_bytes) {
  return compare_tensors(a, in_parts({a_bytes.begin(), a_bytes.end()}), b,
                         in_parts({b_bytes.begin(), b_bytes.end()}));
}

TEST(CompareTensors, MeasuresDifferences) {
  const TensorInfo info{"w", DType::kF32, {2, 2}};
  const auto a = floats({3, 4, 0, 0}), b = floats({3, 2, 0, 1});
  const auto d = compare_whole(info, a, info, b);
  ASSERT_TRUE(d.ok());
  EXPECT_FALSE(d->identical);
  EXPECT_EQ(d->largest, 2.0);
  EXPECT_DOUBLE_EQ(d->root_mean_square, std::sqrt(5.0 / 4));
  EXPECT_DOUBLE_EQ(d->norm, 2.5);
  EXPECT_TRUE(compare_whole(info, a, info, a)->identical);
}

TEST(CompareTensors, AcrossTypesAndSpecialValues) {
  const std::uint16_t half[] = {0x3c00, 0x7e00, 0x7c00};  // 1, NaN, infinity
  const Bytes a = std::as_bytes(std::span(half));
  const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  const TensorInfo ia{"w", DType::kF16, {3}}, ib{"w", DType::kF32, {3}};
  auto d = compare_whole(ia, a, ib, floats({1, nan, inf}));
  EXPECT_FALSE(d->identical);
  EXPECT_EQ(d->largest, 0.0);
  EXPECT_EQ(compare_whole(ia, a, ib, floats({1, 0, inf}))->largest,
            std::numeric_limits<double>::infinity());
  EXPECT_EQ(compare_whole(ia, a, ib, floats({1, nan, -inf}))->largest,
            std::numeric_limits<double>::infinity());
}

TEST(CompareTensors, RefusesOtherShapesAndSizes) {
  const TensorInfo a{"w", DType::kF32, {2, 1}}, b{"w", DType::kF32, {1, 2}};
  const auto bytes = floats({1, 2});
  EXPECT_EQ(compare_whole(a, bytes, b, bytes).code(), Code::kInvalidArgument);
  EXPECT_EQ(compare_whole(a, floats({1}), a, bytes).code(), Code::kMalformed);
  const TensorInfo i{"i", DType::kI32, {2}};
  EXPECT_TRUE(compare_whole(i, bytes, i, bytes)->identical);
  EXPECT_GT(compare_whole(i, bytes, i, floats({1, 3}))->largest, 1e300);
}

// The parts of the two tensors need not be the same.
TEST(CompareTensors, PartByPart) {
  std::vector<float> values(10'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  std::vector<float> others = values;
  others[0] += 1;
  others[9'999] -= 2;
  const TensorInfo info{"w", DType::kF32, {values.size()}};
  const auto a = floats(values), b = floats(others);
  for (const std::size_t first : {4u, 4000u, 16'384u, 40'000u}) {
    for (const std::size_t second : {40u, 3996u, 39'996u}) {
      const auto d = compare_tensors(info, in_parts(a, first), info, in_parts(b, second));
      ASSERT_TRUE(d.ok()) << d.error().message;
      EXPECT_FALSE(d->identical);
      EXPECT_EQ(d->largest, 2);
      EXPECT_DOUBLE_EQ(d->root_mean_square, std::sqrt(5.0 / 10'000));
      EXPECT_TRUE(compare_tensors(info, in_parts(a, first), info, in_parts(a, second))->identical);
      const TensorInfo whole{"w", DType::kU8, {a.size()}};
      EXPECT_TRUE(
          compare_tensors(whole, in_parts(a, first), whole, in_parts(a, second))->identical);
      EXPECT_FALSE(
          compare_tensors(whole, in_parts(a, first), whole, in_parts(b, second))->identical);
    }
  }
}

TEST(CompareTensors, ReportsPartsThatCannotBeLoaded) {
  const TensorInfo info{"w", DType::kF32, {4}};
  const auto bytes = floats({1, 2, 3, 4});
  const auto fails = [&](std::uint64_t at, Code code) -> LoadPart {
    return [=](std::uint64_t offset) -> Result<std::vector<std::byte>> {
      if (offset == at) return error_with_message(code, "cannot load");
      return std::vector<std::byte>(bytes.begin(), bytes.begin() + 8);
    };
  };
  for (const std::uint64_t at : {0u, 8u}) {
    EXPECT_EQ(compare_tensors(info, fails(at, Code::kIo), info, in_parts(bytes)).code(), Code::kIo);
    EXPECT_EQ(compare_tensors(info, in_parts(bytes), info, fails(at, Code::kIo)).code(), Code::kIo);
  }
  // Too few bytes, and too many.
  EXPECT_EQ(compare_tensors(info, in_parts(bytes), info, in_parts(floats({1, 2, 3}))).code(),
            Code::kMalformed);
  EXPECT_EQ(compare_tensors(info, in_parts(floats({1, 2, 3, 4, 5})), info, in_parts(bytes)).code(),
            Code::kMalformed);
}

TEST(CompareTensors, BlocksAreTheSameOrNot) {
  const auto type = [](const char* name, std::uint32_t values, std::uint64_t bytes) {
    return std::make_shared<const BlockType>(
        BlockType{name, values, {BlockField::of("f", BlockField::kNoDType, bytes)}});
  };
  const auto info = [](Shape shape, SharedBlockType block) {
    return TensorInfo{"w", DType::kBlock, std::move(shape), std::move(block)};
  };
  const std::vector<std::byte> a(12, std::byte{1}), b(12, std::byte{2});
  const TensorInfo first = info({2, 2}, type("t", 4, 3));
  EXPECT_TRUE(compare_whole(first, a, info({2, 2}, type("t", 4, 3)), a)->identical);
  const auto other = compare_whole(first, a, first, b);
  EXPECT_FALSE(other->identical);
  EXPECT_EQ(other->largest, std::numeric_limits<double>::infinity());
  EXPECT_FALSE(compare_whole(first, a, info({2, 2}, type("u", 4, 3)), a)->identical);
  // The same values in other blocks, and in numbers.
  EXPECT_FALSE(
      compare_whole(first, a, info({2, 4}, type("v", 2, 1)), Bytes(a).first(8))->identical);
  const TensorInfo numbers{"w", DType::kU8, {2, 8}};
  EXPECT_FALSE(compare_whole(first, a, numbers, std::vector<std::byte>(16))->identical);
  EXPECT_EQ(compare_whole(first, a, info({2, 2}, type("w", 5, 3)), a).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(compare_whole(first, Bytes(a).first(11), first, a).code(), Code::kMalformed);
}

}  // namespace
}  // namespace bbz::compare
