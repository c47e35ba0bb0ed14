// The constants and the header of the split-number codec's wire format. See format-spec/codecs.md,
// "Split-number".
//
// An element is a sign and a magnitude, and a magnitude a class and a fraction: its highest bit, or
// its exponent, and the bits below. A key is made of the class and, as the header says, of the sign
// and the upper bits of the fraction. Symbols are keys that are relative to their row and column, the
// two zeros, and one for elements that are stored whole. They are coded as the keys of split-float
// are. Those bits of the sign and the fraction that are not in the key are stored, but for bits that
// the precision or the floor excludes.
#pragma once

#include <array>
#include <cstdint>

#include "bbz/codec/split/layout.h"

namespace bbz::codec::number {

inline constexpr std::uint8_t kForm = 1;  // the only form of a payload that this version knows
inline constexpr int kMaxPrecision = 63;
inline constexpr int kMaxTopBits = 3;
inline constexpr int kMaxFieldBits = 8;           // of a row's shift, a column's shift, or a floor
inline constexpr unsigned kMaxRowFieldBits = 13;  // of a row's shift and its floor
// Classes of scaled numbers are those of integers with a sign and so many bits.
inline constexpr int kScaledBits = 16;

// What the elements are made of.
enum class Kind : std::uint8_t {
  kFloat = 0,             // a float
  kInteger = 1,           // an integer about the centre of its row
  kFirstDifference = 2,   // the element above, and an integer
  kSecondDifference = 3,  // what the two elements above predict, and an integer
  kScaled = 4,            // a float that is the product of an integer and the scale of its row
};

// What symbols mean. Keys begin with kFirstKey.
inline constexpr unsigned kZero = 0;
inline constexpr unsigned kMinusZero = 1;
inline constexpr unsigned kFirstKey = 2;
inline constexpr unsigned kWhole = 255;
// The first symbol of a key below the origin. That of the origin's neighbour is kWhole - 1.
inline constexpr unsigned kFirstBelow = 63;

// Returns the key of a symbol, neither a zero's nor kWhole, that is relative to an origin.
inline unsigned key_of_symbol(unsigned symbol, unsigned origin) {
  return (origin + symbol - (symbol < kFirstBelow ? kFirstKey : kWhole)) & 0xFFFF;
}

// Returns the symbol of a key, or kWhole if it has none.
inline unsigned symbol_of_key(unsigned key, unsigned origin) {
  const unsigned above = (key - origin) & 0xFFFF;
  if (above < kFirstBelow - kFirstKey) return above + kFirstKey;
  const unsigned below = (origin - key) & 0xFFFF;
  return below <= kWhole - kFirstBelow ? kWhole - below : kWhole;
}

// What elements are, and what of them is stored.
struct Model {
  Kind kind = Kind::kFloat;
  int bits = 0;        // of an element: 4, 8, 16, 32 or 64
  int float_bits = 0;  // of a float below its exponent; in differences, 1 if elements are floats
  int precision = 0;   // the most bits of a fraction that are not zero
  int top_bits = 0;    // bits of the fraction in a key
  int sign_bits = 0;   // 1 if the sign is in a key

  bool is_difference() const {
    return kind == Kind::kFirstDifference || kind == Kind::kSecondDifference;
  }
  bool has_ordered_floats() const { return is_difference() && float_bits != 0; }
  // Returns the number of bits of a magnitude below its class, if that is not limited by the class.
  int mantissa_bits() const {
    return kind == Kind::kFloat ? float_bits : kind == Kind::kScaled ? kScaledBits - 1 : bits - 1;
  }
  // Returns the number of bits of a key below its class.
  int low_key_bits() const { return top_bits + sign_bits; }
  // Returns the size of a whole element, in bytes.
  std::size_t whole_bytes() const { return bits < 8 ? 1 : static_cast<std::size_t>(bits / 8); }
  // Returns the size of a centre in bytes.
  std::size_t centre_bytes() const {
    return kind == Kind::kScaled ? kScaledBits / 8 : whole_bytes();
  }
};

// How many centres a payload has.
enum class Centres : std::uint8_t { kNone = 0, kOne = 1, kEach = 2 };

// The fixed fields at the head of a payload.
struct Header {
  Model model;
  std::uint8_t lanes_log2 = split::kMinLanesLog2;
  std::uint8_t tables = 1;
  std::uint8_t row_bits = 0;     // bits of a row's shift
  std::uint8_t column_bits = 0;  // bits of a column's shift
  std::uint8_t floor_bits = 0;   // bits of a row's floor
  std::uint16_t base = 0;        // key of symbol kFirstKey where nothing is shifted
  Centres centres = Centres::kNone;
  std::uint8_t floor = 0;          // the least place of a bit that is not zero; rows add to it
  std::uint32_t width = 1;         // elements in a row of the grid
  std::uint32_t first = 0;         // column of the first element
  std::uint32_t low_size = 0;      // of the lower bits, in bytes
  std::uint32_t escape_count = 0;  // one byte each
  std::uint32_t whole_count = 0;   // an element each
  std::array<std::uint32_t, split::kMaxStreams> stream_size{};

  int lanes() const { return 1 << lanes_log2; }
  int streams() const { return lanes() > split::kStreamLanes ? lanes() / split::kStreamLanes : 1; }
  // Returns the number of bits of a row's table, the fewest that can express tables - 1.
  int table_bits() const {
    int bits = 0;
    while ((1 << bits) < tables) ++bits;
    return bits;
  }
  int row_field_bits() const { return table_bits() + row_bits + floor_bits; }
  // Returns the number of centres of a chunk with so many rows.
  std::uint64_t centre_count(std::uint64_t rows) const {
    return centres == Centres::kNone ? 0 : centres == Centres::kOne ? 1 : rows;
  }
};

}  // namespace bbz::codec::number
