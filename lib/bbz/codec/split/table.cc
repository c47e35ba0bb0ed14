#include "bbz/codec/split/table.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace bbz::codec::split {
namespace {

constexpr std::uint32_t kOne = 4096;  // one bit, in units of log2_fixed()

// Computes log2(1 + i / 256) for each i, by repeated squaring of integers.
constexpr std::array<std::uint16_t, 257> make_log_table() {
  std::array<std::uint16_t, 257> table{};
  for (std::uint64_t i = 0; i < 256; ++i) {
    std::uint64_t x = (256 + i) << 22;  // 1.0 is 2^30
    std::uint32_t log = 0;
    for (int bit = 0; bit < 12; ++bit) {
      x = (x * x) >> 30;
      log <<= 1;
      if (x >= (std::uint64_t{2} << 30)) {
        log |= 1;
        x >>= 1;
      }
    }
    table[i] = static_cast<std::uint16_t>(log);
  }
  table[256] = kOne;
  return table;
}
constexpr auto kLogTable = make_log_table();

// Returns the index of each slot of a table.
std::array<std::uint8_t, kSlots> spread(const Frequencies& frequencies) {
  std::array<std::uint8_t, kSlots> index_of_slot{};
  int k = 0;
  for (int index = 0; index < kIndices; ++index) {
    for (int i = 0; i < frequencies[index]; ++i, ++k) {
      index_of_slot[(kSpread * k) % kSlots] = static_cast<std::uint8_t>(index);
    }
  }
  return index_of_slot;
}

// Computes the cost of a symbol for each frequency. The entry of frequency 0 is not used.
constexpr std::array<std::uint16_t, kSlots + 1> make_costs() {
  std::array<std::uint16_t, kSlots + 1> costs{};
  for (int f = 1; f <= kSlots; ++f) {
    int whole = 0;
    while (f >> (whole + 1) != 0) ++whole;
    const int log = whole * static_cast<int>(kOne) + kLogTable[(f << 8 >> whole) - 256];
    costs[f] = static_cast<std::uint16_t>(8 * static_cast<int>(kOne) - log);
  }
  return costs;
}
constexpr auto kCosts = make_costs();

std::uint64_t cost(std::uint32_t count, int f) {
  return std::uint64_t{count} * kCosts[f];
}

}  // namespace

void make_decode_table(const Frequencies& frequencies, DecodeTable& table) {
  const auto index_of_slot = spread(frequencies);
  std::array<std::uint8_t, kIndices> seen{};
  for (int slot = 0; slot < kSlots; ++slot) {
    const int index = index_of_slot[slot];
    table.symbol[slot] = static_cast<std::uint8_t>(kSymbolBias + index);
    table.rank[slot] = seen[index];
    table.entry[slot] = frequencies[index] | std::uint32_t{seen[index]} << 8 |
                        std::uint32_t{table.symbol[slot]} << 16;
    const int excess = seen[index] - frequencies[index] * slot / kSlots;
    table.excess_index[slot] = static_cast<std::uint8_t>(index | excess << 5);
    ++seen[index];
  }
  std::ranges::copy(frequencies, table.freq.begin());
}

void make_encode_table(const Frequencies& frequencies, EncodeTable& table) {
  std::uint16_t start = 0;
  table.coded = 0;
  for (int index = 0; index < kIndices; ++index) {
    const std::uint16_t f = frequencies[index];
    table.freq[index] = f;
    table.start[index] = start;
    table.reciprocal[index] = static_cast<std::uint16_t>(f == 0 ? 0 : std::min(65535, 65536 / f));
    table.entry[index] =
        f | std::uint64_t{start} << 16 | std::uint64_t{table.reciprocal[index]} << 32;
    if (f != 0 && index != kEscapeIndex) table.coded |= std::uint32_t{1} << index;
    start = static_cast<std::uint16_t>(start + f);
  }
  const auto index_of_slot = spread(frequencies);
  std::array<std::uint8_t, kIndices> seen{};
  for (int slot = 0; slot < kSlots; ++slot) {
    const int index = index_of_slot[slot];
    table.slot[table.start[index] + seen[index]++] = static_cast<std::uint8_t>(slot);
  }
}

std::uint32_t log2_fixed(std::uint64_t x) {
  const auto whole = static_cast<int>(std::bit_width(x)) - 1;
  // The top 8 bits of the mantissa choose the entry, and 12 more interpolate.
  const std::uint64_t mantissa = (whole >= 20 ? x >> (whole - 20) : x << (20 - whole)) & 0xFFFFF;
  const std::uint64_t entry = mantissa >> 12;
  const std::uint64_t part = mantissa & 0xFFF;
  const std::uint64_t low = kLogTable[entry];
  const std::uint64_t high = kLogTable[entry + 1];
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(whole) * kOne + low +
                                    ((high - low) * part >> 12));
}

FrequencyChoice choose_frequencies(const std::array<std::uint32_t, kIndices>& counts) {
  std::uint64_t total = 0;
  for (const std::uint32_t c : counts) total += c;
  std::array<std::uint32_t, kIndices> coded{};
  std::array<int, kIndices> f{};
  int sum = 0;
  std::uint32_t escaped = counts[kEscapeIndex];
  for (int i = 0; i < kEscapeIndex; ++i) {
    // A slot costs all other symbols 0.0056 bits, and an escape costs this symbol eight bits. So a
    // symbol gets a slot if its share is at least a fifth of one.
    if (counts[i] == 0 || std::uint64_t{counts[i]} * kSlots * 5 < total) {
      escaped += counts[i];
      continue;
    }
    coded[i] = counts[i];
    f[i] = std::clamp<int>(
        static_cast<int>((std::uint64_t{counts[i]} * kSlots + total / 2) / total), 1, 255);
    sum += f[i];
  }
  coded[kEscapeIndex] = escaped;
  f[kEscapeIndex] =
      total == 0
          ? 1
          : std::clamp<int>(static_cast<int>((std::uint64_t{escaped} * kSlots + total / 2) / total),
                            1, 255);
  sum += f[kEscapeIndex];
  if (sum == f[kEscapeIndex]) {  // every table needs a symbol
    f[0] = 1;
    sum += 1;
  }
  // Changes the frequencies for which that costs least, until they sum to 256.
  while (sum != kSlots) {
    const int step = sum < kSlots ? 1 : -1;
    int best = -1;
    std::int64_t best_cost = std::numeric_limits<std::int64_t>::max();
    for (int i = 0; i < kIndices; ++i) {
      if (f[i] == 0 || f[i] + step < 1 || f[i] + step > 255) continue;
      const auto change = static_cast<std::int64_t>(cost(coded[i], f[i] + step)) -
                          static_cast<std::int64_t>(cost(coded[i], f[i]));
      if (change < best_cost) {
        best_cost = change;
        best = i;
      }
    }
    f[best] += step;
    sum += step;
  }
  FrequencyChoice choice;
  choice.bits = std::uint64_t{escaped} * 8 * kOne;
  for (int i = 0; i < kIndices; ++i) {
    choice.frequencies[i] = static_cast<std::uint8_t>(f[i]);
    if (coded[i] != 0) choice.bits += cost(coded[i], f[i]);
  }
  return choice;
}

}  // namespace bbz::codec::split
