// The keys of floats that have the same number of lower bits: those of normal numbers from the floor
// on. Their magnitudes are a multiple of the key, and a number.
#pragma once

#include "bbz/codec/number/merge.h"

namespace bbz::codec::number {

// The even keys of one row, by the symbols that they have.
struct EvenKeys {
  unsigned first = 0;             // symbol of the least one
  unsigned window = 0;            // number of symbols from there on that are even, or 0
  unsigned first_below = kWhole;  // the least symbol of an even key below the origin
  int stored = 0;                 // lower bits without the sign
  int shift = 0;                  // of these in an element
  int key_shift = 0;              // of a symbol
  std::uint64_t base = 0;         // the magnitude of symbol 0, if it were a key's

  // Finds those of a job. There are none if signs are in keys.
  explicit EvenKeys(const MergeJob& job) {
    const Model& model = job.model;
    const int mantissa = model.mantissa_bits();
    const int top = model.top_bits;
    if (model.kind != Kind::kFloat || model.sign_bits != 0 || top > mantissa) return;
    const int depth = std::min(mantissa, model.precision);
    // Symbols of the window are above the origin. None may overflow, in any column.
    const unsigned least = static_cast<unsigned>(std::max(mantissa, job.floor + depth)) << top;
    const std::uint64_t classes = (std::uint64_t{1} << (model.bits - 1 - mantissa)) - 1;
    const std::uint64_t end =
        std::min<std::uint64_t>((classes + static_cast<unsigned>(mantissa)) << top, 0x10000);
    const std::uint64_t origin = std::uint64_t{job.origin} + job.highest_column;
    if (job.origin > 0xFFFF || origin >= end) return;
    const unsigned above = least - std::min(least, job.origin);
    const auto keys =
        static_cast<unsigned>(std::min<std::uint64_t>(end - origin, kFirstBelow - kFirstKey));
    if (above >= keys) return;
    first = kFirstKey + above;
    window = keys - above;
    first_below = kWhole - std::min(job.origin - std::min(least, job.origin), kWhole - kFirstBelow);
    stored = std::max(depth - top, 0);
    shift = mantissa - depth;
    key_shift = mantissa - top;
    base = (std::uint64_t{job.origin} << key_shift) -
           (static_cast<std::uint64_t>(mantissa - 1) << mantissa) -
           (std::uint64_t{kFirstKey} << key_shift);
  }
};

}  // namespace bbz::codec::number
