// Archives of codec split-number at the edges of what a number is: scales, keys that wrap, and dtypes
// that are not needed.
#include <cmath>

#include "vectors/codec_payloads.h"
#include "vectors/number_chunks.h"

namespace bbz::vectors {
namespace {

using u64 = std::uint64_t;

const Frequencies kFew = {120, 50, 30, 20, 10, 8, 4, 4};           // escape 10
const Frequencies kMany = {100, 2, 30, 30, 20, 20, 15, 15, 8, 8};  // escape 8

// Integers times the scale of a row: ties, results that are denormal, too small or too large, and
// zeros of both signs.
Valid number_scaled() {
  Maker m("number-scaled");
  m.begin_file("t.bin");
  struct Case {
    const char* name;
    unsigned bits, mantissa;
    std::vector<float> scales;
    unsigned most;  // magnitude of values, which are odd if it is
  };
  // Three times one of these is so near to a tie that it is one as a binary32.
  const float twice_bf16 = std::ldexp(5614251.0F, -23);
  const float twice_f16 = std::ldexp(5606059.0F, -23);
  const float least = std::ldexp(1.0F, -149);
  for (const Case& c : std::initializer_list<Case>{
           {"F32", 32, 23, {0.013F, 0.5F, 1.1F}, 127},
           {"F32, denormal", 32, 23, {1e-42F, least, std::ldexp(1.0F, -133), 1e-38F}, 100},
           {"F32, too large", 32, 23, {3e38F, 1e37F, 3.4028235e38F}, 127},
           {"F32, all values", 32, 23, {0.1F, 3e-39F}, 32767},
           {"BF16", 16, 7, {0.013F, 0.5F, 1.1F}, 127},
           {"BF16, ties", 16, 7, {1.0F, 0.25F, 3.0F, 1.0078125F}, 1023},
           {"BF16, rounded twice", 16, 7, {twice_bf16, 2 * twice_bf16}, 7},
           {"BF16, denormal", 16, 7, {1e-40F, least, std::ldexp(1.5F, -134), 2e-39F}, 100},
           {"BF16, too large", 16, 7, {3e38F, 1e37F, 3.3961776e38F}, 127},
           {"F16", 16, 10, {0.013F, 0.5F, 1.1F}, 127},
           {"F16, ties", 16, 10, {1.0F, 0.25F, 3.0F, 1.0009766F}, 8191},
           {"F16, rounded twice", 16, 10, {twice_f16, 2 * twice_f16}, 7},
           {"F16, denormal",
            16,
            10,
            {std::ldexp(1.5F, -25), 3e-8F, std::ldexp(1.0F, -25), 1e-6F},
            100},
           {"F16, too small", 16, 10, {1e-12F, least, 2e-9F}, 100},
           {"F16, too large", 16, 10, {4000.0F, 65520.0F, 65519.996F, 1e30F}, 127}}) {
    for (const unsigned centres : {0u, 1u, 2u}) {
      NumberPlan plan{.kind = kScaled,
                      .element_bits = c.bits,
                      .mantissa_bits = c.mantissa,
                      .sign_bits = centres % 2,
                      .tables = {kFew},
                      .centres = centres,
                      .width = 41,
                      .first = 5 * centres,
                      .row_scale = c.scales};
      if (centres == 1) plan.row_centre = {3};
      if (centres == 2) plan.row_centre = {0, 0xFFFE, 7, 0x7FFF, 0x8000};
      Noise noise(c.most + centres);
      std::vector<Item> items = items_of(
          plan, make(300, [&](std::size_t i) {
            const u64 row = (plan.first + i) / 41;
            const u64 centre = centres == 0 ? 0 : plan.row_centre[row % plan.row_centre.size()];
            if (noise.below(2) == 0) return centre & 0xFFFF;
            return (centre + noise.below(2 * c.most + 1) - u64{c.most}) & 0xFFFF;
          }));
      for (std::size_t i = 0; i < items.size(); i += 9) items[i] = {.symbol = kMinusZero};
      const u64 nan = c.bits == 32 ? 0x7FC01234 : 0x7FC5;
      items[100] = {.symbol = kWhole, .whole = nan};
      add_number(m, std::string(c.name) + ", centres " + std::to_string(centres), plan, items);
    }
  }
  m.end_file();
  return m.finish();
}

// Keys that wrap, and classes above those of any element, which wrap too.
Valid number_keys() {
  Maker m("number-keys");
  m.begin_file("t.bin");
  struct Case {
    const char* name;
    unsigned kind, bits, mantissa, base, top, sign;
    std::size_t elements;
  };
  unsigned number = 0;
  for (const Case& c : std::initializer_list<Case>{
           {"F32 keys wrap", kFloat, 32, 23, 0xFFFE, 0, 1, 300},
           {"I32 keys wrap", kInteger, 32, 0, 0xFFFD, 2, 0, 300},
           {"I64 keys wrap", kFirst, 64, 0, 0xFFFE, 0, 0, 200},
           {"F32 classes above the greatest", kFloat, 32, 23, 22 + 254, 0, 0, 300},
           {"F64 classes above the greatest", kFloat, 64, 52, (51 + 2046) << 1, 1, 0, 200},
           {"F64 the greatest classes", kFloat, 64, 52, 0xF000, 0, 0, 200},
           {"I8 classes above the greatest", kInteger, 8, 0, 6 << 2, 1, 1, 900},
           {"I16 classes above the greatest", kSecond, 16, 0, 14 << 1, 0, 1, 500},
           {"I64 classes above the greatest", kInteger, 64, 0, 61 << 1, 0, 1, 200},
           {"I64 the greatest classes", kSecond, 64, 1, 0xFF00, 0, 0, 200},
           {"F16 scaled, classes above the greatest", kScaled, 16, 10, 13 << 1, 0, 1, 500}}) {
    NumberPlan plan{.kind = c.kind,
                    .element_bits = c.bits,
                    .mantissa_bits = c.mantissa,
                    .top_bits = c.top,
                    .sign_bits = c.sign,
                    .tables = {kFew, kMany},
                    .row_bits = 8,
                    .base = c.base,
                    .width = 37,
                    .row_table = {0, 1},
                    .row_shift = {0, 1, 255, 0, 0}};
    if (c.kind == kScaled) plan.row_scale = {0.25F};
    if (c.bits == 8) plan.precision = 3;
    add_number(m, c.name, plan, draw_items(plan, c.elements, 400 + number++));
  }
  m.end_file();
  return m.finish();
}

// The dtype is not needed: it may be of another size, of another kind, or not known.
Valid number_dtypes() {
  Maker m("number-dtypes");
  m.begin_file("t.bin");
  m.archive.records.push_back(example_group());
  m.tensor("w", kF16, 16, {6, 3}, example_carrier());
  NumberPlan plan{.element_bits = 16, .tables = {kFew}, .base = 4, .width = 48};
  const std::vector<Item> items = draw_items(plan, 480, 9);
  for (const ElementType type : std::initializer_list<ElementType>{{1, 8},
                                                                   {kU8, 8},
                                                                   {kU32, 32},
                                                                   {20, 64},
                                                                   {40, 6},
                                                                   {48, 4},
                                                                   {kBF16, 16},
                                                                   {250, 12},
                                                                   {255, 1}}) {
    add_number(m, "dtype " + std::to_string(type.dtype), {{plan, items}}, type);
  }
  plan = {.kind = kFloat,
          .element_bits = 32,
          .mantissa_bits = 23,
          .tables = {kFew},
          .base = 300,
          .width = 48};
  add_number(m, "floats in a dtype of 12 bits", {{plan, draw_items(plan, 240, 9)}}, {250, 12});
  // The own payload of a carried chunk.
  const Buffer plain = compose(plan, draw_items(plan, 240, 10));
  const Buffer payload = encode_number(plan, draw_items(plan, 240, 10)).payload();
  const Carried own{.codec = kSplitNumber, .length = 0, .tail = payload};
  m.tensor("carried", kF16, 16, {480}, plain, {.coded = {{4, own}}, .form = 3, .group = 0});
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_number_edge_vectors() {
  return {number_scaled(), number_keys(), number_dtypes()};
}

}  // namespace bbz::vectors
