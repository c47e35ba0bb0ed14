// The live tables of a block with AVX-512, and the lower bits of its elements.
#pragma once

#include "bbz/codec/difference/avx512/format.h"

#if defined(__x86_64__)

#include <utility>

BBZ_AVX512_BEGIN

namespace bbz::codec::difference::avx512 {

// Calls f with the constants 0, 1, ... Array elements stay in registers only if their indices are
// constants.
template <int kCount, class F>
BBZ_AVX512_INLINE void for_each(F f) {
  const auto all = [&]<int... kI>(std::integer_sequence<int, kI...>)
      __attribute__((always_inline)) {
    (f(std::integral_constant<int, kI>{}), ...);
  };
  all(std::make_integer_sequence<int, kCount>{});
}

// The exponents of one live table, and its symbols.
template <class Pointer>
struct Run {
  V first;
  V width;  // less one
  Pointer at;

  Run() {}
  // Returns the lanes of the table.
  __mmask64 lanes(V exponents, __mmask64 active) const {
    return _mm512_mask_cmple_epu8_mask(active, _mm512_sub_epi8(exponents, first), width);
  }
};

// Fills the runs of the live tables.
template <int kLive, class Job, class Pointer>
void find_runs(const Job& job, Run<Pointer> (&runs)[kLive]) {
  const Classes& classes = *job.classes;
  int found = 0;
  for (int t = 0; t < classes.tables; ++t) {
    if (!classes.is_live(t)) continue;
    const int end = t + 1 < classes.tables ? classes.first[t + 1] : 1 << classes.exponent_bits;
    runs[found].first = _mm512_set1_epi8(static_cast<char>(classes.first[t]));
    runs[found].width = _mm512_set1_epi8(static_cast<char>(end - classes.first[t] - 1));
    runs[found].at = job.symbols[t];
    ++found;
  }
}

// Computes the number of lower bits of elements.
struct LowBits {
  V reference;
  V most;

  explicit LowBits(const Classes& classes)
      : reference(_mm512_set1_epi8(static_cast<char>(classes.reference))),
        most(_mm512_set1_epi8(static_cast<char>(classes.most_low_bits()))) {}
  V operator()(V exponents) const {
    return _mm512_min_epu8(_mm512_subs_epu8(reference, exponents), most);
  }
};

// Returns masks of as many bits as bytes say, of which each is at most 8.
inline V masks_of(V bits) {
  return _mm512_shuffle_epi8(_mm512_set4_epi32(0, 0xFF, 0x7F3F1F0F, 0x07030100), bits);
}

// Calls `f` with the number of live tables as a constant.
template <class F>
void with_live(const Classes& classes, F f) {
  switch (__builtin_popcount(classes.live)) {
    case 0:
    case 1:
      return f(std::integral_constant<int, 1>{});
    case 2:
      return f(std::integral_constant<int, 2>{});
    case 3:
      return f(std::integral_constant<int, 3>{});
    case 4:
      return f(std::integral_constant<int, 4>{});
    case 5:
      return f(std::integral_constant<int, 5>{});
    case 6:
      return f(std::integral_constant<int, 6>{});
    case 7:
      return f(std::integral_constant<int, 7>{});
    default:
      return f(std::integral_constant<int, 8>{});
  }
}

}  // namespace bbz::codec::difference::avx512

BBZ_AVX512_END

#endif  // defined(__x86_64__)
