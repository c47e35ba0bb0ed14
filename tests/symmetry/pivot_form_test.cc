#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "bbz/symmetry/form.h"
#include "bbz/symmetry/gauge/pivot.h"
#include "bbz/symmetry/internal/spread.h"

namespace bbz::symmetry {
namespace {

using catalog::Pivots;
using testing::HasSubstr;
using Lines = std::vector<std::uint32_t>;

catalog::Tensor pivoted(DType dtype, std::uint64_t rows, std::uint64_t cols, const Pivots& pivots) {
  catalog::Tensor tensor;
  tensor.meta.kind = catalog::TensorKind::kTensor;
  tensor.meta.dtype = dtype;
  const DTypeInfo* const known = find_dtype(dtype);
  tensor.meta.element_bits = known != nullptr ? static_cast<std::uint32_t>(known->bits) : 24;
  tensor.meta.form = Form::kPivot;
  tensor.meta.shape = {rows, cols};
  const std::uint64_t rank = pivots.axis() == 0 ? cols : rows;
  const std::uint64_t extent = pivots.axis() == 0 ? rows : cols;
  tensor.meta.stored_elements = (extent - rank) * rank;
  tensor.meta.name = "w";
  tensor.meta.pivots = std::make_shared<const Pivots>(pivots);
  return tensor;
}

catalog::Tensor of_bitmap(std::uint64_t rows, std::uint64_t cols, unsigned axis,
                          std::initializer_list<unsigned> bitmap, DType dtype = DType::kF16) {
  std::vector<std::byte> bytes;
  for (const unsigned byte : bitmap) bytes.push_back(static_cast<std::byte>(byte));
  return pivoted(dtype, rows, cols, Pivots(axis, bytes));
}

TEST(PivotForm, HasAsManyPivotsAsTheOtherAxisIsLong) {
  EXPECT_TRUE(check_record(of_bitmap(5, 2, 0, {0b10010})).ok());
  EXPECT_TRUE(check_record(of_bitmap(2, 5, 1, {0b10010})).ok());
  EXPECT_TRUE(check_record(of_bitmap(9, 2, 0, {0b1, 0b1})).ok());
  const auto refused = [](const catalog::Tensor& tensor, Code code, const char* what) {
    const Status status = check_record(tensor);
    EXPECT_EQ(status.code(), code) << what;
    if (!status.ok()) {
      EXPECT_THAT(status.error().message, HasSubstr(what));
    }
  };
  refused(of_bitmap(5, 2, 0, {0b1}), Code::kMalformed, "1 pivots");
  refused(of_bitmap(5, 2, 0, {0b111}), Code::kMalformed, "3 pivots");
  refused(of_bitmap(5, 2, 0, {0b100001}), Code::kMalformed, "1 of them below the extent of 5");
  refused(of_bitmap(5, 2, 0, {0b100011}), Code::kMalformed, "3 pivots");
  refused(of_bitmap(5, 2, 0, {0b11, 0}), Code::kMalformed, "2 bytes, expected 1");
  refused(of_bitmap(9, 2, 0, {0b11}), Code::kMalformed, "1 bytes, expected 2");
  refused(of_bitmap(5, 2, 1, {0b11}), Code::kMalformed, "5 pivots in an extent of 2");
  refused(of_bitmap(5, 2, 2, {0b11}), Code::kMalformed, "axis 2");
  refused(of_bitmap(5, 2, 255, {0b11}), Code::kMalformed, "axis 255");
  refused(of_bitmap(2, 2, 0, {0b11}), Code::kMalformed, "2 pivots in an extent of 2");
  refused(of_bitmap(0, 5, 1, {0}), Code::kMalformed, "0 pivots");
  refused(of_bitmap(5, 0, 0, {0}), Code::kMalformed, "matrix");
  catalog::Tensor tensor = of_bitmap(5, 2, 0, {0b11});
  tensor.meta.stored_elements += 1;
  refused(tensor, Code::kMalformed, "7 stored elements, expected 6");
  tensor = of_bitmap(5, 2, 0, {0b11});
  tensor.meta.shape = {5, 2, 1};
  refused(tensor, Code::kMalformed, "matrix");
}

TEST(PivotForm, IsOfATypeWhoseOneIsKnown) {
  for (const DTypeInfo& type : dtype_table()) {
    const Status status = check_record(of_bitmap(5, 2, 0, {0b11}, type.dtype));
    EXPECT_EQ(status.code(), gauge::bits_of_one(type.dtype) ? Code::kOk : Code::kMalformed)
        << type.name;
  }
  catalog::Tensor unknown = of_bitmap(5, 2, 0, {0b11}, DType{99});
  EXPECT_EQ(check_record(unknown).code(), Code::kUnsupported);
  unknown.meta.element_bits = 12;  // a rule that comes before
  EXPECT_EQ(check_record(unknown).code(), Code::kMalformed);
  EXPECT_EQ(check_record(of_bitmap(5, 2, 0, {0b1}, DType{99})).code(), Code::kUnsupported);
  EXPECT_EQ(check_record(of_bitmap(5, 2, 0, {0b11}, DType::kBlock)).code(), Code::kMalformed);
}

TEST(PivotForm, HasLimits) {
  const auto check = [](std::uint64_t rows, std::uint64_t cols, unsigned axis, std::uint64_t rank) {
    Lines lines;
    for (std::uint32_t line = 0; line < rank; ++line) lines.push_back(line);
    const Pivots pivots(axis, axis == 0 ? rows : cols, lines);
    return check_record(pivoted(DType::kF16, rows, cols, pivots)).code();
  };
  constexpr std::uint64_t kExtent = gauge::kMaxPivotExtent;
  constexpr std::uint64_t kRank = gauge::kMaxPivotRank;
  EXPECT_EQ(check(kExtent, 1, 0, 1), Code::kOk);
  EXPECT_EQ(check(1, kExtent, 1, 1), Code::kOk);
  EXPECT_EQ(check(kExtent + 1, 1, 0, 1), Code::kLimit);
  EXPECT_EQ(check(1, kExtent + 1, 1, 1), Code::kLimit);
  EXPECT_EQ(check(kExtent, kRank, 0, kRank), Code::kOk);
  EXPECT_EQ(check(kRank, kExtent, 1, kRank), Code::kOk);
  EXPECT_EQ(check(kExtent, kRank + 1, 0, kRank + 1), Code::kLimit);
  EXPECT_EQ(check(kRank + 1, kExtent, 1, kRank + 1), Code::kLimit);
}

// A matrix with the identity in its pivots and numbers that differ elsewhere.
template <class T>
struct Matrix {
  Matrix(DType dtype, std::uint64_t rows, std::uint64_t cols, const Pivots& pivots)
      : tensor(pivoted(dtype, rows, cols, pivots)), dense(rows * cols) {
    std::uint64_t number = 1;
    std::vector<std::uint64_t> next(rows + cols, 0);
    for (std::uint64_t i = 0; i < rows; ++i) {
      for (std::uint64_t j = 0; j < cols; ++j) {
        const std::uint64_t line = pivots.axis() == 0 ? i : j;
        const std::uint64_t across = pivots.axis() == 0 ? j : i;
        T& value = dense[i * cols + j];
        if (pivots.contains(line)) {
          // The rank of the line is counted here, without the functions of Pivots.
          std::uint64_t rank = 0;
          for (std::uint64_t k = 0; k < line; ++k) rank += pivots.contains(k) ? 1 : 0;
          value = rank == across ? static_cast<T>(*gauge::bits_of_one(dtype)) : T{0};
        } else {
          value = static_cast<T>(number++ * 0x0101010101010101u + 1);
          stored.push_back(value);
        }
      }
    }
  }

