// Elements of each size with AVX-512, 64 at a time: their exponents, and their differences.
#pragma once

#include "bbz/codec/difference/avx512/avx512.h"
#include "bbz/codec/split/avx512/avx512.h"

#if defined(__x86_64__)

#include <array>

namespace bbz::codec::difference::avx512 {

// The places of the upper bytes of 64 words.
constexpr std::array<std::uint8_t, 64> make_high_bytes() {
  std::array<std::uint8_t, 64> places{};
  for (unsigned i = 0; i < 64; ++i) places[i] = static_cast<std::uint8_t>(2 * i + 1);
  return places;
}
alignas(64) inline constexpr auto kHighBytes = make_high_bytes();

// The indices with which Doubles::spread() takes the lower halves of quadwords.
constexpr std::array<std::array<std::uint32_t, 16>, 4> make_spread() {
  std::array<std::array<std::uint32_t, 16>, 4> indices{};
  for (unsigned part = 0; part < 4; ++part) {
    for (unsigned i = 0; i < 16; ++i) indices[part][i] = (part * 16 + i) / 8 * 2;
  }
  return indices;
}
alignas(64) inline constexpr auto kSpread = make_spread();

}  // namespace bbz::codec::difference::avx512

BBZ_AVX512_BEGIN

namespace bbz::codec::difference::avx512 {

using split::avx512::first_lanes;
using split::avx512::join;
using split::avx512::load;
using split::avx512::select;
using split::avx512::V;

// Returns a ^ (b & c).
inline V xor_and(V a, V b, V c) {
  return _mm512_ternarylogic_epi64(a, b, c, 0x78);
}

// Returns a quarter of 64 bytes.
inline __m128i quarter(V bytes, int i) {
  const __m256i half = i < 2 ? _mm512_castsi512_si256(bytes) : _mm512_extracti64x4_epi64(bytes, 1);
  return i % 2 == 0 ? _mm256_castsi256_si128(half) : _mm256_extracti128_si256(half, 1);
}

// Each type of elements has kParts registers of 64 elements, and functions of one register: turn,
// fold and unfold of ordered.h, and conversions of bytes.

// Elements of 16 bits.
struct Words {
  static constexpr int kBytes = 2;
  static constexpr int kParts = 2;

  static V load_part(const std::uint8_t* p, __mmask64 active, int part) {
    return _mm512_maskz_loadu_epi16(static_cast<__mmask32>(active >> (32 * part)), p + 64 * part);
  }
  static void store_part(std::uint8_t* p, __mmask64 active, int part, V v) {
    _mm512_mask_storeu_epi16(p + 64 * part, static_cast<__mmask32>(active >> (32 * part)), v);
  }
  static V turn(V v) { return xor_and(v, _mm512_srai_epi16(v, 15), set1(0x7FFF)); }
  // Folding moves the sign of what turn() gives to the lowest bit.
  static V fold(V v) {
    const V turned = turn(v);
    return _mm512_shldi_epi16(turned, turned, 1);
  }
  static V unfold(V v) { return turn(_mm512_shldi_epi16(v, v, 15)); }
  static V add(V a, V b) { return _mm512_add_epi16(a, b); }
  static V sub(V a, V b) { return _mm512_sub_epi16(a, b); }
  static V set1(int v) { return _mm512_set1_epi16(static_cast<short>(v)); }
  static V least(V a, V b) { return _mm512_min_epu16(a, b); }
  static V shift_left(V v, V by) { return _mm512_sllv_epi16(v, by); }
  static V shift_right(V v, V by) { return _mm512_srlv_epi16(v, by); }
  // Returns zero for elements that are zero in `by`.
  static V where(V by, V v) { return _mm512_maskz_mov_epi16(_mm512_test_epi16_mask(by, by), v); }
  // Converts bytes of all elements to those of one register.
  static V widen(V bytes, int part) {
    return _mm512_cvtepu8_epi16(part == 0 ? _mm512_castsi512_si256(bytes)
                                          : _mm512_extracti64x4_epi64(bytes, 1));
  }
  // Converts elements below 256 to bytes.
  static V narrow(const V (&parts)[kParts]) {
    return join(_mm512_cvtepi16_epi8(parts[0]), _mm512_cvtepi16_epi8(parts[1]));
  }
  // Returns the upper bytes of 64 words.
  static V high_bytes(V a, V b) { return _mm512_permutex2var_epi8(a, load(kHighBytes.data()), b); }
  // Joins neighbouring fields, each of `bits` bits: the result has eight of 64 bits.
  static void join_fields(V& fields, V& bits) {
    const V low = _mm512_set1_epi32(0xFFFF);
    const V fields2 = _mm512_or_si512(
        _mm512_and_si512(fields, low),
        _mm512_sllv_epi32(_mm512_srli_epi32(fields, 16), _mm512_and_si512(bits, low)));
    const V bits2 = _mm512_add_epi32(_mm512_and_si512(bits, low), _mm512_srli_epi32(bits, 16));
    const V low2 = _mm512_set1_epi64(0xFFFFFFFF);
    fields = _mm512_or_si512(
        _mm512_and_si512(fields2, low2),
        _mm512_sllv_epi64(_mm512_srli_epi64(fields2, 32), _mm512_and_si512(bits2, low2)));
    bits = _mm512_add_epi64(_mm512_and_si512(bits2, low2), _mm512_srli_epi64(bits2, 32));
  }
};

// Elements of 32 bits.
struct Doubles {
  static constexpr int kBytes = 4;
  static constexpr int kParts = 4;

