// Archives whose chunks use every feature of codec split-float, put together from the text alone.
#include <stdexcept>

#include "vectors/maker.h"
#include "vectors/split_payload.h"

namespace bbz::vectors {
namespace {

const Frequencies kNarrow = {9, 20, 71, 100, 40, 10};         // escape 6
const Frequencies kFlat = {60, 70, 70, 52};                   // escape 4
const Frequencies kExact = {2, 30, 99, 90, 30, 5};            // no escape
const Frequencies kHoles = {0, 0, 101, 0, 0, 120, 0, 0, 25};  // escape 10
const Frequencies kLow = {150, 70, 20, 9, 3, 1};              // escape 3
const Frequencies kHigh = {1, 0, 3, 9, 30, 60, 145};          // escape 8
const Frequencies kSure = {255};                              // escape 1
const Frequencies kPair = {2, 254};                           // no escape
const std::vector<Frequencies> kEight = {kNarrow, kFlat, kExact, kHoles, kLow, kHigh, kSure, kPair};

std::vector<Frequencies> tables(std::size_t count) {
  return {kEight.begin(), kEight.begin() + static_cast<std::ptrdiff_t>(count)};
}

// Values that show when a key is taken wrongly at an end of its range, and whether anything but the
// bits is looked at: zeros, denormals, the extremes, infinities, quiet and signalling NaN.
std::vector<std::uint64_t> specials(DType dtype) {
  const DTypeInfo& info = dtype_info(dtype);
  const std::uint64_t hidden = std::uint64_t{1} << info.layout.mantissa_bits;
  const std::uint64_t sign = std::uint64_t{1} << (info.bits - 1);
  const std::uint64_t infinity = sign - hidden;
  std::vector<std::uint64_t> all;
  for (const std::uint64_t magnitude :
       {std::uint64_t{0}, std::uint64_t{1}, hidden / 2, hidden - 1, hidden, infinity - 1, infinity,
        infinity + 1, infinity + hidden / 2, sign - 1}) {
    all.push_back(magnitude);
    all.push_back(sign | magnitude);
  }
  return all;
}

struct Chunk {
  SplitPlan plan;
  std::size_t elements = 0;
  std::size_t special_every = 0;  // so many elements one of specials(); 0: none
};

// A tensor of these chunks, all but the last of the same size.
void add(Maker& m, const std::string& name, const std::vector<Chunk>& chunks) {
  Buffer plain;
  Maker::Options options;
  for (const Chunk& c : chunks) {
    Buffer part = draw_split(c.plan, c.elements, 1000 + plain.size() + c.elements);
    if (c.special_every != 0) {
      const auto values = specials(c.plan.dtype);
      for (std::size_t k = 0; k * c.special_every < c.elements; ++k) {
        set_element(c.plan, part, k * c.special_every, values[k % values.size()]);
      }
    }
    options.coded.push_back({3, encode_split(c.plan, part).payload()});
    if (options.coded.back().payload.size() >= part.size()) throw std::logic_error(name);
    raw::append(plain, part);
  }
  const DTypeInfo& info = dtype_info(chunks[0].plan.dtype);
  const auto bits = static_cast<std::uint64_t>(info.bits);
  options.chunk = chunks[0].elements;
  m.tensor(name, static_cast<std::uint8_t>(info.dtype), static_cast<std::uint8_t>(bits),
           {plain.size() * 8 / bits}, plain, options);
}

// The exponent of 1, as a key.
unsigned key_of_one(DType dtype, unsigned top_bits) {
  return ((1u << (dtype_info(dtype).layout.exponent_bits - 1)) - 1) << top_bits;
}

// Every dtype, with no and one top bit; special values among ordinary ones.
Valid split_dtypes() {
  Maker m("split-dtypes");
  m.begin_file("t.bin");
  for (const auto& info : dtype_table()) {
    if (info.layout.exponent_bits == 0) continue;
    for (const unsigned top : {0u, 1u}) {
      const std::size_t elements = info.bits == 64 ? 420 : info.bits == 8 ? 1101 : 605;
      const SplitPlan plan{.dtype = info.dtype,
                           .top_bits = top,
                           .tables = {info.bits == 8 ? kHigh : kNarrow},
                           .base = key_of_one(info.dtype, top) - 3,
                           .width = 101,
                           .first = 50};
      add(m, std::string(info.name) + (top != 0 ? "-top" : ""), {{plan, elements, 20}});
    }
  }
  m.end_file();
  return m.finish();
}

// Tables, row shifts and column shifts, in fields of many widths, and grids of many shapes.
Valid grids() {
  Maker m("split-grids");
  m.begin_file("t.bin");
  struct Case {
    const char* name;
    DType dtype;
    unsigned top, tables, row_bits, column_bits;
    unsigned base;
    std::uint32_t width, first;
    std::size_t elements;
  };
  constexpr std::uint32_t kWidest = 1 << 26;
  unsigned number = 0;
  for (const Case& c : std::initializer_list<Case>{
           {"two tables", DType::kBF16, 1, 2, 0, 0, 240, 50, 0, 500},
           {"three tables", DType::kBF16, 1, 3, 0, 0, 240, 33, 5, 500},
           {"five tables", DType::kF16, 0, 5, 0, 0, 9, 29, 28, 500},
           {"eight tables", DType::kF32, 1, 8, 0, 0, 240, 40, 1, 333},
           {"row shifts of one bit", DType::kBF16, 0, 1, 1, 0, 120, 20, 3, 500},
           {"row shifts of four bits", DType::kF16, 1, 1, 4, 0, 20, 27, 0, 540},
           {"row shifts of eight bits", DType::kF64, 1, 1, 8, 0, 2000, 7, 2, 200},
           {"tables and row shifts", DType::kBF16, 1, 3, 2, 0, 230, 31, 30, 600},
           {"eight tables and row shifts of eight bits", DType::kBF16, 1, 8, 8, 0, 511, 45, 44,
            700},
           {"column shifts of one bit", DType::kBF16, 1, 1, 0, 1, 240, 13, 0, 500},
           {"column shifts of three bits", DType::kF32, 0, 1, 0, 3, 120, 77, 76, 300},
           {"column shifts of eight bits", DType::kBF16, 1, 1, 0, 8, 300, 90, 10, 600},
           {"rows, columns and tables", DType::kF16, 1, 6, 3, 2, 14, 63, 20, 800},
           {"rows, columns and tables at their most", DType::kF64, 0, 8, 8, 8, 2047, 50, 49, 400},
           {"keys wrap", DType::kF8E5M2, 1, 7, 3, 3, 60, 210, 100, 2000},
           {"keys wrap often", DType::kF8E4M3, 0, 7, 8, 8, 15, 210, 1, 2400},
           {"columns of one", DType::kBF16, 0, 2, 1, 0, 120, 1, 0, 400},
           {"as wide as a step", DType::kBF16, 1, 2, 1, 1, 240, 8, 3, 400},
           {"ends with a row", DType::kF16, 0, 4, 2, 2, 10, 40, 30, 410},
           {"one element in the first row and the last", DType::kBF16, 1, 2, 2, 2, 240, 99, 98,
            299},
           {"one row, wider than the chunk", DType::kBF16, 1, 1, 2, 1, 240, 700, 150, 500},
           {"two rows, wider than the chunk", DType::kF32, 1, 2, 2, 1, 240, 400, 250, 300},
           {"widest", DType::kBF16, 0, 2, 1, 0, 120, kWidest, kWidest - 203, 400}}) {
    SplitPlan plan{.dtype = c.dtype,
                   .top_bits = c.top,
                   .lanes_log2 = 3 + number++ % 3,
                   .tables = tables(c.tables),
                   .row_bits = c.row_bits,
                   .column_bits = c.column_bits,
                   .base = c.base,
                   .width = c.width,
                   .first = c.first};
    for (unsigned i = 0; i < 37; ++i) {
      plan.row_table.push_back(i % c.tables);
      plan.row_shift.push_back((1 + i * 101) % (1u << c.row_bits));
      plan.column_shift.push_back((i * 157 + i / 3) % (1u << c.column_bits));
    }
    add(m, c.name, {{plan, c.elements, 0}});
  }
  m.end_file();
  return m.finish();
}

// Chunks that begin within a row, as those of a tensor with longer rows than that: each decodes
// alone, and may have a layout of its own.
Valid chunks() {
  Maker m("split-chunks");
  m.begin_file("t.bin");
  std::vector<Chunk> chunks;
  for (unsigned k = 0; k < 5; ++k) {
    const std::uint32_t width = k == 3 ? 60 : 150;
    SplitPlan plan{.dtype = DType::kF16,
                   .top_bits = k % 2,
                   .lanes_log2 = 3 + k % 3,
                   .tables = tables(1 + k),
                   .row_bits = k,
                   .column_bits = 2,
                   .base = 7u << k % 2,
                   .width = width,
                   .first = 701 * k % width,
                   .column_shift = {0, 1, 3, 1, 2, 0, 0}};
    for (unsigned r = 0; r < 9; ++r) {
      plan.row_table.push_back(r % (k + 1));
      plan.row_shift.push_back(r % (1u << k));
    }
    chunks.push_back({plan, k == 4 ? std::size_t{402} : std::size_t{701}, 0});
  }
  add(m, "w", chunks);
  m.end_file();
  return m.finish();
}

// 2^log2 lanes: rows of many steps, of less than one, and of whole ones; with all the rest too,
// since wide machines have a path of their own for them.
Valid lanes(unsigned log2) {
  Maker m("split-lanes-" + std::to_string(1u << log2));
  m.begin_file("t.bin");
  struct Case {
    const char* name;
    DType dtype;
    unsigned top, tables;
    std::uint32_t width, first;
    std::size_t elements;
  };
  const std::uint32_t step = 1u << log2;
  unsigned number = log2;  // of each dtype some have columns and some not
  for (const Case& c :
       std::initializer_list<Case>{{"BF16", DType::kBF16, 1, 4, 300, 211, 1500},
                                   {"BF16 plain", DType::kBF16, 0, 3, 2 * step, step, 1300},
                                   {"BF16 short rows", DType::kBF16, 1, 2, 50, 7, 1500},
                                   {"F16", DType::kF16, 1, 3, 3 * step, 5, 1500},
                                   {"F32", DType::kF32, 1, 8, 611, 610, 1250},
                                   {"F64", DType::kF64, 1, 2, 150, 0, 200 + 2 * step},
                                   {"F8_E4M3", DType::kF8E4M3, 1, 2, 2300, 100, 2100},
                                   {"F8_E5M2", DType::kF8E5M2, 1, 2, step + 1, step, 2300}}) {
    SplitPlan plan{.dtype = c.dtype,
                   .top_bits = c.top,
                   .lanes_log2 = log2,
                   .tables = tables(c.tables),
                   .row_bits = 2,
                   .column_bits = number++ % 2,
                   .base = key_of_one(c.dtype, c.top) - 4,
                   .width = c.width,
                   .first = c.first,
                   .row_table = {1, 0},
                   .row_shift = {0, 3, 1, 2, 0}};
    if (plan.column_bits != 0) plan.column_shift = {0, 0, 1, 0, 1, 1, 1, 0, 1, 0, 0};
    for (unsigned r = 0; r < 11; ++r) plan.row_table.push_back(r * 3 % c.tables);
    const auto last = static_cast<std::uint32_t>(c.elements - 1);
    if (c.tables > 3) plan.patched = {0, 1, 500, 563, 564, last};
    add(m, c.name, {{plan, c.elements, 0}});
  }
  m.end_file();
  return m.finish();
}

// Escapes of every size and patches, many and in a row; tables of one symbol and of 31.
Valid escapes() {
  Maker m("split-escapes");
  m.begin_file("t.bin");
  const auto add_one = [&](const char* name, const SplitPlan& plan, std::size_t elements,
                           std::size_t every = 0) {
    add(m, name, {{plan, elements, every}});
  };
  Frequencies many;
  for (unsigned i = 0; i < 31; ++i) many.push_back(1 + (i % 7) * (i % 3) + (i == 14 ? 100 : 0));
  const Frequencies half = {60, 68};  // escape 128
  const Frequencies one = {1};        // escape 255
  add_one("31 symbols", {.tables = {many}, .base = 230, .width = 250}, 500);
  add_one("31 symbols wrap", {.dtype = DType::kF16, .tables = {many}, .base = 50, .width = 99},
          700);
  add_one("all but escapes",
          {.dtype = DType::kF64, .lanes_log2 = 4, .tables = {one}, .base = 1023, .width = 77}, 300);
  add_one("half escapes",
          {.dtype = DType::kF32,
           .lanes_log2 = 4,
           .tables = {half},
           .base = 250,
           .width = 120,
           .first = 17},
          400);
  add_one("no escapes", {.tables = {kExact}, .base = 250, .width = 500}, 500);
  add_one("one symbol", {.tables = {kSure}, .base = 250, .width = 33}, 400);
  // Nothing but patches says a key where no escape has a slot.
  add_one("patches for escapes",
          {.dtype = DType::kF16,
           .top_bits = 0,
           .tables = {kExact, kPair},
           .base = 12,
           .width = 100,
           .row_table = {0, 1}},
          600, 23);
  add_one("patches of an exponent of eleven bits",
          {.dtype = DType::kF64, .top_bits = 0, .tables = {kNarrow}, .base = 1020, .width = 90},
          300, 9);
  add_one("patches of twelve bits and shifts",
          {.dtype = DType::kF64,
           .tables = {kNarrow},
           .row_bits = 1,
           .base = 2040,
           .width = 90,
           .row_shift = {1, 0}},
          300, 8);
  add_one("patches of escapes and symbols",
          {.lanes_log2 = 5,
           .tables = {kHoles},
           .base = 240,
           .width = 64,
           .patched = {0, 1, 2, 3, 64, 65, 66, 127, 128, 400, 598, 599}},
          600);
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_split_vectors() {
  std::vector<Valid> all = {split_dtypes(), grids(), chunks(), escapes()};
  for (const unsigned log2 : {6u, 7u, 8u}) all.push_back(lanes(log2));
  return all;
}

}  // namespace bbz::vectors
