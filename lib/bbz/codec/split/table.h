// The frequency tables of the split-float codec's entropy coder, which is range ANS. The
// frequencies of a table sum to 256, over at most 31 symbols and an escape. Indices 0-30 are
// symbols, and index 31 is the escape.
//
// A symbol's slots are not consecutive: the k-th slot in the order of indices is slot 159 k mod
// 256. 159 is close to the golden section of 256, so each symbol is spread evenly over the range of
// the state. With 16-bit states, that saves 0.008 bits a symbol compared to consecutive slots, and
// is within 0.001 bits of the entropy. Source: Duda, "Asymmetric numeral systems", arXiv 1311.2540,
// on the symbol spread of tANS.
#pragma once

#include <array>
#include <cstdint>

#include "bbz/codec/split/layout.h"

namespace bbz::codec::split {

inline constexpr int kIndices = 32;      // symbols and the escape
inline constexpr int kEscapeIndex = 31;  // index of the escape
inline constexpr int kSlots = 256;       // sum of the frequencies
inline constexpr int kSpread = 159;      // distance between consecutive slots of a symbol

// The frequency of each index. They sum to 256, and none exceeds 255.
using Frequencies = std::array<std::uint8_t, kIndices>;

// The table of a decoder. State x with slot s = x mod 256 becomes
// freq[symbol[s] mod 32] * (x / 256) + rank[s].
struct alignas(64) DecodeTable {
  std::array<std::uint8_t, kSlots> symbol;  // for each slot: byte of the symbol or the escape
  std::array<std::uint8_t, kSlots> rank;    // for each slot: number of lower slots of its symbol
  std::array<std::uint16_t, kIndices> freq;
  std::array<std::uint32_t, kSlots> entry;  // for each slot: freq | rank << 8 | symbol << 16
  // For each slot: index | (rank - freq * slot / 256) << 5. The difference is from -2 to 2, because
  // evenly spread slots have ranks close to freq * slot / 256. So the next state is close to
  // freq * x / 256.
  std::array<std::uint8_t, kSlots> excess_index;
};

// The table of an encoder. State x becomes 256 * (x / f) + slot[start + x mod f].
struct alignas(64) EncodeTable {
  std::array<std::uint8_t, kSlots> slot;     // slots of index 0 in ascending order, then of index 1
  std::array<std::uint16_t, kIndices> freq;  // 0 for a symbol that must be escaped
  std::array<std::uint16_t, kIndices> start;
  // min(65535, floor(65536 / f)): x times this, shifted right by 16, is x / f or one less.
  std::array<std::uint16_t, kIndices> reciprocal;
  std::array<std::uint64_t, kIndices> entry;  // freq | start << 16 | reciprocal << 32
  std::uint32_t coded;                        // bit i is set if symbol i has a frequency
};

// Returns for each slot its position in the order of indices.
constexpr std::array<std::uint8_t, kSlots> make_places() {
  std::array<std::uint8_t, kSlots> places{};
  for (int k = 0; k < kSlots; ++k) places[(kSpread * k) % kSlots] = static_cast<std::uint8_t>(k);
  return places;
}
inline constexpr std::array<std::uint8_t, kSlots> kPlaces = make_places();

// Fills all members of a table. Precondition: the frequencies sum to 256.
void make_decode_table(const Frequencies& frequencies, DecodeTable& table);
void make_encode_table(const Frequencies& frequencies, EncodeTable& table);

// Returns an approximation of log2(x) in units of 1/4096, the same on every machine.
// Precondition: x > 0.
std::uint32_t log2_fixed(std::uint64_t x);

// A choice of frequencies and its cost.
struct FrequencyChoice {
  Frequencies frequencies{};
  std::uint64_t bits = 0;  // cost of coding the counts, in units of 1/4096 bit
};
// Chooses frequencies for counts[0..30] of symbols, and counts[31] of keys that must be escaped.
// Symbols that are too rare for a slot are escaped, which costs eight bits more. The escape always
// has a slot.
FrequencyChoice choose_frequencies(const std::array<std::uint32_t, kIndices>& counts);

}  // namespace bbz::codec::split
