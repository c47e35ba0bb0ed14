// The loops that make elements of every kind one by one.
//
// A file that includes this header defines BBZ_LOOPS_BEGIN and BBZ_LOOPS_END, between which functions
// are compiled for its instruction set; see codec/split/avx512/avx512.h. `Tag` is a type of that file,
// so that it has functions of its own.
#pragma once

#include <cstring>

#include "bbz/codec/number/merge.h"

#ifndef BBZ_LOOPS_BEGIN  // for every machine
#define BBZ_LOOPS_BEGIN
#define BBZ_LOOPS_END
#endif

BBZ_LOOPS_BEGIN

namespace bbz::codec::number {

// What the symbols below kFirstEscaped mean in one row.
using SymbolTable = std::array<KeyMeaning, kFirstEscaped>;

// So few elements are made without a table.
inline constexpr std::uint64_t kFew = 16;

// T is the unsigned integer of an element's size, at least a byte.
template <class Tag, class T>
struct Loops {
  static constexpr int kSign = 8 * sizeof(T) - 1;

  static T order(T element) {
    return element >> kSign != 0 ? static_cast<T>(element ^ low_mask(kSign)) : element;
  }

  // Returns what is above the element at this place, as the model takes it.
  static T above(const MergeJob& job, std::uint64_t place, std::uint64_t rows) {
    if (place < rows * job.width) return 0;
    const T element = load_le<T>(job.out + (place - rows * job.width) * sizeof(T));
    return job.model.has_ordered_floats() ? order(element) : element;
  }

  static T predicted(const MergeJob& job, std::uint64_t place) {
    const T once = above(job, place, 1);
    if (job.model.kind == Kind::kFirstDifference || place < 2 * job.width) return once;
    return static_cast<T>(2 * once - above(job, place, 2));
  }

  // Returns the element of a sign and a magnitude. `is_zero` is whether it is that of a zero's symbol.
  template <Kind kKind>
  static T element_of(const MergeJob& job, std::uint64_t place, bool sign, std::uint64_t magnitude,
                      bool is_zero) {
    if constexpr (kKind == Kind::kFloat) {
      return static_cast<T>(static_cast<T>(T{sign} << kSign) |
                            static_cast<T>(magnitude & low_mask(kSign)));
    }
    // Signs are random: a branch would often be predicted wrong.
    const std::uint64_t flip = 0 - std::uint64_t{sign};
    const std::uint64_t value = (magnitude ^ flip) - flip;
    if constexpr (kKind == Kind::kInteger) return static_cast<T>(job.centre + value);
    if constexpr (kKind == Kind::kScaled) {
      if (is_zero && sign) return static_cast<T>(T{1} << kSign);
      return static_cast<T>(
          scaled(job.model, static_cast<std::int16_t>(job.centre + value), job.scale));
    }
    const T sum = static_cast<T>(predicted(job, place) + value);
    return job.model.has_ordered_floats() ? order(sum) : sum;
  }

  static void store(const MergeJob& job, std::uint64_t place, T element) {
    if (sizeof(T) == 1 && job.model.bits == 4) {
      std::uint8_t& byte = job.out[place / 2];
      const auto nibble = static_cast<std::uint8_t>(element & 15);
      byte = place % 2 == 0 ? nibble : static_cast<std::uint8_t>(byte | nibble << 4);
    } else {
      store_le(job.out + place * sizeof(T), element);
    }
  }

  // Makes one element, whatever its symbol is, though lower bits may be missing. Returns false if a
  // whole element is.
  template <Kind kKind>
  static bool merge_one(MergeJob& job, std::uint64_t i) {
    const unsigned symbol = job.symbols[i];
    const std::uint64_t place = job.element + i;
    if (symbol == kWhole) {
      if (job.wholes.at == job.wholes.end) {
        job.overrun = true;
        return false;
      }
      store(job, place, load_le<T>(job.wholes.at));
      job.wholes.at += sizeof(T);
      return true;
    }
    KeyMeaning meaning;
    if (symbol >= kFirstKey) {
      const unsigned column = job.columns == nullptr ? 0 : job.columns[i];
      meaning = meaning_of(job.model, key_of_symbol(symbol, job.origin + column), job.floor);
    } else {
      meaning.sign = symbol == kMinusZero ? 1 : 0;
    }
    std::uint64_t low = job.low.take(meaning.low_bits);
    bool sign = meaning.sign != 0;
    if (job.model.sign_bits == 0) {
      sign |= (low & 1) != 0;
      low >>= 1;
    }
    const std::uint64_t magnitude = meaning.magnitude + (low << meaning.shift);
    store(job, place, element_of<kKind>(job, place, sign, magnitude, symbol < kFirstKey));
    return true;
  }

  // Returns the lower bits from a bit on. Nine bytes are readable there.
  static std::uint64_t bits_at(const std::uint8_t* low, std::uint64_t at) {
    const std::uint64_t bits = load_le<std::uint64_t>(low + at / 8) >> (at % 8);
    if constexpr (sizeof(T) < 8) return bits;
    return bits | std::uint64_t{low[at / 8 + 8]} << 1 << (63 - at % 8);
  }