  static V load_part(const std::uint8_t* p, __mmask64 active, int part) {
    return _mm512_maskz_loadu_epi32(static_cast<__mmask16>(active >> (16 * part)), p + 64 * part);
  }
  static void store_part(std::uint8_t* p, __mmask64 active, int part, V v) {
    _mm512_mask_storeu_epi32(p + 64 * part, static_cast<__mmask16>(active >> (16 * part)), v);
  }
  static V turn(V v) { return xor_and(v, _mm512_srai_epi32(v, 31), set1(0x7FFFFFFF)); }
  static V fold(V v) { return _mm512_rol_epi32(turn(v), 1); }
  static V unfold(V v) { return turn(_mm512_ror_epi32(v, 1)); }
  static V add(V a, V b) { return _mm512_add_epi32(a, b); }
  static V sub(V a, V b) { return _mm512_sub_epi32(a, b); }
  static V set1(int v) { return _mm512_set1_epi32(v); }
  static V least(V a, V b) { return _mm512_min_epu32(a, b); }
  static V shift_left(V v, V by) { return _mm512_sllv_epi32(v, by); }
  static V shift_right(V v, V by) { return _mm512_srlv_epi32(v, by); }
  static V where(V by, V v) { return _mm512_maskz_mov_epi32(_mm512_test_epi32_mask(by, by), v); }
  static V widen(V bytes, int part) { return _mm512_cvtepu8_epi32(quarter(bytes, part)); }
  static V narrow(const V (&parts)[kParts]) {
    const auto half = [&](V a, V b) {
      return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm512_cvtepi32_epi8(a)),
                                     _mm512_cvtepi32_epi8(b), 1);
    };
    return join(half(parts[0], parts[1]), half(parts[2], parts[3]));
  }
  // Returns for the elements of one register what is in the quadword of their eight bytes.
  static V spread(V quads, int part) {
    return _mm512_permutexvar_epi32(load(kSpread[part].data()), quads);
  }
  // Returns the indices of the four bytes from the byte `first` on.
  static V byte_indices(V first) {
    const V pairs = _mm512_or_si512(first, _mm512_slli_epi32(first, 8));
    return _mm512_add_epi8(_mm512_or_si512(pairs, _mm512_slli_epi32(pairs, 16)), set1(0x03020100));
  }
  static void join_fields(V& fields, V& bits) {
    const V low = _mm512_set1_epi64(0xFFFFFFFF);
    fields = _mm512_or_si512(
        _mm512_and_si512(fields, low),
        _mm512_sllv_epi64(_mm512_srli_epi64(fields, 32), _mm512_and_si512(bits, low)));
    bits = _mm512_add_epi64(_mm512_and_si512(bits, low), _mm512_srli_epi64(bits, 32));
  }
};

// Elements of 8 bits. They have at most three lower bits, so they are shifted by at most three.
struct Octets {
  static constexpr int kBytes = 1;
  static constexpr int kParts = 1;

