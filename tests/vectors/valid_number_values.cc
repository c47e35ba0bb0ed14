// Archives of codec split-number whose numbers are those that the codec is for.
#include <bit>
#include <cmath>

#include "vectors/number_chunks.h"

namespace bbz::vectors {
namespace {

using u64 = std::uint64_t;
const Frequencies kBell = {4, 2, 10, 20, 30, 40, 50, 40, 30, 12, 8, 2};  // escape 8
const Frequencies kFewSymbols = {120, 50, 30, 20, 10, 8, 4, 4};          // escape 10
const Frequencies kNear = {100, 2, 30, 30, 20, 20, 15, 15, 8, 8};        // escape 8

u64 bits_of(float value) {
  return std::bit_cast<std::uint32_t>(value);
}

// Floats of a narrower type, on a grid, and with zeros of both signs.
Valid number_floats() {
  Maker m("number-floats");
  m.begin_file("t.bin");
  Noise noise(1);
  // The class of an F32 of exponent `e`.
  const auto class_of = [](int e) { return static_cast<unsigned>(22 + 127 + e); };
  NumberPlan f32{.kind = kFloat,
                 .element_bits = 32,
                 .mantissa_bits = 23,
                 .tables = {kBell},
                 .width = 100,
                 .first = 30};
  NumberPlan plan = f32;
  plan.precision = 7;
  plan.sign_bits = 0;
  plan.base = class_of(-9);
  add_numbers(m, "BF16 in F32", plan,
              make(400, [&](std::size_t) { return bits_of(noise.number()) >> 16 << 16; }));
  // Down to F16's denormals of one bit, which are 2^-24.
  plan.precision = 10;
  plan.floor = class_of(-24);
  plan.base = class_of(-22) << 1;
  plan.top_bits = 1;
  plan.tables = {{10, 10, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 12}};
  add_numbers(m, "F16 in F32", plan, make(400, [&](std::size_t) {
                const float number = noise.number();
                const float value = std::ldexp(number, -static_cast<int>(noise.below(18)));
                const float unit = std::ldexp(1.0F, std::max(std::ilogb(value), -14) - 10);
                return bits_of(std::nearbyint(value / unit) * unit);
              }));
  plan = f32;
  plan.floor = class_of(-12);
  plan.floor_bits = 3;
  plan.row_floor = {2, 0, 5, 7};
  plan.top_bits = 2;
  plan.base = class_of(-4) << 3;
  add_numbers(m, "integers by rows of F32", plan, make(400, [&](std::size_t i) {
                const unsigned grid[] = {2, 0, 5, 7};
                const int place = static_cast<int>(grid[(30 + i) / 100 % 4]) - 12;
                return bits_of(std::ldexp(std::nearbyint(noise.number() * 127), place));
              }));
  plan = f32;
  plan.precision = 0;
  plan.tables = {kFewSymbols};
  plan.base = class_of(-3) << 1;
  add_numbers(m, "powers of two and zeros", plan, make(400, [&](std::size_t) {
                const unsigned choice = noise.below(16);
                const u64 sign = u64{choice & 1} << 31;
                return choice < 9 ? sign
                                  : sign | bits_of(std::ldexp(1.0F, -static_cast<int>(choice % 4)));
              }));
  NumberPlan f64 = f32;
  f64.element_bits = 64;
  f64.mantissa_bits = 52;
  f64.precision = 23;
  f64.base = (51 + 1023 - 10) << 1;
  add_numbers(m, "F32 in F64", f64,
              make(200, [&](std::size_t) { return std::bit_cast<u64>(double{noise.number()}); }));
  m.end_file();
  return m.finish();
}

// Zeros, denormals, the extremes, infinities, quiet and signalling NaN with payloads.
Valid number_specials() {
  Maker m("number-specials");
  m.begin_file("t.bin");
  for (const auto& [bits, mantissa] : std::initializer_list<std::pair<unsigned, unsigned>>{
           {8, 2}, {8, 3}, {16, 7}, {16, 10}, {32, 23}, {64, 52}}) {
    const u64 hidden = u64{1} << mantissa;
    const u64 sign = u64{1} << (bits - 1);
    const u64 infinity = sign - hidden;
    std::vector<u64> values;
    for (const u64 magnitude :
         {u64{0}, u64{1}, u64{2}, u64{3}, hidden / 2, hidden - 1, hidden, hidden + 1, infinity - 1,
          infinity, infinity + 1, infinity + hidden / 2, infinity + hidden / 2 + 1, sign - 1}) {
      values.push_back(magnitude);
      values.push_back(sign | magnitude);
    }
    const unsigned highest = mantissa - 1 + (1u << (bits - 1 - mantissa)) - 1;
    for (const bool high : {false, true}) {
      NumberPlan plan{.kind = kFloat,
                      .element_bits = bits,
                      .mantissa_bits = mantissa,
                      .top_bits = high ? 1u : 0u,
                      .sign_bits = high ? 0u : 1u,
                      .tables = {kFewSymbols},
                      .width = 90};
      plan.base = high ? (highest - 3) << 1 : 0;
      Noise noise(bits + mantissa);
      const auto numbers = make(bits == 8 ? 500 : 280, [&](std::size_t i) {
        return i % 6 == 0 ? values[i / 6 % values.size()] : noise.below(3) == 0 ? sign : 0;
      });
      const std::string name =
          std::to_string(bits) + " bits, " + std::to_string(mantissa) + (high ? ", high" : ", low");
      add_numbers(m, name, plan, numbers);
    }
  }
  m.end_file();
  return m.finish();
}

// Centres, floors, and the least and the greatest values of every size.
Valid number_integers() {
  Maker m("number-integers");
  m.begin_file("t.bin");
  Noise noise(3);
  for (const unsigned bits : {4u, 8u, 16u, 32u, 64u}) {
    const u64 mask = ~u64{0} >> (64 - bits);
    for (const unsigned centres : {0u, 1u, 2u}) {
      NumberPlan plan{.element_bits = bits,
                      .lanes_log2 = 3 + centres,
                      .tables = {kFewSymbols},
                      .centres = centres,
                      .width = 70,
                      .first = 33};
      if (centres == 1) plan.row_centre = {mask / 2 + 1};
      if (centres == 2) plan.row_centre = {5, mask, mask / 2, 0, mask - 4};
      const auto numbers = make(bits == 4   ? 1400
                                : bits == 8 ? 700
                                            : 300,
                                [&](std::size_t i) {
                                  const u64 centre = centres == 0 ? 0
                                                     : centres == 1
                                                         ? plan.row_centre[0]
                                                         : plan.row_centre[(33 + i) / 70 % 5];
                                  const u64 extremes[] = {mask / 2, mask / 2 + 1, 0, mask, 1};
                                  if (i % 23 == 0) return extremes[i / 23 % 5];
                                  const u64 up = noise.below(noise.below(7) + 1);
                                  const u64 down = 3 * noise.below(2);
                                  return (centre + (up - down) * (noise.below(3) / 2)) & mask;
                                });
      const std::string name = std::to_string(bits) + " bits, centres " + std::to_string(centres);
      add_numbers(m, name, plan, numbers);
    }
  }
  NumberPlan plan{.element_bits = 32,
                  .top_bits = 2,
                  .sign_bits = 0,
                  .tables = {kBell},
                  .base = 11 << 2,
                  .floor = 10,
                  .width = 44};
  add_numbers(m, "multiples of 1,024", plan, make(300, [&](std::size_t) {
                return static_cast<std::uint32_t>((noise.below(60) - 30u) * 1024);
              }));
  m.end_file();
  return m.finish();
}

// Rows that resemble the ones above: one, two and many of them, of whole and partial widths.
Valid number_differences() {
  Maker m("number-differences");
  m.begin_file("t.bin");
  struct Case {
    const char* name;
    unsigned kind, bits, is_float;
    std::uint32_t width, first;
    std::size_t elements;
  };
  for (const Case& c :
       std::initializer_list<Case>{{"F32 rows", kFirst, 32, 1, 50, 0, 500},
                                   {"F32 rows, second", kSecond, 32, 1, 50, 0, 500},
                                   {"F32 part of a row", kSecond, 32, 1, 300, 0, 200},
                                   {"F32 one row", kSecond, 32, 1, 200, 0, 200},
                                   {"F32 two rows", kSecond, 32, 1, 100, 0, 200},
                                   {"F32 two rows and an element", kSecond, 32, 1, 100, 0, 201},
                                   {"F32 begins within a row", kFirst, 32, 1, 64, 63, 500},
                                   {"BF16 begins within a row", kSecond, 16, 1, 64, 21, 700},
                                   {"F64 columns of one", kFirst, 64, 1, 1, 0, 150},
                                   {"F64 columns of one, second", kSecond, 64, 1, 1, 0, 150},
                                   {"F16 columns of three", kSecond, 16, 1, 3, 1, 800},
                                   {"F8 rows", kFirst, 8, 1, 40, 0, 1000},
                                   {"I8 rows", kSecond, 8, 0, 40, 13, 1000},
                                   {"I16 rows", kFirst, 16, 0, 90, 0, 700},
                                   {"I32 rows", kSecond, 32, 0, 90, 0, 500},
                                   {"I64 rows", kSecond, 64, 0, 30, 29, 300}}) {
    NumberPlan plan{.kind = c.kind,
                    .element_bits = c.bits,
                    .mantissa_bits = c.is_float,
                    .tables = {kNear},
                    .width = c.width,
                    .first = c.first};
    Noise noise(c.bits + c.width);
    const u64 mask = ~u64{0} >> (64 - c.bits);
    std::vector<u64> orders;
    for (std::size_t i = 0; i < c.elements; ++i) {
      // A ramp through 0, which is where the sign of a float changes, with a jump here and there.
      const u64 above = i < c.width ? 0 - u64{i % 7} : orders[i - c.width];
      const u64 jump = i % 41 == 0 ? u64{1} << (c.bits - 2) : 0;
      orders.push_back(above + noise.below(3) + (c.bits > 16 && i % 2 == 0 ? 20 : 0) + jump);
    }
    add_numbers(m, c.name, plan, make(c.elements, [&](std::size_t i) {
                  const u64 order = orders[i] & mask;
                  const u64 sign = u64{1} << (c.bits - 1);
                  return c.is_float != 0 && (order & sign) != 0 ? order ^ (sign - 1) : order;
                }));
  }
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_number_value_vectors() {
  return {number_floats(), number_specials(), number_integers(), number_differences()};
}

}  // namespace bbz::vectors
