#include "bbz/base/shape.h"

#include <gtest/gtest.h>

#include <set>

namespace bbz {
namespace {

TEST(DType, TheTableHasEachNumberAndNameOnceAndLayoutsFillTheElement) {
  std::set<DType> numbers;
  std::set<std::string_view> names;
  for (const DTypeInfo& row : dtype_table()) {
    EXPECT_TRUE(numbers.insert(row.dtype).second) << row.name;
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(find_dtype(row.name), &row);
    EXPECT_EQ(find_dtype(row.dtype), &row);
    const FloatLayout& l = row.layout;
    if (l.exponent_bits != 0) {
      EXPECT_EQ(l.sign_bits + l.exponent_bits + l.mantissa_bits, row.bits);
    }
  }
  EXPECT_EQ(find_dtype("F17"), nullptr);
  EXPECT_EQ(find_dtype(static_cast<DType>(0)), nullptr);
}

TEST(Shape, CountsElementsAndBytes) {
  EXPECT_EQ(*element_count({}), 1u);
  EXPECT_EQ(*element_count({3, 0, 5}), 0u);
  EXPECT_EQ(*element_count({3, 4, 5}), 60u);
  EXPECT_EQ(*byte_size(DType::kBF16, 3), 6u);
  EXPECT_EQ(*byte_size(DType::kF4, 6), 3u);
  EXPECT_EQ(*byte_size(DType::kF6E2M3, 4), 3u);
  EXPECT_EQ(row_length({}), 1u);
  EXPECT_EQ(row_length({4, 7}), 7u);
}

TEST(Shape, RefusesOverflowAndPartBytes) {
  EXPECT_EQ(element_count({1ull << 33, 1ull << 33}).code(), Code::kMalformed);
  EXPECT_EQ(byte_size(DType::kF64, 1ull << 60).code(), Code::kMalformed);
  EXPECT_EQ(byte_size(DType::kF4, 3).code(), Code::kMalformed);
}

}  // namespace
}  // namespace bbz