  // Makes the elements from `i` on, up to the first that is escaped, and returns its index. The lower
  // bits of all are there. `meaning` returns the meaning of a symbol of an element.
  template <Kind kKind, bool kStoredSign, class Meaning>
  static std::uint64_t merge_run(const MergeJob& job, std::uint64_t i, std::uint64_t end,
                                 std::uint64_t& low_at, Meaning meaning) {
    std::uint64_t at = low_at;
    for (; i < end; ++i) {
      const unsigned symbol = job.symbols[i];
      if (symbol >= kFirstEscaped) break;
      const KeyMeaning& key = meaning(symbol, i);
      std::uint64_t low = bits_at(job.low.begin, at) & low_mask(key.low_bits);
      at += key.low_bits;
      bool sign = key.sign != 0;
      if constexpr (kStoredSign) {
        sign |= (low & 1) != 0;
        low >>= 1;
      }
      const std::uint64_t magnitude = key.magnitude + (low << key.shift);
      const std::uint64_t place = job.element + i;
      store(job, place, element_of<kKind>(job, place, sign, magnitude, symbol < kFirstKey));
    }
    low_at = at;
    return i;
  }

  template <Kind kKind, class Meaning>
  static void merge_with(MergeJob& job, Meaning meaning) {
    const auto most = static_cast<std::uint64_t>(most_low_bits(job.model));
    const MergeJob input = job;  // stores of bytes cannot change it
    for (std::uint64_t i = 0; i < job.count;) {
      const std::uint64_t left = job.low.is_overrun() ? 0 : job.low.size - job.low.at;
      const std::uint64_t whole = most == 0 ? job.count - i : left / most;
      const std::uint64_t end = i + std::min(whole, job.count - i);
      i = job.model.sign_bits == 0 ? merge_run<kKind, true>(input, i, end, job.low.at, meaning)
                                   : merge_run<kKind, false>(input, i, end, job.low.at, meaning);
      if (i < job.count && !merge_one<kKind>(job, i++)) return;
    }
  }

  template <Kind kKind>
  static void merge(MergeJob& job) {
    if (job.count < kFew || (job.has_own_floor && job.columns != nullptr)) {
      for (std::uint64_t i = 0; i < job.count && merge_one<kKind>(job, i); ++i) {
      }
      return;
    }
    SymbolTable table{};
    table[kMinusZero].sign = 1;
    const KeyMeaning* const keys = job.keys->begin() + job.shift;
    if (job.columns != nullptr) {
      const std::uint16_t* const columns = job.columns;
      return merge_with<kKind>(
          job, [&table, keys, columns](unsigned symbol, std::uint64_t i) -> const KeyMeaning& {
            return symbol < kFirstKey ? table[symbol] : keys[columns[i] + (symbol - kFirstKey)];
          });
    }
    std::copy_n(keys, kWindow, table.begin() + kFirstKey);
    if (job.has_own_floor) {
      for (unsigned i = kFirstKey; i < kFirstEscaped; ++i) table[i].set_floor(job.model, job.floor);
    }
    merge_with<kKind>(job, [&table](unsigned symbol, std::uint64_t) -> const KeyMeaning& {
      return table[symbol];
    });
  }
};

// Calls f<Loops, Kind>() for a model, with kFirstDifference for both kinds of differences.
template <class Loop, class F>
void with_kind(const Model& model, F f) {
  switch (model.kind) {
    case Kind::kFloat:
      return f.template operator()<Loop, Kind::kFloat>();
    case Kind::kInteger:
      return f.template operator()<Loop, Kind::kInteger>();
    case Kind::kScaled:
      return f.template operator()<Loop, Kind::kScaled>();
    default:
      return f.template operator()<Loop, Kind::kFirstDifference>();
  }
}
template <class Tag, class F>
void with_loops(const Model& model, F f) {
  switch (model.bits) {
    case 4:
    case 8:
      return with_kind<Loops<Tag, std::uint8_t>>(model, f);
    case 16:
      return with_kind<Loops<Tag, std::uint16_t>>(model, f);
    case 32:
      return with_kind<Loops<Tag, std::uint32_t>>(model, f);
    default:
      return with_kind<Loops<Tag, std::uint64_t>>(model, f);
  }
}

// Makes the elements of a job.
template <class Tag>
void loop_merge(MergeJob& job) {
  with_loops<Tag>(job.model, [&]<class Loop, Kind kKind>() { Loop::template merge<kKind>(job); });
}
// Makes some elements of a job: `count` of them, after those that were made before.
template <class Tag>
void loop_merge(MergeJob& job, std::uint64_t first, std::uint64_t count) {
  MergeJob part = job;
  part.element += first;
  part.count = count;
  part.symbols += first;
  if (part.columns != nullptr) part.columns += first;
  loop_merge<Tag>(part);
  job.low = part.low;
  job.wholes = part.wholes;
  job.overrun = part.overrun;
}

}  // namespace bbz::codec::number

BBZ_LOOPS_END
