// The encoder's loops over the elements of a row, which compilers vectorise.
#pragma once

#include <algorithm>

#include "bbz/codec/number/analysis.h"

namespace bbz::codec::number {

// So many elements have sums of 32 bits.
inline constexpr std::size_t kSummed = std::size_t{1} << 16;

// The orders of those elements of a row that have keys, and the lowest and the highest key.
struct RowOrders {
  std::uint64_t sum = 0;
  std::uint64_t count = 0;
  unsigned lowest = ~0U;
  unsigned highest = 0;
};

inline RowOrders row_orders(const FineKey* keys, const FineKey* end) {
  RowOrders row;
  while (keys < end) {
    const FineKey* const part = keys + std::min<std::ptrdiff_t>(end - keys, kSummed);
    std::uint32_t sum = 0;
    std::uint32_t count = 0;
    std::uint16_t lowest = kFineZero;
    std::uint16_t highest = 0;
    for (; keys < part; ++keys) {
      const FineKey key = *keys;
      const FineKey kept = has_key(key) ? key : FineKey{0};
      sum += kept >> kFineBits;
      count += has_key(key) ? 1 : 0;
      lowest = std::min(lowest, key);
      highest = std::max(highest, kept);
    }
    row.sum += sum;
    row.count += count;
    if (count == 0) continue;
    row.lowest = std::min<unsigned>(row.lowest, lowest);
    row.highest = std::max<unsigned>(row.highest, highest);
  }
  return row;
}

// The floor of a row without keys.
inline constexpr int kNoFloor = 256;

// Returns the least place of a bit of elements with keys of at most `precision` used bits, or kNoFloor
// if that is less.
inline int least_floor(const FineKey* keys, const std::uint8_t* used, std::size_t count,
                       int precision) {
  const auto most = static_cast<std::int16_t>(precision);
  std::int16_t least = kNoFloor;
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = static_cast<std::int16_t>(used[i]);
    const auto floor = static_cast<std::int16_t>((keys[i] >> kFineBits) - bits);
    const bool is_limited = has_key(keys[i]) && bits <= most;
    const std::int16_t value = is_limited ? floor : std::int16_t{kNoFloor};
    least = std::min(least, value);
  }
  return least;
}

// The depths of a row's elements.
class Depths {
 public:
  Depths(const Model& model, int floor, int precision)
      : lead_(static_cast<std::int16_t>(std::min(model.mantissa_bits(), precision))),
        floor_(static_cast<std::int16_t>(floor)) {}
  std::int16_t of(FineKey key) const {
    const auto order = static_cast<std::int16_t>(key >> kFineBits);
    const auto above = std::max<std::int16_t>(static_cast<std::int16_t>(order - floor_), 0);
    return std::min({order, lead_, above});
  }

 private:
  std::int16_t lead_;  // or the precision, if that is less
  std::int16_t floor_;
};

// Returns the bits that a row's elements with keys have, of which those with more used bits than
// `precision` take `whole`.
inline std::uint64_t cost_of_row(const Depths& depths, const FineKey* keys,
                                 const std::uint8_t* used, std::size_t count, int precision,
                                 int whole) {
  std::uint64_t cost = 0;
  for (std::size_t begin = 0; begin < count; begin += kSummed) {
    const std::size_t end = std::min(count, begin + kSummed);
    std::uint32_t sum = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const auto kept = static_cast<std::uint16_t>(depths.of(keys[i]));
      const std::uint16_t bits = used[i] > precision ? static_cast<std::uint16_t>(whole) : kept;
      sum += has_key(keys[i]) ? bits : 0;
    }
    cost += sum;
  }
  return cost;
}

// Has elements stored whole that have more used bits than their depth. Those without a key have none.
inline void drop_deep(const Depths& depths, FineKey* keys, const std::uint8_t* used,
                      std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    keys[i] = used[i] > depths.of(keys[i]) ? kFineWhole : keys[i];
  }
}

// Makes the symbols of elements. `column` is null or has the shifts of their columns, and `origin` is
// that of the row. Both and the keys are those of the model.
template <bool kColumns>
void make_row_symbols(const Model& model, const FineKey* __restrict keys, std::size_t count,
                      std::uint16_t origin, const std::uint16_t* __restrict columns,
                      std::uint8_t* __restrict symbols) {
  const int cut = 1 + kMaxTopBits - model.top_bits;
  const int signs = model.sign_bits;
  const int low = model.low_key_bits();
  for (std::size_t i = 0; i < count; ++i) {
    const FineKey fine = keys[i];
    const auto key = static_cast<std::uint16_t>((fine >> cut) << signs | (fine & signs));
    auto from = origin;
    if constexpr (kColumns) from = static_cast<std::uint16_t>(from + (columns[i] << low));
    const auto above = static_cast<std::uint16_t>(key - from);
    const auto below = static_cast<std::uint16_t>(from - key);
    std::uint16_t symbol = below <= kWhole - kFirstBelow
                               ? static_cast<std::uint16_t>(kWhole - below)
                               : std::uint16_t{kWhole};
    symbol =
        above < kFirstBelow - kFirstKey ? static_cast<std::uint16_t>(above + kFirstKey) : symbol;
    // kFineZero, kFineMinusZero and kFineWhole follow each other.
    symbol = fine >= kFineZero ? static_cast<std::uint16_t>(fine - kFineZero) : symbol;
    symbol = fine == kFineWhole ? std::uint16_t{kWhole} : symbol;
    symbols[i] = static_cast<std::uint8_t>(symbol);
  }
}

}  // namespace bbz::codec::number
