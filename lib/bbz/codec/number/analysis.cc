#include "bbz/codec/number/analysis.h"

#include <array>
#include <bit>
#include <limits>
#include <numeric>

#include "bbz/codec/number/row_loops.h"

namespace bbz::codec::number {
namespace {

// What an escape costs beside its frequency, and a whole element beside that and its bits.
constexpr std::uint64_t kEscapeBits = 8;
// Keys without their shifts are counted from this bias on, which makes them positive. Keys of elements
// without one are far above all others.
constexpr unsigned kBias = 512U << kFineBits;
// The mean of a row without keys.
constexpr std::int64_t kNoMean = std::numeric_limits<std::int64_t>::min();

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

KeyAnalysis::KeyAnalysis(const Model& model, const split::Grid& grid,
                         const std::vector<FineKey>& keys, const Limits& limits)
    : model_(model), grid_(grid), keys_(keys), means_(grid.rows(), kNoMean) {
  for (std::uint64_t r = 0; r < means_.size(); ++r) {
    const RowOrders row =
        row_orders(keys.data() + grid.row_begin(r), keys.data() + grid.row_end(r));
    if (row.count == 0) continue;
    means_[r] = static_cast<std::int64_t>(row.sum) * kUnit / static_cast<std::int64_t>(row.count);
    lowest_ = std::min(lowest_, row.lowest);
    highest_ = std::max(highest_, row.highest);
  }
  if (lowest_ > highest_) return;
  const Counts all = count({});
  for (unsigned key = all.lowest; key <= all.highest; ++key) {
    const auto order = static_cast<int>((key - kBias) >> kFineBits);
    const int kept = depth(model, order, limits.floor, limits.precision);
    for (int t = 0; t <= kMaxTopBits; ++t) {
      stored_[t] +=
          std::uint64_t{all.keys[key]} * static_cast<std::uint64_t>(std::max(kept - t, 0));
    }
  }
}

Shifts KeyAnalysis::find_shifts(bool with_columns) const {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t mean : means_) {
    if (mean != kNoMean) least = std::min(least, mean);
  }
  Shifts shifts;
  shifts.rows.resize(means_.size());
  unsigned highest = 0;
  for (std::uint64_t r = 0; r < means_.size(); ++r) {
    if (means_[r] == kNoMean) continue;
    const auto shift = static_cast<unsigned>((means_[r] - least + kUnit / 2) / kUnit);
    shifts.rows[r] = static_cast<std::uint16_t>(std::min(shift, 255U));
    highest = std::max(highest, shift);
  }
  if (with_columns) shifts.columns = find_columns();
  if (highest == 0) shifts.rows.clear();
  return shifts;
}

std::vector<std::uint16_t> KeyAnalysis::find_columns() const {
  std::vector<std::int64_t> sums(grid_.width);
  std::vector<std::uint32_t> counts(grid_.width);
  for (std::uint64_t r = 0; r < means_.size(); ++r) {
    if (means_[r] == kNoMean) continue;
    const FineKey* const keys = keys_.data() + grid_.row_begin(r);
    const std::uint64_t count = grid_.row_end(r) - grid_.row_begin(r);
    std::int64_t* const row_sums = sums.data() + (r == 0 ? grid_.first : 0);
    std::uint32_t* const row_counts = counts.data() + (r == 0 ? grid_.first : 0);
    const auto mean = static_cast<std::int32_t>(means_[r]);
    for (std::uint64_t i = 0; i < count; ++i) {
      const bool is_keyed = has_key(keys[i]);
      row_sums[i] += is_keyed ? order_of(keys[i]) * static_cast<std::int32_t>(kUnit) - mean : 0;
      row_counts[i] += is_keyed ? 1 : 0;
    }
  }
  std::int64_t lowest = std::numeric_limits<std::int64_t>::max();
  for (std::size_t c = 0; c < sums.size(); ++c) {
    if (counts[c] != 0) lowest = std::min(lowest, sums[c] / counts[c]);
  }
  std::vector<std::uint16_t> columns(grid_.width);
  unsigned highest = 0;
  for (std::size_t c = 0; c < sums.size(); ++c) {
    if (counts[c] == 0) continue;
    const auto shift = static_cast<unsigned>((sums[c] / counts[c] - lowest + kUnit / 2) / kUnit);
    columns[c] = static_cast<std::uint16_t>(std::min(shift, 255U));
    highest = std::max(highest, shift);
  }
  if (highest == 0) columns.clear();
  return columns;
}

KeyAnalysis::Counts KeyAnalysis::count(const Shifts& shifts) const {
  // Neighbours are counted in two tables, since the processor waits for a count that it just changed.
  // They are zeros between calls but for the counts that the last one returned.
  constexpr std::size_t kSize = kBias + (1U << 16);
  thread_local std::vector<std::uint32_t> tables(2 * kSize);
  thread_local unsigned last_lowest = 0;
  thread_local unsigned last_end = 0;
  std::uint32_t* const first = tables.data();
  std::uint32_t* const second = first + kSize;
  std::fill(first + last_lowest, first + last_end, 0);
  unsigned most_shift = 0;
  for (std::uint64_t r = 0; r < means_.size(); ++r) {
    const FineKey* const keys = keys_.data() + grid_.row_begin(r);
    const std::uint64_t count = grid_.row_end(r) - grid_.row_begin(r);
    const unsigned shift = shifts.of_row(r);
    most_shift = std::max(most_shift, shift);
    std::uint32_t* const a = first + kBias - (shift << kFineBits);
    std::uint32_t* const b = a + kSize;
    std::uint64_t i = 0;
    if (shifts.columns.empty()) {
      for (; i + 2 <= count; i += 2) {
        ++a[keys[i]];
        ++b[keys[i + 1]];
      }
      if (i < count) ++a[keys[i]];
      continue;
    }
    const std::uint16_t* const columns = shifts.columns.data() + (r == 0 ? grid_.first : 0);
    for (; i + 2 <= count; i += 2) {
      ++a[keys[i] - (std::ptrdiff_t{columns[i]} << kFineBits)];
      ++b[keys[i + 1] - (std::ptrdiff_t{columns[i + 1]} << kFineBits)];
    }
    if (i < count) ++a[keys[i] - (std::ptrdiff_t{columns[i]} << kFineBits)];
  }
  for (const std::uint16_t column : shifts.columns)
    most_shift = std::max(most_shift, 255U + column);
  Counts counts;
  counts.keys = first;
  // Shifts leave the lower bits as they are.
  for (std::size_t at = kSize - (1U << kFineBits);; at -= 1U << kFineBits) {
    for (const auto& [value, sum] :
         {std::pair{kFineZero, &counts.zeros}, std::pair{kFineMinusZero, &counts.minus_zeros},
          std::pair{kFineWhole, &counts.wholes}}) {
      const std::size_t place = at + value % (1U << kFineBits);
      *sum += first[place] + std::uint64_t{second[place]};
      first[place] = second[place] = 0;
    }
    if (at + (most_shift << kFineBits) <= kSize - (1U << kFineBits)) break;
  }
  last_lowest = last_end = 0;
  if (lowest_ > highest_) return counts;
  const unsigned begin = kBias + lowest_ - (most_shift << kFineBits);
  const unsigned end = kBias + highest_ + 1;
  for (unsigned key = begin; key < end; ++key) {
    first[key] += second[key];
    second[key] = 0;
    if (first[key] == 0) continue;
    counts.lowest = std::min(counts.lowest, key);
    counts.highest = key;
  }
  last_lowest = begin;
  last_end = end;
  return counts;
}

KeyChoice KeyAnalysis::choose_keys(const Shifts& shifts) const {
  const Counts fine = count(shifts);
  const std::uint64_t zeros = fine.zeros;
  const std::uint64_t minus_zeros = fine.minus_zeros;
  const std::uint64_t wholes = fine.wholes;
  KeyChoice best;
  best.cost = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t total = grid_.elements;
  const std::uint64_t keyed = total - zeros - minus_zeros - wholes;
  const auto entropy = [total](std::uint64_t count) {
    return count == 0 ? 0 : count * (split::log2_fixed(total) - split::log2_fixed(count));
  };
  std::vector<std::uint32_t> counts;
  for (int t = 0; t <= kMaxTopBits; ++t) {
    for (int u = 0; u <= 1; ++u) {
      // Coarse keys from that of `lowest` on.
      Model coarser = model_;
      coarser.top_bits = t;
      coarser.sign_bits = u;
      counts.clear();
      unsigned from = 0;
      if (keyed != 0) {
        const auto at = [&](unsigned key) {
          const unsigned rest = key >> (1 + kMaxTopBits - t);
          return u != 0 ? rest << 1 | (key & 1) : rest;
        };
        from = at(fine.lowest & ~1U);
        counts.resize(at(fine.highest | 1U) - from + 1);
        for (unsigned key = fine.lowest; key <= fine.highest; ++key) {
          if (fine.keys[key] != 0) counts[at(key) - from] += fine.keys[key];
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
      bits += whole * static_cast<std::uint64_t>(model_.bits) * kBit;
      bits += (stored_[t] + (u == 0 ? keyed : 0)) * kBit;
      if (bits >= best.cost) continue;
      best.cost = bits;
      best.top_bits = t;
      best.sign_bits = u;
      const unsigned unbiased =
          static_cast<unsigned>(begin) + from - (kBias >> kFineBits << coarser.low_key_bits());
      best.base = static_cast<std::uint16_t>(unbiased);
    }
  }
  best.cost /= kBit;
  return best;
}

}  // namespace bbz::codec::number
