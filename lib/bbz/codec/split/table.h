// The frequency tables of the split-float codec's entropy stage: range ANS whose frequencies sum to
// 256, over at most 31 symbols and an escape. Index 0-30 is a symbol, index 31 the escape.
//
// The 256 slots of a table are not given out in runs: the k-th slot of the run order is slot
// 159 k mod 256, close to the golden section of 256, which strews every symbol evenly over the
// state's range. With 16-bit states that saves 0.008 bits a symbol against runs, all but 0.001 of
// what the entropy allows. (Duda, "Asymmetric numeral systems", arXiv 1311.2540, on the spread of
// tANS.)
#pragma once

#include <array>
#include <cstdint>

#include "bbz/codec/split/layout.h"

namespace bbz::codec::split {

inline constexpr int kIndices = 32;
inline constexpr int kEscapeIndex = 31;
inline constexpr int kSlots = 256;
inline constexpr int kSpread = 159;

// The frequency of each index; they sum to 256 and none is over 255.
using Frequencies = std::array<std::uint8_t, kIndices>;

// What a decoder needs: state x, slot s = x mod 256, becomes freq[symbol[s] mod 32] * (x / 256) +
// rank[s].
struct alignas(64) DecodeTable {
  std::array<std::uint8_t, kSlots> symbol;  // the byte of the slot's symbol or of the escape
  std::array<std::uint8_t, kSlots> rank;    // how many of the symbol's slots are below this one
  std::array<std::uint16_t, kIndices> freq;
  std::array<std::uint32_t, kSlots> entry;  // of a slot: freq | rank << 8 | symbol << 16
  // Slots that lie evenly have ranks close to freq * slot / 256, so that the next state is close to
  // freq * x / 256. Of a slot: index | (rank - freq * slot / 256) << 5, a number of -2 to 2.
  std::array<std::uint8_t, kSlots> excess_index;
};

// What an encoder needs: state x becomes 256 * (x / f) + slot[start + x mod f].
struct alignas(64) EncodeTable {
  std::array<std::uint8_t, kSlots> slot;     // the slots of index 0 upwards, then of index 1, ...
  std::array<std::uint16_t, kIndices> freq;  // 0 for a symbol that must be escaped
  std::array<std::uint16_t, kIndices> start;
  // min(65535, floor(65536 / f)): x times this, shifted right by 16, is x / f or one less.
  std::array<std::uint16_t, kIndices> reciprocal;
  std::array<std::uint64_t, kIndices> entry;  // freq | start << 16 | reciprocal << 32
  std::uint32_t coded;                        // bit i: symbol i has a frequency
};

// The place of each slot in the order of the runs.
constexpr std::array<std::uint8_t, kSlots> make_places() {
  std::array<std::uint8_t, kSlots> places{};
  for (int k = 0; k < kSlots; ++k) places[(kSpread * k) % kSlots] = static_cast<std::uint8_t>(k);
  return places;
}
inline constexpr std::array<std::uint8_t, kSlots> kPlaces = make_places();

void make_decode_table(const Frequencies& frequencies, DecodeTable& table);
void make_encode_table(const Frequencies& frequencies, EncodeTable& table);

// log2(x) in units of 1/4096, rounded down, the same on every machine. Precondition: x > 0.
std::uint32_t log2_fixed(std::uint64_t x);

// A choice of frequencies for counts[0..30] of symbols and counts[31] of what must be escaped, with
// `bits`, what coding the counts by it costs in units of 1/4096 bit: symbols too rare for a slot
// are escaped, at eight bits more. The escape always has a slot.
struct Choice {
  Frequencies frequencies{};
  std::uint64_t bits = 0;
};
Choice choose_frequencies(const std::array<std::uint32_t, kIndices>& counts);

}  // namespace bbz::codec::split
