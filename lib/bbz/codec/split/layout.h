// The constants and the header of the split-float codec's wire format. See format-spec/codecs.md,
// "Split float".
//
// An element is rotated left by one bit, so that its sign is the lowest bit. Its upper bits are the
// key (the exponent and the top mantissa bits), and its lower bits are the rest (the other mantissa
// bits and the sign). Keys are entropy-coded. Rests are stored: first their whole bytes, and the
// remaining bits are packed.
#pragma once

#include <array>
#include <cstdint>

#include "bbz/base/checked.h"
#include "bbz/base/dtype.h"

namespace bbz::codec::split {

inline constexpr std::uint8_t kForm = 1;  // the only form of a payload that this version knows
inline constexpr int kMaxTopBits = 1;
inline constexpr int kMinLanesLog2 = 3;
inline constexpr int kMaxLanesLog2 = 8;
inline constexpr int kMaxTables = 8;
inline constexpr int kMaxShiftBits = 8;
inline constexpr std::uint32_t kMaxRows = 1u << 16;
inline constexpr std::uint32_t kMaxWidth = 1u << 26;
inline constexpr int kMaxSymbols = 31;  // without the escape
inline constexpr int kStreamLanes = 64;
inline constexpr int kMaxStreams = 4;
inline constexpr std::uint32_t kStateStart = 256;

// The byte of symbol 0. Symbol y has byte 224 + y and the escape has byte 255, so the low five bits
// of each are its index. An escaped byte can have any value.
inline constexpr int kSymbolBias = 224;
inline constexpr int kEscapeByte = 255;

// The split of an element into key and rest, whose bits add up to those of the element.
struct Layout {
  int element_bytes = 0;
  int key_bits = 0;
  int rest_bytes = 0;   // whole bytes of the rest, stored element by element
  int packed_bits = 0;  // remaining 0-7 bits of the rest, above those bytes
  int top_bits = 0;     // mantissa bits in the key

  int rest_bits() const { return 8 * rest_bytes + packed_bits; }
  std::uint32_t key_mask() const { return (std::uint32_t{1} << key_bits) - 1; }
  // Returns the size in bytes of the packed bits of `elements` elements of one row.
  std::uint64_t packed_size(std::uint64_t elements) const {
    return divide_up(elements * static_cast<std::uint64_t>(packed_bits), 8);
  }
};

// Returns whether the codec supports a dtype, which must have a FloatLayout.
inline bool is_split_dtype(DType dtype) {
  return dtype_info(dtype).layout.exponent_bits != 0;
}

// Returns the layout for a dtype. Precondition: is_split_dtype(dtype), 0 <= top_bits <=
// kMaxTopBits.
inline Layout layout_of(DType dtype, int top_bits) {
  const DTypeInfo& info = dtype_info(dtype);
  const int rest = info.layout.mantissa_bits - top_bits + 1;
  return {info.bits / 8, info.layout.exponent_bits + top_bits, rest / 8, rest % 8, top_bits};
}

// The layout of chunks whose elements are bytes that are keys as a whole, without a rest. No dtype
// has it: the difference codec codes its symbols as such a chunk.
inline constexpr Layout kByteLayout = {1, 8, 0, 0, 1};

// The fixed fields at the head of a payload.
struct Header {
  std::uint8_t form = kForm;
  std::uint8_t top_bits = 0;
  std::uint8_t lanes_log2 = 0;
  std::uint8_t tables = 1;
  std::uint8_t row_bits = 0;     // bits of a row's shift
  std::uint8_t column_bits = 0;  // bits of a column's shift
  std::uint16_t base = 0;
  std::uint32_t width = 1;                               // elements in a row of the grid
  std::uint32_t first = 0;                               // column of the first element
  std::uint32_t escape_count = 0;                        // one byte each
  std::uint32_t patch_count = 0;                         // six bytes each
  std::array<std::uint32_t, kMaxStreams> stream_size{};  // in bytes; the first streams() count

  int lanes() const { return 1 << lanes_log2; }
  int streams() const { return lanes() > kStreamLanes ? lanes() / kStreamLanes : 1; }
  // Returns the number of bits of a row's table index, the smallest that can express tables - 1.
  int table_bits() const {
    int bits = 0;
    while ((1 << bits) < tables) ++bits;
    return bits;
  }
  int row_field_bits() const { return row_bits + table_bits(); }
  std::uint64_t rows(std::uint64_t elements) const { return divide_up(first + elements, width); }
};

}  // namespace bbz::codec::split
