#include "bbz/symmetry/gauge/pivot.h"

#include <algorithm>
#include <cstring>

namespace bbz::gauge {
namespace {

constexpr std::uint32_t kNone = 0xFFFFFFFF;

bool is_zero(Bytes bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

// A matrix in which pivots are looked for.
struct Dense {
  // Returns whether the element is 1, bit for bit.
  bool is_one(std::uint64_t row, std::uint64_t col) const {
    return std::memcmp(at(row, col), &one, size) == 0;
  }
  bool is_zero(std::uint64_t row, std::uint64_t col) const {
    return std::memcmp(at(row, col), &zero, size) == 0;
  }
  const std::byte* at(std::uint64_t row, std::uint64_t col) const {
    return bytes.data() + (row * cols + col) * size;
  }

  static constexpr std::uint64_t zero = 0;
  Bytes bytes;
  std::size_t size = 0;   // bytes of an element
  std::uint64_t one = 0;  // its lowest bytes are the number 1, little-endian
  std::uint64_t rows = 0;
  std::uint64_t cols = 0;
};

std::vector<std::uint32_t> pivot_rows(const Dense& dense) {
  std::vector<std::uint32_t> found;
  const std::size_t stride = dense.cols * dense.size;
  for (std::uint64_t row = 0; row < dense.rows && found.size() < dense.cols; ++row) {
    const std::size_t index = found.size();
    if (!dense.is_one(row, index)) continue;
    const Bytes line = dense.bytes.subspan(row * stride, stride);
    if (!is_zero(line.first(index * dense.size))) continue;
    if (!is_zero(line.subspan((index + 1) * dense.size))) continue;
    found.push_back(static_cast<std::uint32_t>(row));
  }
  return found;
}

std::vector<std::uint32_t> pivot_columns(const Dense& dense) {
  // A column that has been zero so far, but for at most one 1.
  struct Unit {
    std::uint32_t column = 0;
    std::uint32_t row = kNone;  // of the 1
  };
  std::vector<Unit> units(dense.cols);
  for (std::uint32_t col = 0; col < dense.cols; ++col) units[col].column = col;
  // Goes through the matrix as it lies in memory. Of other matrices, hardly a column is left soon.
  for (std::uint32_t row = 0; row < dense.rows; ++row) {
    std::erase_if(units, [&](Unit& unit) {
      if (dense.is_zero(row, unit.column)) return false;
      if (unit.row != kNone || !dense.is_one(row, unit.column)) return true;
      unit.row = row;
      return false;
    });
    if (units.size() < dense.rows) return {};
  }
  std::vector<std::uint32_t> found;
  for (const Unit& unit : units) {
    if (unit.row == found.size()) found.push_back(unit.column);
  }
  return found;
}

}  // namespace

std::optional<std::uint64_t> bits_of_one(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return 0x3C00;
    case DType::kBF16:
      return 0x3F80;
    case DType::kF32:
      return 0x3F80'0000;
    case DType::kF64:
      return 0x3FF0'0000'0000'0000;
    default:
      return std::nullopt;
  }
}

std::optional<catalog::Pivots> find_pivots(Bytes dense, DType dtype, std::uint64_t rows,
                                           std::uint64_t cols, unsigned axis) {
  const auto one = bits_of_one(dtype);
  const std::uint64_t extent = axis == 0 ? rows : cols;
  const std::uint64_t rank = axis == 0 ? cols : rows;
  if (!one || rank == 0 || rank >= extent || extent > kMaxPivotExtent || rank > kMaxPivotRank) {
    return std::nullopt;
  }
  const Dense matrix{dense, element_bytes(dtype), *one, rows, cols};
  const std::vector<std::uint32_t> lines = axis == 0 ? pivot_rows(matrix) : pivot_columns(matrix);
  if (lines.size() != rank) return std::nullopt;
  return catalog::Pivots(axis, extent, lines);
}

std::vector<std::byte> pack_pivot(Bytes dense, DType dtype, std::uint64_t rows, std::uint64_t cols,
                                  const catalog::Pivots& pivots) {
  const std::size_t size = element_bytes(dtype);
  std::vector<std::byte> packed;
  const auto append = [&](std::uint64_t begin, std::uint64_t end) {
    const Bytes run = dense.subspan(begin * size, (end - begin) * size);
    packed.insert(packed.end(), run.begin(), run.end());
  };
  const std::vector<std::uint32_t> lines = pivots.lines();
  if (pivots.axis() == 0) {
    packed.reserve((rows - lines.size()) * cols * size);
    std::uint64_t next = 0;
    for (const std::uint64_t line : lines) {
      append(next * cols, line * cols);
      next = line + 1;
    }
    append(next * cols, rows * cols);
    return packed;
  }
  packed.reserve(rows * (cols - lines.size()) * size);
  for (std::uint64_t row = 0; row < rows; ++row) {
    std::uint64_t next = row * cols;
    for (const std::uint64_t line : lines) {
      append(next, row * cols + line);
      next = row * cols + line + 1;
    }
    append(next, (row + 1) * cols);
  }
  return packed;
}

}  // namespace bbz::gauge
