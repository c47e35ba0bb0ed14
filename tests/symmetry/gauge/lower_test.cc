#include "bbz/symmetry/gauge/lower.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "symmetry/gauge/unpack_lower.h"

namespace bbz::gauge {
namespace {

std::vector<std::byte> floats(const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * 4);
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

TEST(Lower, CountsEntriesUpToARow) {
  EXPECT_EQ(lower_count(0, 3), 0u);
  EXPECT_EQ(lower_count(2, 3), 3u);
  EXPECT_EQ(lower_count(3, 3), 6u);
  EXPECT_EQ(lower_count(5, 3), 12u);
  EXPECT_EQ(lower_count(2, 5), 3u);
}

TEST(Lower, PacksRowsUpToTheDiagonalAndBack) {
  const auto full = floats({1, 0, 0, 2, 3, 0, 4, 5, 6, 7, 8, 9});
  ASSERT_TRUE(is_lower(full, DType::kF32, 4, 3));
  std::vector<std::byte> packed(9 * 4);
  ASSERT_TRUE(pack_lower(full, DType::kF32, 4, 3, packed).ok());
  EXPECT_EQ(packed, floats({1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(unpack_lower(packed, DType::kF32, 4, 3), full);

  const auto wide = floats({1, 0, 0, 2, 3, 0});
  packed.resize(3 * 4);
  ASSERT_TRUE(pack_lower(wide, DType::kF32, 2, 3, packed).ok());
  EXPECT_EQ(packed, floats({1, 2, 3}));
  EXPECT_EQ(pack_lower(wide, DType::kF32, 3, 3, packed).code(), Code::kInvalidArgument);
}

TEST(Lower, OnlyPositiveZerosRightOfTheDiagonalAndNoMinusOnItCount) {
  EXPECT_TRUE(is_lower(floats({0, 0, -2, 3}), DType::kF32, 2, 2));
  EXPECT_FALSE(is_lower(floats({1, -0.0f, -2, 3}), DType::kF32, 2, 2));
  EXPECT_FALSE(is_lower(floats({-0.0f, 0, -2, 3}), DType::kF32, 2, 2));
  EXPECT_FALSE(is_lower(floats({1, 0, -2, -3}), DType::kF32, 2, 2));
  EXPECT_FALSE(is_lower(floats({1, 1e-45f, -2, 3}), DType::kF32, 2, 2));
  EXPECT_TRUE(is_lower(floats({1, -2}), DType::kF32, 2, 1));
}

}  // namespace
}  // namespace bbz::gauge
