// Tensors of more than one block of rows.
#include "bbz/symmetry/gauge/members.h"

#include <gtest/gtest.h>

#include "bbz/symmetry/linalg/convert.h"

namespace bbz::gauge {
namespace {

using junction::Role;
using linalg::Index;
using linalg::Matrix;

// More than a block of 2^22 elements, in rows or in columns.
constexpr Index kLong = (Index{1} << 20) + 3;
constexpr Index kWidth = 4;

// Small whole numbers, whose sums are exact in every order.
Matrix numbers(Index rows, Index cols) {
  Matrix m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = static_cast<double>(i * 7919 % 31 - 15);
  return m;
}

std::vector<std::byte> bytes_of(const Matrix& m, DType dtype) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(m.size()) * element_bytes(dtype));
  linalg::store({m.data(), static_cast<std::size_t>(m.size())}, dtype, bytes);
  return bytes;
}

TensorInfo info_of(const Matrix& m, DType dtype) {
  return {"w", dtype, {static_cast<std::uint64_t>(m.rows()), static_cast<std::uint64_t>(m.cols())}};
}

TEST(Members, EveryBlockIsRotated) {
  const Matrix u = numbers(kWidth, kWidth);
  Rounding rounding;
  const Matrix reads = numbers(kLong, kWidth);
  const auto by_rows = rotate_member(info_of(reads, DType::kF32), Role::kReads,
                                     bytes_of(reads, DType::kF32), u, Floor::kNone, rounding);
  ASSERT_TRUE(by_rows.ok()) << by_rows.error().message;
  EXPECT_TRUE(*by_rows == bytes_of(reads * u, DType::kF32));
  const Matrix writes = numbers(kWidth, kLong);
  const auto by_columns = rotate_member(info_of(writes, DType::kF32), Role::kWrites,
                                        bytes_of(writes, DType::kF32), u, Floor::kNone, rounding);
  ASSERT_TRUE(by_columns.ok()) << by_columns.error().message;
  EXPECT_TRUE(*by_columns == bytes_of(u.transpose() * writes, DType::kF32));
  EXPECT_EQ(rounding.stored.largest, 0);
  EXPECT_EQ(rounding.stored.count, 2u * kLong * kWidth);
}

TEST(Members, RowsFromAPlaceOnAreRotatedToTheLast) {
  const Matrix u = numbers(kWidth, kWidth);
  const Matrix m = numbers(kLong, kWidth);
  const auto bytes = bytes_of(m, DType::kF32);
  std::vector<std::byte> out(bytes.size());
  Rounding rounding;
  const Status rotated =
      rotate_rows(info_of(m, DType::kF32), bytes, 5, u, Floor::kNone, out, rounding);
  ASSERT_TRUE(rotated.ok()) << rotated.error().message;
  Matrix expected = m * u;
  expected.topRows(5).setZero();  // as the output was
  EXPECT_TRUE(out == bytes_of(expected, DType::kF32));
}

TEST(Members, WhatOverflowsIsSeenInEveryBlock) {
  const double largest = linalg::largest(DType::kF16);
  for (const Role role : {Role::kReads, Role::kWrites}) {
    const bool by_rows = role == Role::kReads;
    for (const Index at : {Index{0}, kLong / 2, kLong - 1}) {
      Matrix m = Matrix::Zero(by_rows ? kLong : kWidth, by_rows ? kWidth : kLong);
      (by_rows ? m(at, 0) : m(0, at)) = 0.8 * largest;
      EXPECT_TRUE(fits_when_rotated(info_of(m, DType::kF16), role, bytes_of(m, DType::kF16))) << at;
      (by_rows ? m(at, 1) : m(1, at)) = 0.8 * largest;
      EXPECT_FALSE(fits_when_rotated(info_of(m, DType::kF16), role, bytes_of(m, DType::kF16)))
          << at;
    }
  }
}

TEST(Members, WhatIsNotFiniteIsFoundInEveryPlace) {
  const TensorInfo info{"w", DType::kF32, {3, 4099}};
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{4095}, std::size_t{4096}, 3 * 4099ul - 1}) {
    std::vector<std::byte> bytes(3 * 4099 * 4);
    EXPECT_TRUE(check_finite(info, bytes).ok());
    bytes[4 * at + 2] = std::byte{0x80};  // infinity
    bytes[4 * at + 3] = std::byte{0x7F};
    const Status status = check_finite(info, bytes);
    ASSERT_EQ(status.code(), Code::kUnsupported) << at;
    EXPECT_NE(status.error().message.find(": element " + std::to_string(at) + ":"),
              std::string::npos)
        << status.error().message;
  }
}

}  // namespace
}  // namespace bbz::gauge
