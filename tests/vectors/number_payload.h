// Payloads of codec split-number put together by hand from format-spec/codecs.md, part by part, so
// that every feature of the text can be used, whatever an encoder would choose, and every rule
// broken. Knows nothing of the library's own encoder and decoder.
#pragma once

#include "vectors/symbol_payload.h"

namespace bbz::vectors {

// The kinds of numbers.
inline constexpr unsigned kFloat = 0;
inline constexpr unsigned kInteger = 1;
inline constexpr unsigned kFirst = 2;
inline constexpr unsigned kSecond = 3;
inline constexpr unsigned kScaled = 4;
// The symbols that are no key.
inline constexpr unsigned kZero = 0;
inline constexpr unsigned kMinusZero = 1;
inline constexpr unsigned kWhole = 255;
inline constexpr unsigned kFirstBelow = 63;  // that of the lowest key below the origin

// What an encoder chooses. Nothing here needs to be within what the text allows.
struct NumberPlan {
  unsigned kind = kInteger;
  unsigned element_bits = 8;
  unsigned mantissa_bits = 0;
  unsigned precision = 63;
  unsigned top_bits = 0;
  unsigned sign_bits = 1;
  unsigned lanes_log2 = 3;
  std::vector<Frequencies> tables;
  unsigned row_bits = 0;
  unsigned column_bits = 0;
  unsigned floor_bits = 0;
  unsigned base = 0;
  unsigned centres = 0;
  unsigned floor = 0;
  std::uint32_t width = 1;
  std::uint32_t first = 0;
  // Of rows and columns, over and over; 0 where there are none.
  std::vector<unsigned> row_table{};
  std::vector<unsigned> row_shift{};
  std::vector<unsigned> row_floor{};
  std::vector<unsigned> column_shift{};
  std::vector<std::uint64_t> row_centre{};
  std::vector<float> row_scale{};
  // As those of Symbols.
  std::map<unsigned, unsigned> end_state{};
  bool low_state = false;
};

// What is stored of an element: a symbol, and the bits below it or the whole element.
struct Item {
  unsigned symbol = kZero;
  std::uint64_t lower = 0;  // with the sign as the lowest bit, if the key has none
  std::uint64_t whole = 0;
};

// A payload in its parts, those of the header by name.
struct NumberParts {
  unsigned form = 1;
  NumberPlan plan;  // of which the header has the first fields
  unsigned table_count = 0;
  std::uint32_t low_size = 0;
  std::uint32_t escape_count = 0;
  std::uint32_t whole_count = 0;
  std::vector<std::uint32_t> stream_size;

  raw::Buffer tables;
  raw::Buffer rows;
  raw::Buffer columns;
  raw::Buffer centres;
  raw::Buffer scales;
  raw::Buffer low;
  std::vector<raw::Buffer> streams;
  raw::Buffer escapes;
  raw::Buffer whole;
  raw::Buffer states;

  raw::Buffer payload() const;
};

// Items whose symbols are spread as the plan's tables say, escapes among them; the rest is noise.
std::vector<Item> draw_items(const NumberPlan& plan, std::size_t count, std::uint64_t seed);

// Items for these numbers: the bits of elements or, in kind 4, their values modulo 2^16. Those that
// no symbol can say are whole, which is not for kind 4.
std::vector<Item> items_of(const NumberPlan& plan, const std::vector<std::uint64_t>& numbers);

// The chunk that items stand for.
raw::Buffer compose(const NumberPlan& plan, const std::vector<Item>& items);

NumberParts encode_number(const NumberPlan& plan, const std::vector<Item>& items);

}  // namespace bbz::vectors
