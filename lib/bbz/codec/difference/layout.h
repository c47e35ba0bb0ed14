// The constants and the header of the difference codec's wire format for floats. See
// format-spec/codecs.md, "Difference".
//
// Elements are ordered integers: a float's sign and magnitude as two's complement. The difference
// of an element from that of the base is folded, so that small ones of either sign are small. Its
// upper bits are a symbol, which is coded with a table for the exponent of the base's element. Its
// lower bits, if the base's exponent is below a reference, are stored as they are: an update is
// about equally large everywhere, and so the lower the exponent, the more bits of it are noise.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "bbz/base/dtype.h"
#include "bbz/codec/split/layout.h"

namespace bbz::codec::difference {

inline constexpr std::uint8_t kFloatForm = 1;
inline constexpr int kMaxTables = 8;
// The number of elements in a block. The symbols of a block are coded table by table.
inline constexpr std::uint64_t kBlock = std::uint64_t{1} << 16;

// Returns whether the codec has a form for the floats of a dtype, which must be in the table.
inline bool is_difference_dtype(DType dtype) {
  const DTypeInfo& info = dtype_info(dtype);
  return info.layout.exponent_bits != 0 && info.bits <= 32;
}

// The symbol of an element that is stored whole. Others are one more than the upper bits of a folded
// difference that is one less; 0 is for no difference.
inline constexpr unsigned kWhole = 255;

// What the base's exponent says about an element.
struct Classes {
  int element_bytes = 0;
  int mantissa_bits = 0;
  int exponent_bits = 0;
  int tables = 1;
  std::uint8_t live = 0;       // bit t is set if table t has symbols; else its elements are equal
  std::uint8_t reference = 0;  // exponent from which on no lower bits are stored
  // The lowest exponent of each table, ascending. That of table 0 is 0.
  std::array<std::uint8_t, kMaxTables> first{};

  bool is_live(int table) const { return (live >> table & 1) != 0; }
  // Returns the largest number of lower bits of an element. Those of eight bits have three: a symbol
  // has the upper five.
  int most_low_bits() const { return element_bytes == 1 ? 3 : 8 * element_bytes - 8; }
  // Returns the number of lower bits of a changed element whose base has this exponent.
  int low_bits(int exponent) const { return std::clamp(reference - exponent, 0, most_low_bits()); }
  // Returns the table of this exponent.
  int table_of(int exponent) const {
    int table = 0;
    while (table + 1 < tables && exponent >= first[table + 1]) ++table;
    return table;
  }
};

// Returns the classes of a dtype, with one table. Precondition: is_difference_dtype(dtype).
inline Classes classes_of(DType dtype) {
  const DTypeInfo& info = dtype_info(dtype);
  Classes classes;
  classes.element_bytes = info.bits / 8;
  classes.mantissa_bits = info.layout.mantissa_bits;
  classes.exponent_bits = info.layout.exponent_bits;
  return classes;
}

// The fixed fields at the head of a payload, without those of Classes.
struct Header {
  std::uint8_t lanes_log2 = split::kMinLanesLog2;
  std::uint32_t low_size = 0;      // of the lower bits, in bytes
  std::uint32_t escape_count = 0;  // one byte each
  std::uint32_t whole_count = 0;   // an element each
  std::uint32_t patch_count = 0;   // four bytes and an element each
  std::array<std::uint32_t, split::kMaxStreams> stream_size{};

  int lanes() const { return 1 << lanes_log2; }
  int streams() const { return lanes() > split::kStreamLanes ? lanes() / split::kStreamLanes : 1; }
};

}  // namespace bbz::codec::difference
