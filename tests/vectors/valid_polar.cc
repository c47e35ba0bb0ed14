// Archives with polar tensors of several columns, and at the corners of arithmetic, computed here from
// the text of format-spec/symmetry.md.
#include <cmath>

#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

struct FloatType {
  DType dtype;
  int bits, mantissa, least;  // exponent of normal numbers
};
constexpr FloatType kTypeF16 = {DType::kF16, 16, 10, -14};
constexpr FloatType kTypeBF16 = {DType::kBF16, 16, 7, -126};
constexpr FloatType kTypeF32 = {DType::kF32, 32, 23, -126};

// A number rounded to nearest, ties to even, in the bits of a type. It is within the type's range.
std::uint32_t rounded(double value, const FloatType& type) {
  const std::uint32_t sign = std::signbit(value) ? std::uint32_t{1} << (type.bits - 1) : 0;
  const double size = std::abs(value);
  int exponent = std::max(size == 0 ? type.least : std::ilogb(size), type.least);
  auto units =
      static_cast<std::uint32_t>(std::nearbyint(std::ldexp(size, type.mantissa - exponent)));
  const std::uint32_t one = std::uint32_t{1} << type.mantissa;
  if (units == 2 * one) {
    units = one;
    ++exponent;
  }
  if (units < one) return sign | units;
  return sign | static_cast<std::uint32_t>(exponent - type.least + 1) << type.mantissa |
         (units - one);
}

Buffer stored_as(const FloatType& type, const std::vector<std::uint32_t>& values) {
  raw::Fields f;
  for (const std::uint32_t v : values) type.bits == 16 ? f.u16(v) : f.u32(v);
  return f;
}

// A matrix of `rows` rows and `pivots.size()` columns: entry(row, column), but zeros right of column
// k in row pivots[k].
struct Factor {
  std::size_t rows;
  std::vector<std::size_t> pivots;
  std::function<double(std::size_t, std::size_t)> entry;

  // The column of which a row is the pivot.
  std::optional<std::size_t> column_of(std::size_t row) const {
    const auto found = std::ranges::find(pivots, row);
    if (found == pivots.end()) return std::nullopt;
    return static_cast<std::size_t>(found - pivots.begin());
  }
  double at(std::size_t row, std::size_t column) const {
    const auto pivot = column_of(row);
    return pivot && column > *pivot ? 0 : entry(row, column);
  }
  std::vector<std::uint32_t> elements(const FloatType& type) const {
    std::vector<std::uint32_t> values;
    const auto take = [&](std::size_t row, std::size_t columns) {
      for (std::size_t k = 0; k < columns; ++k) values.push_back(rounded(at(row, k), type));
    };
    for (std::size_t k = 0; k < pivots.size(); ++k) take(pivots[k], k + 1);
    for (std::size_t row = 0; row < rows; ++row) {
      if (!column_of(row)) take(row, pivots.size());
    }
    return values;
  }
};

// The group, the operand and the derived tensor.
struct PolarTensor {
  std::vector<std::uint32_t> operand;
  Buffer plain;
  Buffer group;
};

PolarTensor derived(const Factor& f, std::size_t columns, const FloatType& type,
                    const FloatType& factor) {
  PolarTensor result;
  result.operand = f.elements(factor);
  std::vector<std::uint32_t> dense(f.rows * columns, 0);
  for (std::size_t i = 0; i < f.rows; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0;  // exact
      for (std::size_t k = 0; k < f.pivots.size(); ++k) sum += f.at(i, k) * f.at(j, k);
      dense[i * columns + j] = dense[j * columns + i] = rounded((i == j ? 1 : 0) - sum, type);
    }
  }
  std::size_t row = 0;
  std::size_t column = 1;
  const auto mark = [&](std::uint32_t field, int bits) {
    for (int bit = 0; bit < bits; ++bit) {
      dense[row * columns + column] ^= field >> bit & 1;
      if (++column == f.rows) column = ++row + 1;
    }
  };
  raw::Fields pivots;
  mark(static_cast<std::uint32_t>(f.pivots.size()), 16);
  for (std::size_t k = 0; k < f.pivots.size(); ++k) {
    mark(static_cast<std::uint32_t>(f.pivots[k]), 16);
    mark(rounded(f.at(f.pivots[k], k), factor), factor.bits);
    pivots.u16(f.pivots[k]);
  }
  result.plain = stored_as(type, dense);
  result.group =
      raw::Fields().u32(f.pivots.size()).u32(0).u64(xxh3_64(result.plain)).bytes(pivots.get());
  return result;
}

