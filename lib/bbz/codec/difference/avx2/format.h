// Elements of each size with AVX2, 32 at a time: their exponents, and their differences.
#pragma once

#include "bbz/codec/difference/avx2/moves.h"

#if defined(__x86_64__)

BBZ_AVX2_BEGIN

namespace bbz::codec::difference::avx2 {

inline __m128i half(V bytes, int i) {
  return i == 0 ? _mm256_castsi256_si128(bytes) : _mm256_extracti128_si256(bytes, 1);
}

// Each type of elements has kParts registers of 32 elements, and functions of one register: turn,
// fold and unfold of ordered.h, and conversions of bytes. Differences of eight bits are widened to
// words, so there are kWide registers of them.

// Elements of 16 bits.
struct Words {
  static constexpr int kBytes = 2;
  static constexpr int kParts = 2;
  static constexpr int kWide = 2;

  static V turn(V v) { return _mm256_xor_si256(v, _mm256_srli_epi16(_mm256_srai_epi16(v, 15), 1)); }
  static V fold(V v) { return _mm256_xor_si256(_mm256_add_epi16(v, v), _mm256_srai_epi16(v, 15)); }
  static V unfold(V v) {
    const V odd = _mm256_and_si256(v, set1(1));
    return _mm256_xor_si256(_mm256_srli_epi16(v, 1), _mm256_sub_epi16(V{}, odd));
  }
  static V add(V a, V b) { return _mm256_add_epi16(a, b); }
  static V sub(V a, V b) { return _mm256_sub_epi16(a, b); }
  static V set1(int v) { return _mm256_set1_epi16(static_cast<short>(v)); }
  static V least(V a, V b) { return _mm256_min_epu16(a, b); }
  static V is_zero(V v) { return _mm256_cmpeq_epi16(v, V{}); }
  // Shifts by at most eight.
  static V shift_left(V v, V by) { return _mm256_mullo_epi16(v, powers_of(by)); }
  static V shift_right(V v, V by) {
    // The upper half of a product with 2 to the power of 16 - by, which is 0 as a word if by is 0.
    const __m128i high = _mm_setr_epi8(0, -128, 64, 32, 16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0);
    const V factor = _mm256_slli_epi16(_mm256_shuffle_epi8(in_halves(high), by), 8);
    const V same = _mm256_and_si256(v, is_zero(by));
    return _mm256_or_si256(_mm256_mulhi_epu16(v, factor), same);
  }
  // Converts bytes of all elements to those of one register.
  static V widen(V bytes, int part) { return _mm256_cvtepu8_epi16(half(bytes, part)); }
  // Converts elements below 256 to bytes.
  static V narrow(const V (&v)[kParts]) {
    return _mm256_permute4x64_epi64(_mm256_packus_epi16(v[0], v[1]), 0xD8);
  }
  static void take_low(const std::uint8_t* low, V bits, std::uint64_t& at, V (&out)[kParts]) {
    const V bytes = take_bytes(low, bits, at);
    for (int i = 0; i < kParts; ++i) out[i] = widen(bytes, i);
  }
  // Appends fields of so many bits.
  static void put_low(BitWriter& writer, V fields, V bits) {
    const V below = _mm256_set1_epi32(0xFFFF);
    const V first = _mm256_and_si256(bits, below);
    const V upper = _mm256_sllv_epi32(_mm256_srli_epi32(fields, 16), first);
    writer.put(_mm256_or_si256(_mm256_and_si256(fields, below), upper),
               _mm256_add_epi32(first, _mm256_srli_epi32(bits, 16)));
  }
};

// Elements of 32 bits.
struct Doubles {
  static constexpr int kBytes = 4;
  static constexpr int kParts = 4;
  static constexpr int kWide = 4;

  static V turn(V v) { return _mm256_xor_si256(v, _mm256_srli_epi32(_mm256_srai_epi32(v, 31), 1)); }
  static V fold(V v) { return _mm256_xor_si256(_mm256_add_epi32(v, v), _mm256_srai_epi32(v, 31)); }
  static V unfold(V v) {
    const V odd = _mm256_and_si256(v, set1(1));
    return _mm256_xor_si256(_mm256_srli_epi32(v, 1), _mm256_sub_epi32(V{}, odd));
  }
  static V add(V a, V b) { return _mm256_add_epi32(a, b); }
  static V sub(V a, V b) { return _mm256_sub_epi32(a, b); }
  static V set1(int v) { return _mm256_set1_epi32(v); }
  static V least(V a, V b) { return _mm256_min_epu32(a, b); }
  static V is_zero(V v) { return _mm256_cmpeq_epi32(v, V{}); }
  static V shift_left(V v, V by) { return _mm256_sllv_epi32(v, by); }
  static V shift_right(V v, V by) { return _mm256_srlv_epi32(v, by); }
  static V widen(V bytes, int part) {
    const __m128i two = half(bytes, part / 2);
    return _mm256_cvtepu8_epi32(part % 2 == 0 ? two : _mm_unpackhi_epi64(two, two));
  }
  static V narrow(const V (&v)[kParts]) {
    const V order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const V a = _mm256_packus_epi32(v[0], v[1]);
    const V b = _mm256_packus_epi32(v[2], v[3]);
    return _mm256_permutevar8x32_epi32(_mm256_packus_epi16(a, b), order);
  }
  static void take_low(const std::uint8_t* low, V bits, std::uint64_t& at, V (&out)[kParts]) {
    for (int i = 0; i < kParts; ++i) out[i] = take_words(low, widen(bits, i), at);
  }
  static void put_low(BitWriter& writer, V fields, V bits) { writer.put(fields, bits); }
};

// Elements of 8 bits.
struct Octets : Words {
  static constexpr int kBytes = 1;
  static constexpr int kParts = 1;

