#include "bbz/codec/number/analysis.h"

#include <array>
#include <bit>
#include <limits>
#include <numeric>

namespace bbz::codec::number {
namespace {

// What an escape costs beside its frequency, and a whole element beside that and its bits.
constexpr std::uint64_t kEscapeBits = 8;

}  // namespace

UsedBits::UsedBits(const Model& model) : model_(model) {
  const int exponents = model.kind == Kind::kFloat ? 1 << (model.bits - 1 - model.float_bits) : 2;
  counts_.resize(static_cast<std::size_t>(exponents + model.mantissa_bits()) * kStride);
}

std::vector<UsedBits::Entry> UsedBits::entries() const {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    entries.push_back({static_cast<int>(i / kStride), static_cast<int>(i % kStride), counts_[i]});
  }
  return entries;
}

std::uint64_t UsedBits::cost(const std::vector<Entry>& entries, const Limits& limits) const {
  std::uint64_t sum = 0;
  const auto whole = static_cast<std::uint64_t>(model_.bits) + 2 * kEscapeBits;
  for (const Entry& e : entries) {
    const int kept = depth(model_, e.order, limits.floor, limits.precision);
    sum += e.count * (e.used > kept ? whole : static_cast<std::uint64_t>(kept));
  }
  return sum;
}

UsedBits::Choice UsedBits::choose() const {
  // The values that limits may have, of those that are there.
  Limits most;
  int least_floor = std::numeric_limits<int>::max();
  int most_floor = 0;
  const std::vector<Entry> all = entries();
  for (const Entry& e : all) {
    most.precision = std::max(most.precision, e.used);
    least_floor = std::min(least_floor, e.order - e.used);
    most_floor = std::max(most_floor, e.order - e.used);
  }
  if (least_floor > most_floor) return {};
  most.floor = std::min(least_floor, 255);
  Choice best{most, cost(all, most), most.precision};
  const auto try_limits = [&](const Limits& limits) {
    const std::uint64_t c = cost(all, limits);
    if (c >= best.cost) return;
    best.cost = c;
    best.limits = limits;
  };
  for (int round = 0; round < 2; ++round) {
    const Limits before = best.limits;
    for (int p = 0; p < most.precision; ++p) try_limits({p, before.floor});
    const int precision = best.limits.precision;
    for (int f = least_floor; f <= std::min(most_floor, 255); ++f) try_limits({precision, f});
  }
  // Elements that all have as many bits are decoded fastest, so a floor must save a little.
  const Limits unlimited{best.limits.precision, 0};
  const std::uint64_t without = cost(all, unlimited);
  if (without - without / kFloorWorth <= best.cost) {
    best.limits = unlimited;
    best.cost = without;
  }
  return best;
}

Shifts find_shifts(const split::Grid& grid, const std::vector<FineKey>& keys, bool with_columns) {
  constexpr std::int64_t kUnit = 16;
  const std::uint64_t rows = grid.rows();
  std::vector<std::int64_t> means(rows, std::numeric_limits<std::int64_t>::min());
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (std::uint64_t r = 0; r < rows; ++r) {
    std::int64_t sum = 0;
    std::int64_t count = 0;
    for (std::uint64_t i = grid.row_begin(r); i < grid.row_end(r); ++i) {
      if (!has_key(keys[i])) continue;
      sum += order_of(keys[i]);
      ++count;
    }
    if (count == 0) continue;
    means[r] = sum * kUnit / count;
    least = std::min(least, means[r]);
  }
  Shifts shifts;
  shifts.rows.resize(rows);
  unsigned highest = 0;
  for (std::uint64_t r = 0; r < rows; ++r) {
    if (means[r] < least) continue;  // a row without keys
    const auto shift = static_cast<unsigned>((means[r] - least + kUnit / 2) / kUnit);
    shifts.rows[r] = static_cast<std::uint16_t>(std::min(shift, 255U));
    highest = std::max(highest, shift);
  }
  if (with_columns) {
    std::vector<std::int64_t> sums(grid.width);
    std::vector<std::int64_t> counts(grid.width);
    for (std::uint64_t r = 0; r < rows; ++r) {
      std::uint64_t column = r == 0 ? grid.first : 0;
      for (std::uint64_t i = grid.row_begin(r); i < grid.row_end(r); ++i, ++column) {
        if (!has_key(keys[i])) continue;
        sums[column] += order_of(keys[i]) * kUnit - means[r];
        ++counts[column];
      }
    }
    std::int64_t lowest = std::numeric_limits<std::int64_t>::max();
    for (std::size_t c = 0; c < sums.size(); ++c) {
      if (counts[c] != 0) lowest = std::min(lowest, sums[c] / counts[c]);
    }
    shifts.columns.resize(grid.width);
    unsigned highest_column = 0;
    for (std::size_t c = 0; c < sums.size(); ++c) {
      if (counts[c] == 0) continue;
      const auto shift = static_cast<unsigned>((sums[c] / counts[c] - lowest + kUnit / 2) / kUnit);
      shifts.columns[c] = static_cast<std::uint16_t>(std::min(shift, 255U));
      highest_column = std::max(highest_column, shift);
    }
    if (highest_column == 0) shifts.columns.clear();
  }
  if (highest == 0) shifts.rows.clear();
  return shifts;
}

