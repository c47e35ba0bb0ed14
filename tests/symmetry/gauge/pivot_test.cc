#include "bbz/symmetry/gauge/pivot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace bbz::gauge {
namespace {

using testing::ElementsAre;
using Lines = std::vector<std::uint32_t>;

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <class T>
std::vector<T> transposed(const std::vector<T>& values, std::size_t cols) {
  std::vector<T> out;
  for (std::size_t j = 0; j < cols; ++j) {
    for (std::size_t i = j; i < values.size(); i += cols) out.push_back(values[i]);
  }
  return out;
}

// Looks for pivots in the rows of a matrix, and in the columns of its transpose, which must agree.
template <class T>
std::optional<Lines> pivots_of(const std::vector<T>& values, std::size_t cols, DType dtype) {
  const std::size_t rows = values.size() / cols;
  const auto rowwise = find_pivots(bytes_of(values), dtype, rows, cols, 0);
  const auto columnwise = find_pivots(bytes_of(transposed(values, cols)), dtype, cols, rows, 1);
  EXPECT_EQ(rowwise.has_value(), columnwise.has_value());
  if (!rowwise || !columnwise) return std::nullopt;
  EXPECT_EQ(rowwise->axis(), 0u);
  EXPECT_EQ(columnwise->axis(), 1u);
  EXPECT_EQ(rowwise->bitmap_bytes(), (rows + 7) / 8);
  EXPECT_EQ(columnwise->bitmap_bytes(), (rows + 7) / 8);
  EXPECT_EQ(rowwise->lines(), columnwise->lines());
  return rowwise->lines();
}
std::optional<Lines> pivots_of(const std::vector<float>& values, std::size_t cols) {
  return pivots_of(values, cols, DType::kF32);
}

TEST(Pivot, TheBitsOfOneAreThoseOfItsType) {
  EXPECT_EQ(bits_of_one(DType::kF32), std::bit_cast<std::uint32_t>(1.0F));
  EXPECT_EQ(bits_of_one(DType::kF64), std::bit_cast<std::uint64_t>(1.0));
  EXPECT_EQ(bits_of_one(DType::kBF16), std::bit_cast<std::uint32_t>(1.0F) >> 16);
  // An exponent of 0, with its bias of 15 and above a mantissa of 10 bits.
  EXPECT_EQ(bits_of_one(DType::kF16), 15u << 10);
  for (const DTypeInfo& type : dtype_table()) {
    const bool is_one_of_four = type.dtype >= DType::kF16 && type.dtype <= DType::kF64;
    EXPECT_EQ(bits_of_one(type.dtype).has_value(), is_one_of_four) << type.name;
  }
  EXPECT_FALSE(bits_of_one(DType::kBlock));
  EXPECT_FALSE(bits_of_one(DType{99}));
}

TEST(Pivot, AreFoundWhereTheIdentityIs) {
  EXPECT_EQ(pivots_of({1, 0, 5, 6, 0, 1}, 2), (Lines{0, 2}));
  EXPECT_EQ(pivots_of({5, 6, 1, 0, 0, 1}, 2), (Lines{1, 2}));
  EXPECT_EQ(pivots_of({1, 0, 0, 1, 5, 6}, 2), (Lines{0, 1}));
  EXPECT_EQ(pivots_of({7, 1}, 1), (Lines{1}));
  // The first that serve: rows that come too early or too late are stored.
  EXPECT_EQ(pivots_of({0, 1, 1, 0, 1, 0, 0, 1, 0, 1}, 2), (Lines{1, 3}));
  EXPECT_EQ(pivots_of({1, 1, 1}, 1), (Lines{0}));
}

TEST(Pivot, AreNoneWhereThereIsNoIdentityInOrder) {
  EXPECT_FALSE(pivots_of({0, 1, 1, 0, 5, 6}, 2));       // not ascending
  EXPECT_FALSE(pivots_of({1, 0, 5, 6, 7, 8}, 2));       // one is missing
  EXPECT_FALSE(pivots_of({1, 0, 0, 2, 5, 6}, 2));       // not 1
  EXPECT_FALSE(pivots_of({1, 0, 0, -1, 5, 6}, 2));      // not 1
  EXPECT_FALSE(pivots_of({1, -0.0F, 0, 1, 5, 6}, 2));   // not +0 after the 1
  EXPECT_FALSE(pivots_of({1, 0, -0.0F, 1, 5, 6}, 2));   // nor before it
  EXPECT_FALSE(pivots_of({1, 0, 1e-45F, 1, 5, 6}, 2));  // not 0
  EXPECT_FALSE(pivots_of({1, 0, 0, 1}, 2));             // nothing is left to store
  EXPECT_FALSE(pivots_of({1, 0, 0}, 3));                // fewer rows than columns
  EXPECT_FALSE(find_pivots({}, DType::kF32, 3, 0, 0));
  EXPECT_FALSE(find_pivots({}, DType::kF32, 0, 3, 1));
  const std::vector<std::uint32_t> integers = {1, 0, 0, 1, 5, 6};
  EXPECT_FALSE(pivots_of(integers, 2, DType::kU32));
  EXPECT_TRUE(pivots_of(std::vector<double>{1, 0, 0, 1, 5, 6}, 2, DType::kF64));
  EXPECT_TRUE(pivots_of(std::vector<std::uint16_t>{0x3C00, 0, 0, 0x3C00, 5, 6}, 2, DType::kF16));
  EXPECT_FALSE(pivots_of(std::vector<std::uint16_t>{0x3C00, 0, 0, 0x3C00, 5, 6}, 2, DType::kBF16));
  EXPECT_TRUE(pivots_of(std::vector<std::uint16_t>{0x3F80, 0, 0, 0x3F80, 5, 6}, 2, DType::kBF16));
}

TEST(Pivot, AreFoundUpToTheLimits) {
  std::vector<float> tall(kMaxPivotExtent);
  tall.back() = 1;
  EXPECT_EQ(pivots_of(tall, 1), Lines{kMaxPivotExtent - 1});
  tall.push_back(0);
  EXPECT_FALSE(pivots_of(tall, 1));
  // A size over the limit is refused before any element is looked at.
  EXPECT_FALSE(find_pivots({}, DType::kF32, kMaxPivotExtent, kMaxPivotRank + 1, 0));
}

TEST(Pivot, PackingKeepsTheOthersRowByRow) {
  const auto packed = [](const std::vector<float>& values, std::size_t cols, unsigned axis,
                         const Lines& lines) {
    const std::size_t rows = values.size() / cols;
    return pack_pivot(bytes_of(values), DType::kF32, rows, cols,
                      catalog::Pivots(axis, axis == 0 ? rows : cols, lines));
  };
  const std::vector<float> tall = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(packed(tall, 2, 0, {0, 1}), bytes_of<float>({5, 6, 7, 8}));
  EXPECT_EQ(packed(tall, 2, 0, {2, 3}), bytes_of<float>({1, 2, 3, 4}));
  EXPECT_EQ(packed(tall, 2, 0, {1, 3}), bytes_of<float>({1, 2, 5, 6}));
  EXPECT_EQ(packed(tall, 4, 1, {0, 1}), bytes_of<float>({3, 4, 7, 8}));
  EXPECT_EQ(packed(tall, 4, 1, {2, 3}), bytes_of<float>({1, 2, 5, 6}));
  EXPECT_EQ(packed(tall, 4, 1, {1, 3}), bytes_of<float>({1, 3, 5, 7}));
}

}  // namespace
}  // namespace bbz::gauge
