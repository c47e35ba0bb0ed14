// Archives with tensors of form pivot, put together from the text of the specification alone.
#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

// A type with the bits of its number 1.
struct PivotType {
  std::uint8_t dtype = 0;
  std::uint32_t bits = 0;
  std::uint64_t one = 0;
};
constexpr PivotType kPivotF16 = {16, 16, 0x3C00};
constexpr PivotType kPivotBF16 = {17, 16, 0x3F80};
constexpr PivotType kPivotF32 = {18, 32, 0x3F800000};
constexpr PivotType kPivotF64 = {19, 64, 0x3FF0000000000000};

void put(raw::Fields& f, const PivotType& type, std::uint64_t value) {
  for (std::uint32_t bit = 0; bit < type.bits; bit += 8) f.u8(value >> bit & 0xFF);
}

// Adds a matrix whose `lines` along `axis` are pivots. It has `extent` of them, and the stored
// elements count up from 1.
void add_pivot(Maker& m, const std::string& name, const PivotType& type, unsigned axis,
               std::uint64_t extent, const std::vector<std::uint64_t>& lines, std::uint64_t chunk,
               bool operand = false) {
  const std::uint64_t rank = lines.size();
  const std::uint64_t rows = axis == 0 ? extent : rank;
  const std::uint64_t cols = axis == 0 ? rank : extent;
  std::vector<std::uint8_t> bitmap((extent + 7) / 8, 0);
  std::vector<std::uint64_t> index_of(extent, kNone);
  for (std::uint64_t k = 0; k < rank; ++k) {
    bitmap[lines[k] / 8] = static_cast<std::uint8_t>(bitmap[lines[k] / 8] | 1u << lines[k] % 8);
    index_of[lines[k]] = k;
  }
  raw::Fields dense, kept, fields;
  std::uint64_t value = 0;
  for (std::uint64_t row = 0; row < rows; ++row) {
    for (std::uint64_t col = 0; col < cols; ++col) {
      const std::uint64_t index = index_of[axis == 0 ? row : col];
      if (index == kNone) {
        put(dense, type, ++value);
        put(kept, type, value);
      } else {
        put(dense, type, index == (axis == 0 ? col : row) ? type.one : 0);
      }
    }
  }
  fields.u8(axis);
  for (const std::uint8_t byte : bitmap) fields.u8(byte);
  m.tensor(name, type.dtype, type.bits, {rows, cols}, Buffer(dense),
           {.kept = Buffer(kept),
            .chunk = chunk,
            .operand = operand,
            .form = 5,
            .form_fields = Buffer(fields)});
}

// The example of symmetry.md, and the smallest and the largest number of pivots, at each end.
Valid places_of_pivots(const char* name, bool front, bool sha) {
  Maker m(name, front, sha);
  add_pivot(m, "operand", kPivotF16, 1, 5, {0, 4}, 1024, true);
  m.begin_file("t.bin");
  m.bytes("before");
  add_pivot(m, "example", kPivotF16, 1, 3, {1, 2}, 1024);
  for (const unsigned axis : {0u, 1u}) {
    const std::string of = axis == 0 ? "rows " : "columns ";
    const auto add = [&](const char* what, std::uint64_t extent,
                         const std::vector<std::uint64_t>& lines) {
      add_pivot(m, of + what, kPivotF16, axis, extent, lines, 1024);
    };
    add("one of two, first", 2, {0});
    add("one of two, last", 2, {1});
    add("rank 1", 9, {8});
    add("all but one, first", 5, {1, 2, 3, 4});
    add("all but one, last", 5, {0, 1, 2, 3});
    add("all but one, within", 5, {0, 1, 3, 4});
    add("first and last", 7, {0, 6});
    add("of eight", 8, {2, 3, 7});
    add("of nine", 9, {0, 7, 8});
  }
  m.bytes("after");
  m.end_file();
  return m.finish();
}

Valid dtypes_of_pivots() {
  Maker m("form-pivot-dtypes");
  m.begin_file("t.bin");
  for (const PivotType& type : {kPivotF16, kPivotBF16, kPivotF32, kPivotF64}) {
    const std::string name(find_dtype(static_cast<DType>(type.dtype))->name);
    add_pivot(m, name + " rows", type, 0, 6, {1, 3, 4}, 4);
    add_pivot(m, name + " columns", type, 1, 6, {1, 3, 4}, 4);
  }
  m.end_file();
  return m.finish();
}

// Chunks that end within rows, before pivots and behind them.
Valid chunks_of_pivots() {
  Maker m("form-pivot-chunks");
  m.begin_file("t.bin");
  for (const std::uint64_t chunk : {1u, 2u, 3u, 5u, 11u, 12u}) {
    const std::string by = " by " + std::to_string(chunk);
    add_pivot(m, "rows" + by, kPivotF16, 0, 7, {0, 3, 6}, chunk);
    add_pivot(m, "columns" + by, kPivotF16, 1, 7, {0, 3, 6}, chunk);
    add_pivot(m, "together" + by, kPivotF16, 1, 7, {2, 3, 4}, chunk);
  }
  // More lines than a word has bits.
  std::vector<std::uint64_t> lines;
  for (std::uint64_t line = 1; line < 150; line += line % 7 + 1) lines.push_back(line);
  add_pivot(m, "many rows", kPivotF32, 0, 150, lines, 1000);
  add_pivot(m, "many columns", kPivotF32, 1, 150, lines, 1000);
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_pivot_vectors() {
  return {places_of_pivots("form-pivot", false, false),
          places_of_pivots("form-pivot-sha256", true, true), dtypes_of_pivots(),
          chunks_of_pivots()};
}

}  // namespace bbz::vectors
