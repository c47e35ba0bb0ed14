// The instructions that only the kernel of the difference codec uses. immintrin.h includes them.
#pragma once
#pragma GCC system_header  // the names are those that are reserved for compilers

#include "emulated/lanes.h"

namespace bbz::emulated {

// Lanes where the mask says so, and zero elsewhere.
template <class T>
Register keep(Mask mask, Register v) {
  return blend<T>(mask, {}, v);
}

// The lanes of T of half or a quarter of a register, widened.
template <class Narrow, class T, class Part>
Register widen(Part v) {
  const auto in = std::bit_cast<std::array<Narrow, sizeof(Part) / sizeof(Narrow)>>(v);
  Lanes<T> out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = in[i];
  return of<T>(out);
}

}  // namespace bbz::emulated

// Parts of registers.

inline __m128i _mm_set_epi64x(long long high, long long low) {
  return std::bit_cast<__m128i>(std::array<long long, 2>{low, high});
}
inline long long _mm_extract_epi64(__m128i v, int at) {
  return std::bit_cast<std::array<long long, 2>>(v)[static_cast<std::size_t>(at)];
}
inline long long _mm_cvtsi128_si64(__m128i v) {
  return _mm_extract_epi64(v, 0);
}
inline __m128i _mm256_extracti128_si256(__m256i v, int at) {
  __m128i part;
  std::copy_n(v.bytes.begin() + 16 * at, 16, part.bytes.begin());
  return part;
}
inline __m128i _mm256_castsi256_si128(__m256i v) {
  return _mm256_extracti128_si256(v, 0);
}
inline __m128i _mm512_castsi512_si128(__m512i v) {
  return _mm256_castsi256_si128(_mm512_castsi512_si256(v));
}
inline __m256i _mm256_inserti128_si256(__m256i v, __m128i part, int at) {
  std::copy(part.bytes.begin(), part.bytes.end(), v.bytes.begin() + 16 * at);
  return v;
}
inline __m256i _mm256_castsi128_si256(__m128i v) {
  __m256i out;
  out.bytes.fill(0xA5);  // not defined
  return _mm256_inserti128_si256(out, v, 0);
}
inline __m512i _mm512_castsi128_si512(__m128i v) {
  return _mm512_castsi256_si512(_mm256_castsi128_si256(v));
}

// Arithmetic.

inline __m512i _mm512_subs_epu8(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint8_t>([](auto x, auto y) { return x > y ? x - y : 0; }, a, b);
}
inline __m512i _mm512_mask_add_epi8(__m512i other, __mmask64 mask, __m512i a, __m512i b) {
  return bbz::emulated::blend<std::uint8_t>(mask, other, _mm512_add_epi8(a, b));
}
inline __m512i _mm512_min_epu8(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint8_t>([](auto x, auto y) { return x < y ? x : y; }, a, b);
}
inline __m512i _mm512_min_epu16(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint16_t>([](auto x, auto y) { return x < y ? x : y; }, a, b);
}
inline __m512i _mm512_min_epu32(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint32_t>([](auto x, auto y) { return x < y ? x : y; }, a, b);
}

// Shifts.

inline __m512i _mm512_sllv_epi64(__m512i v, __m512i by) {
  return bbz::emulated::map<std::uint64_t>([](auto x, auto n) { return n < 64 ? x << n : 0; }, v,
                                           by);
}
inline __m512i _mm512_srlv_epi16(__m512i v, __m512i by) {
  return bbz::emulated::map<std::uint16_t>([](auto x, auto n) { return n < 16 ? x >> n : 0; }, v,
                                           by);
}
inline __m512i _mm512_srlv_epi32(__m512i v, __m512i by) {
  return bbz::emulated::map<std::uint32_t>([](auto x, auto n) { return n < 32 ? x >> n : 0; }, v,
                                           by);
}

// Moving lanes.

inline __m512i _mm512_set4_epi32(int d, int c, int b, int a) {
  bbz::emulated::Lanes<int> out;
  for (std::size_t i = 0; i < 16; i += 4) {
    out[i] = a;
    out[i + 1] = b;
    out[i + 2] = c;
    out[i + 3] = d;
  }
  return bbz::emulated::of<int>(out);
}
// The upper registers of b above a, by eight bytes times `by`.
// Bytes of the same 16; zero where the highest bit of `at` is set.
inline __m512i _mm512_shuffle_epi8(__m512i v, __m512i at) {
  __m512i out;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint8_t from = at.bytes[i];
    out.bytes[i] = from < 128 ? v.bytes[i / 16 * 16 + from % 16] : 0;
  }
  return out;
}
inline __m512i _mm512_permutexvar_epi32(__m512i at, __m512i v) {
  return bbz::emulated::permute<std::uint32_t>(v, at, v);
}
inline __m512i _mm512_maskz_expand_epi8(__mmask64 mask, __m512i v) {
  return _mm512_mask_expand_epi8({}, mask, v);
}
inline __m512i _mm512_maskz_mov_epi8(__mmask64 mask, __m512i v) {
  return bbz::emulated::keep<std::uint8_t>(mask, v);
}
inline __m512i _mm512_maskz_mov_epi16(__mmask32 mask, __m512i v) {
  return bbz::emulated::keep<std::uint16_t>(mask, v);
}
inline __m512i _mm512_maskz_mov_epi32(__mmask16 mask, __m512i v) {
  return bbz::emulated::keep<std::uint32_t>(mask, v);
}
inline __m128i _mm512_cvtepi32_epi8(__m512i v) {
  const auto in = bbz::emulated::lanes<std::uint32_t>(v);
  __m128i out;
  for (std::size_t i = 0; i < 16; ++i) out.bytes[i] = static_cast<std::uint8_t>(in[i]);
  return out;
}

// Masks.

inline __mmask64 _mm512_test_epi8_mask(__m512i a, __m512i b) {
  return static_cast<__mmask64>(
      bbz::emulated::where<std::uint8_t>([](auto x, auto y) { return (x & y) != 0; }, a, b));
}
inline __mmask16 _mm512_test_epi32_mask(__m512i a, __m512i b) {
  return static_cast<__mmask16>(
      bbz::emulated::where<std::uint32_t>([](auto x, auto y) { return (x & y) != 0; }, a, b));
}
inline __mmask64 _mm512_mask_cmple_epu8_mask(__mmask64 mask, __m512i a, __m512i b) {
  return mask & bbz::emulated::where<std::uint8_t>([](auto x, auto y) { return x <= y; }, a, b);
}
inline __mmask64 _mm512_mask_cmpge_epu8_mask(__mmask64 mask, __m512i a, __m512i b) {
  return mask & bbz::emulated::where<std::uint8_t>([](auto x, auto y) { return x >= y; }, a, b);
}

// Bits of integers.

// The lowest bits of x, where the mask has ones.
inline unsigned long long _pdep_u64(unsigned long long x, unsigned long long mask) {
  unsigned long long out = 0;
  for (; mask != 0; mask &= mask - 1, x >>= 1) {
    if ((x & 1) != 0) out |= mask & (0 - mask);
  }
  return out;
}
// The bits of x where the mask has ones, as the lowest.
inline unsigned long long _pext_u64(unsigned long long x, unsigned long long mask) {
  unsigned long long out = 0;
  for (unsigned n = 0; mask != 0; mask &= mask - 1, ++n) {
    out |= static_cast<unsigned long long>((x & mask & (0 - mask)) != 0) << n;
  }
  return out;
}
