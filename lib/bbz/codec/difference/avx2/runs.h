// The live tables of a block with AVX2, and what exponents say.
#pragma once

#include "bbz/codec/difference/avx2/format.h"

#if defined(__x86_64__)

BBZ_AVX2_BEGIN

namespace bbz::codec::difference::avx2 {

// The exponents of one live table, and its symbols.
template <class Pointer>
struct Run {
  V first;
  V width;  // less one
  Pointer at;

  // Returns the elements of the table, as bytes of 255.
  V elements(V exponents) const {
    const V above = _mm256_sub_epi8(exponents, first);
    return _mm256_cmpeq_epi8(_mm256_min_epu8(above, width), above);
  }
};

// The runs of the live tables.
template <class Pointer>
struct Runs {
  Run<Pointer> runs[kMaxTables];
  int count = 0;

  Runs(const Classes& classes, const std::array<Pointer, kMaxTables>& symbols) {
    for (int t = 0; t < classes.tables; ++t) {
      if (!classes.is_live(t)) continue;
      const int end = t + 1 < classes.tables ? classes.first[t + 1] : 1 << classes.exponent_bits;
      runs[count].first = _mm256_set1_epi8(static_cast<char>(classes.first[t]));
      runs[count].width = _mm256_set1_epi8(static_cast<char>(end - classes.first[t] - 1));
      runs[count].at = symbols[t];
      ++count;
    }
  }
  void store(const Classes& classes, std::array<Pointer, kMaxTables>& symbols) const {
    int found = 0;
    for (int t = 0; t < classes.tables; ++t) {
      if (classes.is_live(t)) symbols[t] = runs[found++].at;
    }
  }
};

// Computes the number of lower bits of elements.
struct LowBits {
  V reference;
  V most;

  explicit LowBits(const Classes& classes)
      : reference(_mm256_set1_epi8(static_cast<char>(classes.reference))),
        most(_mm256_set1_epi8(static_cast<char>(classes.most_low_bits()))) {}
  V operator()(V exponents) const {
    return _mm256_min_epu8(_mm256_subs_epu8(reference, exponents), most);
  }
};

// Returns bytes of 255 for the first elements of 32.
inline V first_elements(std::uint64_t count) {
  const V index = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
                                   19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
  return _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(count)), index);
}
inline bool is_zero(V v) {
  return _mm256_testz_si256(v, v) != 0;
}
inline V equal_bytes(V bytes, unsigned value) {
  return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(static_cast<char>(value)));
}

template <class Format>
BBZ_AVX2_INLINE void load_parts(const std::uint8_t* p, V (&parts)[Format::kParts]) {
  for (int i = 0; i < Format::kParts; ++i) parts[i] = load(p + 32 * i);
}

}  // namespace bbz::codec::difference::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