KeyChoice choose_keys(const Model& model, const split::Grid& grid, const std::vector<FineKey>& keys,
                      const Shifts& shifts, const Limits& limits) {
  // Keys without their shifts, from a bias on that makes them positive.
  constexpr unsigned kBias = 512U << kFineBits;
  thread_local std::vector<std::uint32_t> fine(kBias + (1U << 16));  // zeros, between calls too
  std::array<std::uint32_t, 1U << (16 - kFineBits)> orders{};
  std::uint64_t zeros = 0;
  std::uint64_t minus_zeros = 0;
  std::uint64_t wholes = 0;
  unsigned lowest = ~0U;
  unsigned highest = 0;
  std::uint64_t stored[kMaxTopBits + 1] = {};  // bits beside the key, for each number of top bits
  for (std::uint64_t r = 0; r < grid.rows(); ++r) {
    std::uint64_t column = r == 0 ? grid.first : 0;
    for (std::uint64_t i = grid.row_begin(r); i < grid.row_end(r); ++i, ++column) {
      const FineKey key = keys[i];
      if (!has_key(key)) {
        ++(key == kFineZero ? zeros : key == kFineMinusZero ? minus_zeros : wholes);
        continue;
      }
      const unsigned shifted = kBias + key - (shifts.of(r, column) << kFineBits);
      ++fine[shifted];
      lowest = std::min(lowest, shifted);
      highest = std::max(highest, shifted);
      ++orders[static_cast<std::size_t>(order_of(key))];
    }
  }
  for (std::size_t i = 0; i < orders.size(); ++i) {
    if (orders[i] == 0) continue;
    const auto order = static_cast<int>(i);
    const int kept = depth(model, order, limits.floor, limits.precision);
    for (int t = 0; t <= kMaxTopBits; ++t) {
      stored[t] += std::uint64_t{orders[i]} * static_cast<std::uint64_t>(std::max(kept - t, 0));
    }
  }
  KeyChoice best;
  best.cost = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t total = grid.elements;
  const std::uint64_t keyed = total - zeros - minus_zeros - wholes;
  const auto entropy = [total](std::uint64_t count) {
    return count == 0 ? 0 : count * (split::log2_fixed(total) - split::log2_fixed(count));
  };
  std::vector<std::uint32_t> counts;
  for (int t = 0; t <= kMaxTopBits; ++t) {
    for (int u = 0; u <= 1; ++u) {
      // Coarse keys from that of `lowest` on.
      Model coarser = model;
      coarser.top_bits = t;
      coarser.sign_bits = u;
      counts.clear();
      unsigned from = 0;
      if (keyed != 0) {
        const auto at = [&](unsigned key) {
          const unsigned rest = key >> (1 + kMaxTopBits - t);
          return u != 0 ? rest << 1 | (key & 1) : rest;
        };
        from = at(lowest & ~1U);
        counts.resize(at(highest | 1U) - from + 1);
        for (unsigned key = lowest; key <= highest; ++key) {
          if (fine[key] != 0) counts[at(key) - from] += fine[key];
        }
      }
      constexpr std::size_t kSymbols = split::kMaxSymbols - kFirstKey;
      // The window of keys that are symbols, which has as many elements as can be.
      std::uint64_t inside = 0;
      std::uint64_t most = 0;
      std::size_t begin = 0;
      for (std::size_t i = 0; i < counts.size(); ++i) {
        inside += counts[i];
        if (i >= kSymbols) inside -= counts[i - kSymbols];
        if (inside > most) {
          most = inside;
          begin = i >= kSymbols - 1 ? i - (kSymbols - 1) : 0;
        }
      }
      std::uint64_t bits = entropy(zeros) + entropy(minus_zeros);
      std::uint64_t escaped = wholes;
      std::uint64_t whole = wholes;
      for (std::size_t i = 0; i < counts.size(); ++i) {
        const bool is_coded = i >= begin && i < begin + kSymbols &&
                              counts[i] * std::uint64_t{5} * split::kSlots >= total;
        if (is_coded) {
          bits += entropy(counts[i]);
        } else {
          escaped += counts[i];
          const bool is_reached =
              i + (kWhole - kFirstBelow) >= begin && i < begin + kFirstBelow - kFirstKey;
          if (!is_reached) whole += counts[i];
        }
      }
      bits += entropy(escaped) + escaped * kEscapeBits * kBit;
      bits += whole * static_cast<std::uint64_t>(model.bits) * kBit;
      bits += (stored[t] + (u == 0 ? keyed : 0)) * kBit;
      if (bits >= best.cost) continue;
      best.cost = bits;
      best.top_bits = t;
      best.sign_bits = u;
      const unsigned unbiased =
          static_cast<unsigned>(begin) + from - (kBias >> kFineBits << coarser.low_key_bits());
      best.base = static_cast<std::uint16_t>(unbiased);
    }
  }
  if (keyed != 0) std::fill(fine.begin() + lowest, fine.begin() + highest + 1, 0);
  best.cost /= kBit;
  return best;
}

}  // namespace bbz::codec::number
