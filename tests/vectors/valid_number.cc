// Archives whose chunks use every feature of codec split-number, put together from the text alone:
// numbers that are drawn, in grids of all kinds.
#include <stdexcept>

#include "vectors/maker.h"
#include "vectors/number_chunks.h"

namespace bbz::vectors {
namespace {

const Frequencies kWide = {30, 5, 20, 40, 70, 50, 25, 10};       // escape 6
const Frequencies kSparse = {150, 60, 20, 10, 5};                // escape 11
const Frequencies kDense = {0, 0, 60, 90, 60, 36};               // escape 10
const Frequencies kWithoutEscape = {2, 30, 99, 90, 30, 5};       // no escape
const Frequencies kGaps = {0, 7, 101, 0, 0, 120, 0, 0, 20};      // escape 8
const Frequencies kOne = {255};                                  // escape 1
const Frequencies kUpper = {0, 1, 0, 3, 9, 30, 60, 60, 60, 30};  // escape 3
const Frequencies kTwo = {254, 2};                               // no escape
const std::vector<Frequencies> kAll = {kWide, kSparse, kDense, kWithoutEscape,
                                       kGaps, kOne,    kUpper, kTwo};

std::vector<Frequencies> number_tables(std::size_t count) {
  return {kAll.begin(), kAll.begin() + static_cast<std::ptrdiff_t>(count)};
}

// The base of keys of this class and the ones above.
unsigned base_of(const NumberPlan& plan, unsigned x) {
  return x << (plan.top_bits + plan.sign_bits);
}

// A class that floats or integers of the plan's size are likely to have.
unsigned middle_class(const NumberPlan& plan) {
  if (plan.kind == kScaled) return 4;
  if (plan.kind != kFloat) return plan.element_bits / 2 - 2;
  const unsigned exponent_bits = plan.element_bits - 1 - plan.mantissa_bits;
  return plan.mantissa_bits + (1u << (exponent_bits - 1)) - 5;
}

// Every kind with elements of every size, 0 to 3 top bits, and the sign in the key or not.
Valid number_kinds() {
  Maker m("number-kinds");
  m.begin_file("t.bin");
  struct Case {
    unsigned kind, bits, mantissa;
    std::size_t elements;
  };
  unsigned number = 0;
  for (const Case& c : std::initializer_list<Case>{
           {kFloat, 8, 3, 900},    {kFloat, 8, 2, 900},    {kFloat, 16, 7, 400},
           {kFloat, 16, 10, 400},  {kFloat, 32, 23, 240},  {kFloat, 64, 52, 130},
           {kFloat, 8, 1, 900},    {kFloat, 64, 62, 130},  {kInteger, 4, 0, 1800},
           {kInteger, 8, 0, 900},  {kInteger, 16, 0, 400}, {kInteger, 32, 0, 240},
           {kInteger, 64, 0, 130}, {kFirst, 8, 0, 900},    {kFirst, 16, 1, 400},
           {kFirst, 32, 1, 240},   {kFirst, 64, 0, 130},   {kFirst, 64, 1, 130},
           {kSecond, 8, 1, 900},   {kSecond, 16, 0, 400},  {kSecond, 32, 1, 240},
           {kSecond, 64, 1, 130},  {kScaled, 16, 7, 400},  {kScaled, 16, 10, 400},
           {kScaled, 32, 23, 240}}) {
    for (const unsigned sign : {0u, 1u}) {
      NumberPlan plan{.kind = c.kind,
                      .element_bits = c.bits,
                      .mantissa_bits = c.mantissa,
                      .top_bits = (number + 2 * sign + number / 4) % 4,
                      .sign_bits = sign,
                      .lanes_log2 = 3 + number % 3,
                      .tables = {c.bits > 8 ? kWide : kSparse},
                      .width = 61,
                      .first = 17};
      if (c.bits == 4) plan.precision = 1;
      if (c.kind == kScaled) plan.row_scale = {0.5F, 0.0123F, 3e-5F, 1.75F};
      plan.base = base_of(plan, middle_class(plan));
      const std::string name = "kind " + std::to_string(c.kind) + ", " + std::to_string(c.bits) +
                               " bits, " + std::to_string(c.mantissa) +
                               (sign != 0 ? ", signs in keys" : "");
      add_number(m, name, plan, draw_items(plan, c.elements, ++number));
    }
  }
  m.end_file();
  return m.finish();
}

// Tables, shifts, floors, and grids of many shapes.
Valid number_grids() {
  Maker m("number-grids");
  m.begin_file("t.bin");
  struct Case {
    const char* name;
    unsigned kind, bits, mantissa, tables, row_bits, column_bits, floor_bits, floor;
    std::uint32_t width, first;
    std::size_t elements;
  };
  constexpr std::uint32_t kWidest = 1 << 26;
  unsigned number = 0;
  for (const Case& c : std::initializer_list<Case>{
           {"two tables", kFloat, 16, 7, 2, 0, 0, 0, 0, 50, 0, 500},
           {"three tables", kInteger, 16, 0, 3, 0, 0, 0, 0, 33, 5, 500},
           {"five tables", kFloat, 32, 23, 5, 0, 0, 0, 0, 29, 28, 300},
           {"eight tables", kInteger, 32, 0, 8, 0, 0, 0, 0, 40, 1, 333},
           {"row shifts of one bit", kInteger, 8, 0, 1, 1, 0, 0, 0, 20, 3, 900},
           {"row shifts of eight bits", kInteger, 64, 0, 1, 8, 0, 0, 0, 7, 2, 200},
           {"a floor", kInteger, 32, 0, 1, 0, 0, 0, 6, 40, 0, 300},
           {"a floor above all", kInteger, 16, 0, 1, 0, 0, 0, 255, 40, 0, 400},
           {"floors of one bit", kInteger, 16, 0, 1, 0, 0, 1, 4, 20, 3, 500},
           {"floors of three bits", kFloat, 32, 23, 1, 0, 0, 3, 143, 27, 0, 540},
           {"floors of eight bits", kFloat, 64, 52, 1, 0, 0, 8, 255, 7, 2, 200},
           {"tables, row shifts and floors", kFloat, 16, 10, 3, 2, 0, 2, 20, 31, 30, 600},
           {"all that rows have, at its most", kFloat, 32, 23, 8, 8, 0, 5, 140, 45, 44, 700},
           {"column shifts of one bit", kInteger, 16, 0, 1, 0, 1, 0, 0, 13, 0, 500},
           {"column shifts of three bits", kFloat, 32, 23, 1, 0, 3, 0, 0, 77, 76, 300},
           {"column shifts of eight bits", kInteger, 16, 0, 1, 0, 8, 0, 0, 90, 10, 600},
           {"rows, columns and tables", kFirst, 16, 0, 6, 3, 2, 1, 0, 63, 20, 800},
           {"all at its most", kSecond, 64, 1, 8, 5, 8, 8, 3, 50, 49, 400},
           {"columns of one", kInteger, 16, 0, 2, 1, 0, 1, 0, 1, 0, 400},
           {"as wide as a step", kFloat, 16, 7, 2, 1, 1, 0, 0, 8, 3, 400},
           {"ends with a row", kInteger, 32, 0, 4, 2, 2, 2, 0, 40, 30, 410},
           {"one element in the first row and the last", kFloat, 16, 7, 2, 2, 2, 0, 0, 99, 98, 299},
           {"one row, wider than the chunk", kInteger, 16, 0, 1, 2, 1, 2, 1, 700, 150, 500},
           {"two rows, wider than the chunk", kFloat, 32, 23, 2, 2, 1, 2, 138, 400, 250, 300},
           {"widest", kInteger, 16, 0, 2, 1, 0, 1, 0, kWidest, kWidest - 203, 400}}) {
    NumberPlan plan{.kind = c.kind,
                    .element_bits = c.bits,
                    .mantissa_bits = c.mantissa,
                    .top_bits = number % 3,
                    .sign_bits = number / 2 % 2,
                    .lanes_log2 = 3 + number % 4,
                    .tables = number_tables(c.tables),
                    .row_bits = c.row_bits,
                    .column_bits = c.column_bits,
                    .floor_bits = c.floor_bits,
                    .floor = c.floor,
                    .width = c.width,
                    .first = c.first};
    // Shifts may take classes to the highest, whose fractions have as many bits as elements.
    if (c.row_bits + c.column_bits >= 8) plan.precision = c.bits / 2;
    plan.base = base_of(plan, middle_class(plan));
    for (unsigned i = 0; i < 37; ++i) {
      plan.row_table.push_back(i % c.tables);
      plan.row_shift.push_back((1 + i * 101) % (1u << c.row_bits));
      plan.row_floor.push_back((i * 89 + i / 2) % (1u << c.floor_bits));
      plan.column_shift.push_back((i * 157 + i / 3) % (1u << c.column_bits));
    }
    add_number(m, c.name, plan, draw_items(plan, c.elements, 100 + number++));
  }
  m.end_file();
  return m.finish();
}

// Chunks that begin within a row, as those of a tensor with longer rows than that: each decodes
// alone, and may have a layout of its own. Sums begin anew in each.
Valid number_chunks() {
  Maker m("number-chunks");
  m.begin_file("t.bin");
  std::vector<NumberChunk> chunks;
  for (unsigned k = 0; k < 6; ++k) {
    const std::uint32_t width = k == 3 ? 60 : 150;
    NumberPlan plan{.kind = k == 5       ? kFloat
                            : k % 4 == 3 ? kSecond
                                         : k % 4,
                    .element_bits = 16,
                    .mantissa_bits = k == 1                 ? 0u
                                     : k % 4 == 0 || k == 5 ? 10u
                                                            : 1u,
                    .top_bits = k % 2,
                    .sign_bits = k / 2 % 2,
                    .lanes_log2 = 3 + k % 3,
                    .tables = number_tables(1 + k),
                    .row_bits = k,
                    .column_bits = 2,
                    .width = width,
                    .first = 501 * k % width,
                    .column_shift = {0, 1, 3, 1, 2, 0, 0}};
    plan.base = base_of(plan, middle_class(plan));
    for (unsigned r = 0; r < 9; ++r) {
      plan.row_table.push_back(r % (k + 1));
      plan.row_shift.push_back(r % (1u << k));
    }
    const std::size_t elements = k == 5 ? 402 : 501;
    chunks.push_back({plan, draw_items(plan, elements, 200 + k)});
  }
  add_number(m, "w", chunks, {kF16, 16});
  m.end_file();
  return m.finish();
}

// 2^log2 lanes: rows of many steps, of less than one, and of whole ones.
Valid number_lanes(unsigned log2) {
  Maker m("number-lanes-" + std::to_string(1u << log2));
  m.begin_file("t.bin");
  struct Case {
    const char* name;
    unsigned kind, bits, mantissa, tables;
    std::uint32_t width, first;
    std::size_t elements;
  };
  const std::uint32_t step = 1u << log2;
  unsigned number = log2;  // some have columns and some not
  for (const Case& c : std::initializer_list<Case>{
           {"BF16", kFloat, 16, 7, 4, 300, 211, 1500},
           {"I8, whole steps", kInteger, 8, 0, 2, 2 * step, step, 2300},
           {"I16, short rows", kInteger, 16, 0, 2, 50, 7, 1500},
           {"nibbles", kInteger, 4, 0, 2, 3 * step, 5, 5100},
           {"F32", kFloat, 32, 23, 8, 611, 610, 1250},
           {"F64, second differences", kSecond, 64, 1, 2, 150, 0, 200 + 2 * step},
           {"I16, first differences", kFirst, 16, 0, 3, 2300, 100, 2100},
           {"F16, scaled", kScaled, 16, 10, 2, step + 1, step, 2300}}) {
    NumberPlan plan{.kind = c.kind,
                    .element_bits = c.bits,
                    .mantissa_bits = c.mantissa,
                    .top_bits = number % 4,
                    .sign_bits = number / 2 % 2,
                    .lanes_log2 = log2,
                    .tables = number_tables(c.tables),
                    .row_bits = 2,
                    .column_bits = number % 2,
                    .floor_bits = 1,
                    .width = c.width,
                    .first = c.first,
                    .row_table = {1, 0},
                    .row_shift = {0, 1, 0, 0, 1},
                    .row_floor = {0, 1, 1}};
    plan.base = base_of(plan, middle_class(plan));
    if (c.bits == 4) plan.tables = {kSparse, kTwo}, plan.precision = 0;
    if (c.kind == kScaled) plan.row_scale = {0.01F, 0.011F, 0.0095F};
    if (plan.column_bits != 0) plan.column_shift = {0, 0, 1, 0, 1, 1, 1, 0, 1, 0, 0};
    for (unsigned r = 0; r < 11; ++r) plan.row_table.push_back(r * 3 % c.tables);
    add_number(m, c.name, plan, draw_items(plan, c.elements, 300 + number++));
  }
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_number_vectors() {
  std::vector<Valid> all = {number_kinds(), number_grids(), number_chunks()};
  for (const unsigned log2 : {3u, 6u, 7u, 8u}) all.push_back(number_lanes(log2));
  return all;
}

}  // namespace bbz::vectors