void add(Maker& m, std::uint32_t group, const std::string& name, const Factor& f,
         std::size_t columns, const FloatType& type, const FloatType& factor) {
  const PolarTensor tensor = derived(f, columns, type, factor);
  m.archive.records.push_back(raw::group(group, 2, tensor.group));
  m.tensor(name + ".factor", static_cast<std::uint8_t>(factor.dtype),
           static_cast<std::uint8_t>(factor.bits), {tensor.operand.size()},
           stored_as(factor, tensor.operand), {.operand = true});
  m.tensor(name, static_cast<std::uint8_t>(type.dtype), static_cast<std::uint8_t>(type.bits),
           {f.rows, columns}, tensor.plain, {.kept = Buffer(), .form = 2, .group = group});
}

// Entries of so many steps of 2^-15 or 2^-25, without pattern, and at most `most` in magnitude.
double scattered(std::size_t row, std::size_t column, int exponent, double most) {
  const auto span = static_cast<std::size_t>(std::ldexp(most, -exponent));
  const std::size_t mixed = (row * 48271 + column * 69621 + 12345) * 16807 % 2147483647;
  return std::ldexp(static_cast<double>(mixed % (2 * span + 1)) - static_cast<double>(span),
                    exponent);
}

Valid columns_of_factors() {
  Maker m("form-polar-ranks");
  m.begin_file("t.bin");
  // Half precision has 11 bits, so its entries are coarser.
  const auto coarse = [](std::size_t i, std::size_t k) { return scattered(i, k, -11, 0.5); };
  const auto fine = [](std::size_t i, std::size_t k) { return scattered(i, k, -25, 0.45); };
  add(m, 0, "f16", {17, {5, 0, 16}, coarse}, 19, kTypeF16, kTypeF16);
  add(m, 1, "bf16", {18, {17, 3, 4}, coarse}, 18, kTypeBF16, kTypeF16);
  add(m, 2, "f32", {20, {9, 19, 0}, fine}, 20, kTypeF32, kTypeF32);
  m.end_file();
  return m.finish();
}

Valid corners() {
  Maker m("form-polar-corners");
  m.begin_file("t.bin");
  const auto quarter_but = [](std::size_t row, double value) {
    return [=](std::size_t i, std::size_t) { return i == row ? value : 0.25; };
  };
  // The squares of row 3 sum to 2, the most that they may.
  add(m, 0, "length of 2", {17, {2, 5}, quarter_but(3, 1)}, 17, kTypeF16, kTypeF16);
  add(m, 1, "pivot of minus zero", {17, {2}, quarter_but(2, -0.0)}, 17, kTypeF16, kTypeF16);
  add(m, 2, "minus zero", {17, {2}, quarter_but(6, -0.0)}, 17, kTypeF16, kTypeF16);
  add(m, 3, "zero on the diagonal", {17, {2}, quarter_but(4, 1)}, 17, kTypeBF16, kTypeF16);
  // Products down to 2^-30, where the least number of F16 is 2^-24: ties, and minus zeros.
  const auto tiny = [](std::size_t i, std::size_t) {
    return std::ldexp(i % 3 == 2 ? 1.5 : 1, -9 - static_cast<int>(i % 6));
  };
  add(m, 4, "tiny", {17, {0}, tiny}, 17, kTypeF16, kTypeF16);
  m.end_file();
  return m.finish();
}

// The group, its operand and the derived tensor are in three files, with other records between.
Valid polar_apart() {
  const Factor f = {17, {2}, [](std::size_t, std::size_t) { return 0.25; }};
  const PolarTensor tensor = derived(f, 17, kTypeF16, kTypeF16);
  Maker m("form-polar-group-apart");
  m.begin_file("a");
  m.archive.records.push_back(raw::group(0, 2, tensor.group));
  m.end_file();
  m.archive.records.push_back(raw::Record{200, raw::kSkippable, raw::text("unknown"), {}});
  m.begin_file("b");
  m.metadata(true, "between", "the group and its operand");
  m.tensor("s.factor", kF16, 16, {17}, stored_as(kTypeF16, tensor.operand), {.operand = true});
  m.bytes("b");
  m.end_file();
  m.begin_file("c");
  m.tensor("s", kF16, 16, {17, 17}, tensor.plain, {.kept = Buffer(), .form = 2, .group = 0});
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_polar_vectors() {
  return {columns_of_factors(), corners(), polar_apart()};
}

}  // namespace bbz::vectors
