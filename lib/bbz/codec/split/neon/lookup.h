// Table lookups of bytes with NEON, 16 at a time.
#pragma once

#if defined(__aarch64__)

#include <arm_neon.h>

#include <array>

#include "bbz/codec/split/table.h"

namespace bbz::codec::split::neon {

// Looks up 16 bytes in a table of 256.
struct ByteTable {
  uint8x16x4_t quarter[4];

  explicit ByteTable(const std::uint8_t* p) {
    for (int i = 0; i < 4; ++i) quarter[i] = vld1q_u8_x4(p + 64 * i);
  }
  uint8x16_t operator[](uint8x16_t slots) const {
    // For an index outside of the quarter, vqtbx4q keeps the byte.
    uint8x16_t found = vqtbl4q_u8(quarter[0], slots);
    for (int i = 1; i < 4; ++i) {
      slots = vsubq_u8(slots, vdupq_n_u8(64));
      found = vqtbx4q_u8(found, quarter[i], slots);
    }
    return found;
  }
};

// Looks up the lower or the upper byte of a word for each of 16 indices.
struct IndexTable {
  uint8x16x2_t bytes;

  IndexTable(const std::array<std::uint16_t, kIndices>& words, bool upper) {
    for (int i = 0; i < 2; ++i) {
      const uint8x16x2_t apart =
          vld2q_u8(reinterpret_cast<const std::uint8_t*>(words.data() + 16 * i));
      bytes.val[i] = apart.val[upper];
    }
  }
  uint8x16_t operator[](uint8x16_t indices) const { return vqtbl2q_u8(bytes, indices); }
};

// Returns the set of lanes whose byte in `mask` is 0xFF. The other bytes must be 0.
inline unsigned set_of(uint8x8_t mask) {
  constexpr std::uint8_t kBits[8] = {1, 2, 4, 8, 16, 32, 64, 128};
  return vaddv_u8(vand_u8(mask, vld1_u8(kBits)));
}

}  // namespace bbz::codec::split::neon

#endif  // defined(__aarch64__)