  static V turn(V v) {
    return _mm256_xor_si256(v, _mm256_and_si256(_mm256_cmpgt_epi8(V{}, v), _mm256_set1_epi8(0x7F)));
  }
  static V fold(V v) { return _mm256_xor_si256(_mm256_add_epi8(v, v), _mm256_cmpgt_epi8(V{}, v)); }
  static V unfold(V v) {
    const V odd = _mm256_and_si256(v, _mm256_set1_epi8(1));
    const V shifted = _mm256_and_si256(_mm256_srli_epi16(v, 1), _mm256_set1_epi8(0x7F));
    return _mm256_xor_si256(shifted, _mm256_sub_epi8(V{}, odd));
  }
};

// The differences of the elements of a format as wide as their symbols are computed, and back.
template <class Format>
BBZ_AVX2_INLINE void to_wide(const V (&parts)[Format::kParts], V (&wide)[Format::kWide]) {
  for (int i = 0; i < Format::kWide; ++i) {
    wide[i] = Format::kParts == Format::kWide ? parts[i] : Words::widen(parts[0], i);
  }
}
template <class Format>
BBZ_AVX2_INLINE void from_wide(const V (&wide)[Format::kWide], V (&parts)[Format::kParts]) {
  if constexpr (Format::kParts == Format::kWide) {
    for (int i = 0; i < Format::kParts; ++i) parts[i] = wide[i];
  } else {
    const V below = _mm256_set1_epi16(0xFF);
    const V bytes[2] = {_mm256_and_si256(wide[0], below), _mm256_and_si256(wide[1], below)};
    parts[0] = Words::narrow(bytes);
  }
}

// The arithmetic of one register of elements, by their size.
template <class Format>
V add_elements(V a, V b) {
  return Format::kBytes == 1 ? _mm256_add_epi8(a, b) : Format::add(a, b);
}
template <class Format>
V sub_elements(V a, V b) {
  return Format::kBytes == 1 ? _mm256_sub_epi8(a, b) : Format::sub(a, b);
}

// The exponents of 32 elements, as bytes.
struct Bf16 : Words {
  static V exponents(const V (&v)[kParts]) {
    const V parts[kParts] = {_mm256_srli_epi16(_mm256_add_epi16(v[0], v[0]), 8),
                             _mm256_srli_epi16(_mm256_add_epi16(v[1], v[1]), 8)};
    return narrow(parts);
  }
};
struct F16 : Words {
  static V exponents(const V (&v)[kParts]) {
    const V parts[kParts] = {_mm256_srli_epi16(_mm256_add_epi16(v[0], v[0]), 11),
                             _mm256_srli_epi16(_mm256_add_epi16(v[1], v[1]), 11)};
    return narrow(parts);
  }
};
struct F32 : Doubles {
  static V exponents(const V (&v)[kParts]) {
    V parts[kParts];
    for (int i = 0; i < kParts; ++i) parts[i] = _mm256_srli_epi32(_mm256_add_epi32(v[i], v[i]), 24);
    return narrow(parts);
  }
};
template <int kMantissa>
struct F8 : Octets {
  static V exponents(const V (&v)[kParts]) {
    return _mm256_and_si256(_mm256_srli_epi16(v[0], kMantissa),
                            _mm256_set1_epi8((1 << (7 - kMantissa)) - 1));
  }
};

// Calls `f` with the format of a dtype's classes.
template <class F>
void with_format(const Classes& classes, F f) {
  switch (classes.element_bytes) {
    case 1:
      return classes.mantissa_bits == 3 ? f(F8<3>()) : f(F8<2>());
    case 2:
      return classes.mantissa_bits == 7 ? f(Bf16()) : f(F16());
    default:
      return f(F32());
  }
}

}  // namespace bbz::codec::difference::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