  static V load_part(const std::uint8_t* p, __mmask64 active, int) {
    return _mm512_maskz_loadu_epi8(active, p);
  }
  static void store_part(std::uint8_t* p, __mmask64 active, int, V v) {
    _mm512_mask_storeu_epi8(p, active, v);
  }
  static V turn(V v) {
    return _mm512_xor_si512(v, _mm512_maskz_mov_epi8(_mm512_movepi8_mask(v), set1(0x7F)));
  }
  static V fold(V v) {
    return _mm512_xor_si512(_mm512_add_epi8(v, v),
                            _mm512_maskz_mov_epi8(_mm512_movepi8_mask(v), set1(-1)));
  }
  static V unfold(V v) {
    const V half = _mm512_and_si512(_mm512_srli_epi16(v, 1), set1(0x7F));
    return _mm512_xor_si512(half,
                            _mm512_maskz_mov_epi8(_mm512_test_epi8_mask(v, set1(1)), set1(-1)));
  }
  static V add(V a, V b) { return _mm512_add_epi8(a, b); }
  static V sub(V a, V b) { return _mm512_sub_epi8(a, b); }
  static V set1(int v) { return _mm512_set1_epi8(static_cast<char>(v)); }
  static V least(V a, V b) { return _mm512_min_epu8(a, b); }
  static V shift_left(V v, V by) {
    v = _mm512_mask_add_epi8(v, _mm512_test_epi8_mask(by, set1(1)), v, v);
    const V more = _mm512_and_si512(_mm512_slli_epi16(v, 2), set1(0xFC));
    return _mm512_mask_mov_epi8(v, _mm512_test_epi8_mask(by, set1(2)), more);
  }
  static V shift_right(V v, V by) {
    const V by1 = _mm512_and_si512(_mm512_srli_epi16(v, 1), set1(0x7F));
    v = _mm512_mask_mov_epi8(v, _mm512_test_epi8_mask(by, set1(1)), by1);
    const V by2 = _mm512_and_si512(_mm512_srli_epi16(v, 2), set1(0x3F));
    return _mm512_mask_mov_epi8(v, _mm512_test_epi8_mask(by, set1(2)), by2);
  }
  static V where(V by, V v) { return _mm512_maskz_mov_epi8(_mm512_test_epi8_mask(by, by), v); }
  static V widen(V bytes, int) { return bytes; }
  static V narrow(const V (&parts)[kParts]) { return parts[0]; }
  static void join_fields(V& fields, V& bits) {
    const V low = _mm512_set1_epi16(0xFF);
    const V first = _mm512_and_si512(bits, low);
    fields = _mm512_or_si512(_mm512_and_si512(fields, low),
                             _mm512_sllv_epi16(_mm512_srli_epi16(fields, 8), first));
    bits = _mm512_add_epi16(first, _mm512_srli_epi16(bits, 8));
    Words::join_fields(fields, bits);
  }
};

// The exponents of 64 elements, as bytes.
struct Bf16 : Words {
  static V exponents(const V (&v)[kParts]) {
    return high_bytes(_mm512_add_epi16(v[0], v[0]), _mm512_add_epi16(v[1], v[1]));
  }
};
struct F16 : Words {
  static V exponents(const V (&v)[kParts]) {
    return _mm512_and_si512(_mm512_srli_epi16(high_bytes(v[0], v[1]), 2), _mm512_set1_epi8(0x1F));
  }
};
struct F32 : Doubles {
  static V exponents(const V (&v)[kParts]) {
    const V parts[kParts] = {_mm512_srli_epi32(v[0], 23), _mm512_srli_epi32(v[1], 23),
                             _mm512_srli_epi32(v[2], 23), _mm512_srli_epi32(v[3], 23)};
    return narrow(parts);
  }
};
template <int kMantissa>
struct F8 : Octets {
  static V exponents(const V (&v)[kParts]) {
    return _mm512_and_si512(_mm512_srli_epi16(v[0], kMantissa),
                            _mm512_set1_epi8((1 << (7 - kMantissa)) - 1));
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

}  // namespace bbz::codec::difference::avx512

BBZ_AVX512_END

#endif  // defined(__x86_64__)