  catalog::Tensor tensor;
  std::vector<T> dense;
  std::vector<T> stored;
};

template <class T>
void expect_expanded(const Matrix<T>& matrix, std::uint64_t step, bool all_parts) {
  const catalog::TensorMeta& meta = matrix.tensor.meta;
  ASSERT_TRUE(check_record(matrix.tensor).ok());
  ASSERT_EQ(matrix.stored.size(), meta.stored_elements);
  const auto packed = gauge::pack_pivot(std::as_bytes(std::span(matrix.dense)), meta.dtype,
                                        meta.shape[0], meta.shape[1], *meta.pivots);
  ASSERT_TRUE(std::ranges::equal(packed, std::as_bytes(std::span(matrix.stored))));
  std::mt19937 random(static_cast<unsigned>(step));
  std::uint64_t end = 0;
  for (std::uint64_t first = 0; first < matrix.stored.size(); first += step) {
    catalog::Chunk chunk;
    chunk.first_element = first;
    chunk.element_count = std::min<std::uint64_t>(step, matrix.stored.size() - first);
    // Of its own, so that a sanitizer sees each byte beyond it.
    const std::vector<T> part(
        matrix.stored.begin() + static_cast<std::ptrdiff_t>(first),
        matrix.stored.begin() + static_cast<std::ptrdiff_t>(first + chunk.element_count));
    const DenseRange range = dense_range(meta, chunk);
    ASSERT_EQ(range.begin, end);
    end = range.end;
    // A chunk but the first begins at what it stores.
    ASSERT_TRUE(first == 0 || matrix.dense[range.begin] == part[0]);
    const auto expect = [&](std::uint64_t begin, std::uint64_t size) {
      std::vector<T> out(size, static_cast<T>(-1));
      expand_chunk(meta, chunk, std::as_bytes(std::span(part)), begin,
                   std::as_writable_bytes(std::span(out)));
      ASSERT_TRUE(std::ranges::equal(out, std::span(matrix.dense).subspan(begin, size)))
          << size << " from " << begin << " of chunks of " << step;
    };
    expect(range.begin, range.end - range.begin);
    if (!all_parts) {
      for (int i = 0; i < 40; ++i) {
        const std::uint64_t begin = range.begin + random() % (range.end - range.begin);
        expect(begin, 1 + random() % (range.end - begin));
      }
      continue;
    }
    for (std::uint64_t begin = range.begin; begin < range.end; ++begin) {
      for (std::uint64_t size = 1; size <= range.end - begin; ++size) expect(begin, size);
    }
  }
  EXPECT_EQ(end, matrix.dense.size());
}

template <class T>
void expect_every_way(DType dtype) {
  using Size = std::pair<std::uint64_t, std::uint64_t>;
  for (const auto& [extent, rank] : {Size{7, 3}, Size{2, 1}, Size{4, 3}, Size{9, 1}, Size{9, 4}}) {
    for (std::uint32_t bits = 0; bits < 1u << extent; ++bits) {
      Lines lines;
      for (std::uint32_t line = 0; line < extent; ++line) {
        if ((bits >> line & 1) != 0) lines.push_back(line);
      }
      if (lines.size() != rank || (bits % 5 != 0 && bits % 2 != 0 && extent > 7)) continue;
      const Matrix<T> tall(dtype, extent, rank, Pivots(0, extent, lines));
      const Matrix<T> wide(dtype, rank, extent, Pivots(1, extent, lines));
      for (std::uint64_t step = 1; step <= tall.stored.size(); ++step) {
        expect_expanded(tall, step, true);
        expect_expanded(wide, step, true);
      }
    }
  }
}
TEST(PivotForm, ChunksOfAnySizeTileTheMatrix) {
  expect_every_way<std::uint16_t>(DType::kF16);
}

TEST(PivotForm, IsTheSameInEveryType) {
  const Lines lines = {1, 2, 6};
  const auto expect = [&]<class T>(DType dtype, T) {
    for (const std::uint64_t step : {1u, 5u, 100u}) {
      expect_expanded(Matrix<T>(dtype, 8, 3, Pivots(0, 8, lines)), step, true);
      expect_expanded(Matrix<T>(dtype, 3, 8, Pivots(1, 8, lines)), step, true);
    }
  };
  expect(DType::kF16, std::uint16_t{});
  expect(DType::kBF16, std::uint16_t{});
  expect(DType::kF32, std::uint32_t{});
  expect(DType::kF64, std::uint64_t{});
}

TEST(PivotForm, CrossesTheWordsOfItsBitmap) {
  std::mt19937 random(5);
  for (const std::uint64_t rank : {1u, 20u, 64u, 150u, 199u}) {
    for (const bool together : {false, true}) {
      Lines lines(200);
      for (std::uint32_t line = 0; line < 200; ++line) lines[line] = line;
      if (!together) std::ranges::shuffle(lines, random);
      // Pivots in one run fill words of the bitmap, and leave others empty.
      const std::size_t begin = together ? (200 - rank) / 2 : 0;
      lines = Lines(lines.begin() + static_cast<std::ptrdiff_t>(begin),
                    lines.begin() + static_cast<std::ptrdiff_t>(begin + rank));
      std::ranges::sort(lines);
      const Matrix<std::uint32_t> tall(DType::kF32, 200, rank, Pivots(0, 200, lines));
      const Matrix<std::uint32_t> wide(DType::kF32, rank, 200, Pivots(1, 200, lines));
      for (const std::uint64_t step : {77u, 1000u, 100'000u}) {
        expect_expanded(tall, step, false);
        expect_expanded(wide, step, false);
      }
    }
  }
}

// On every machine, with the kernels that it has and without.
TEST(PivotForm, ElementsAreSpreadOutBetweenZeros) {
  std::mt19937_64 random(11);
  const auto expect = [&](Spread spread, std::size_t size) {
    for (int i = 0; i < 2000; ++i) {
      const std::uint64_t count = random() % 65;
      const std::uint64_t few = random() & random();
      const std::uint64_t zeros = i % 3 == 0 ? random() : i % 3 == 1 ? few : ~few;
      std::vector<std::byte> from(count * size), out(count * size, std::byte{0xEE}), expected;
      for (std::byte& b : from) b = static_cast<std::byte>(random() % 255 + 1);
      std::uint64_t taken = 0;
      for (std::uint64_t k = 0; k < count; ++k) {
        const bool zero = (zeros >> k & 1) != 0;
        for (std::size_t b = 0; b < size; ++b) {
          expected.push_back(zero ? std::byte{0} : from[taken * size + b]);
        }
        taken += zero ? 0 : 1;
      }
      ASSERT_EQ(spread(zeros, count, from.data(), out.data()), taken);
      ASSERT_TRUE(out == expected) << size << " bytes, zeros " << std::hex << zeros;
    }
  };
  expect(spread2, 2);
  expect(spread4, 4);
  expect(spread8, 8);
  for (const std::size_t size : {2u, 4u, 8u}) expect(best_spread(size), size);
}

TEST(PivotForm, IsExpandedInSlicesHoweverFewElementsStandForIt) {
  // One row is stored of 4,097.
  Lines lines;
  for (std::uint32_t line = 0; line < 4097; ++line) {
    if (line != 1000) lines.push_back(line);
  }
  const catalog::Tensor tensor = pivoted(DType::kF16, 4097, 4096, Pivots(0, 4097, lines));
  ASSERT_TRUE(check_record(tensor).ok());
  catalog::Chunk chunk;
  chunk.element_count = 4096;
  const std::vector<std::uint16_t> stored(4096, 7);
  std::vector<std::byte> slice;
  std::uint64_t next = 0, ones = 0, sevens = 0;
  const auto take = [&](std::uint64_t offset, Bytes part) -> Status {
    EXPECT_EQ(offset, next);
    EXPECT_LE(part.size(), kExpandSlice);
    next += part.size();
    for (std::size_t i = 0; i < part.size(); i += 2) {
      ones += part[i] == std::byte{0} && part[i + 1] == std::byte{0x3C} ? 1 : 0;
      sevens += part[i] == std::byte{7} ? 1 : 0;
    }
    return {};
  };
  ASSERT_TRUE(expand_chunk(tensor.meta, chunk, std::as_bytes(std::span(stored)), slice, take).ok());
  EXPECT_EQ(next, 4097u * 4096 * 2);
  EXPECT_EQ(ones, 4096u);
  EXPECT_EQ(sevens, 4096u);
}

}  // namespace
}  // namespace bbz::symmetry
