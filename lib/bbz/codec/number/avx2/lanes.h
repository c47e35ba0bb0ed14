// Elements of 1, 2 or 4 bytes in the lanes of a register.
#pragma once

#include "bbz/codec/number/avx2/avx2.h"
#include "bbz/codec/split/avx2/avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <array>

BBZ_AVX2_BEGIN

namespace bbz::codec::number::avx2 {

using split::avx2::load;
using split::avx2::load_half;
using split::avx2::store;
using split::avx2::V;

inline V set_bytes(unsigned value) {
  return _mm256_set1_epi8(static_cast<char>(value));
}

// A byte for each symbol that is not escaped.
using ByteTable = std::array<std::uint8_t, 32>;

// Looks up bytes by 32 symbols below 32.
class Lookup {
 public:
  explicit Lookup(V symbols) : symbols_(symbols), upper_(_mm256_slli_epi16(symbols, 3)) {}
  BBZ_AVX2_INLINE V operator[](const ByteTable& table) const {
    const V low = _mm256_broadcastsi128_si256(load_half(table.data()));
    const V high = _mm256_broadcastsi128_si256(load_half(table.data() + 16));
    return _mm256_blendv_epi8(_mm256_shuffle_epi8(low, symbols_),
                              _mm256_shuffle_epi8(high, symbols_), upper_);
  }

 private:
  V symbols_;
  V upper_;  // bit 4 in the highest bit of each byte
};

// Lanes of so many bytes.
template <int kBytes>
struct Lanes;

template <>
struct Lanes<1> {
  static V set1(std::uint64_t v) { return set_bytes(static_cast<unsigned>(v)); }
  static V add(V a, V b) { return _mm256_add_epi8(a, b); }
  static V sub(V a, V b) { return _mm256_sub_epi8(a, b); }
  static V half(V v) { return _mm256_and_si256(_mm256_srli_epi16(v, 1), set_bytes(0x7F)); }
  static V sign_of_lowest(V v) { return _mm256_slli_epi16(_mm256_and_si256(v, set_bytes(1)), 7); }
  static V order(V v) {
    const V negative = _mm256_cmpgt_epi8(V{}, v);
    return _mm256_xor_si256(v, _mm256_and_si256(negative, set_bytes(0x7F)));
  }
  static V load_bytes(const std::uint8_t* p) { return load(p); }
  static V load_signs(const std::uint8_t* p) { return load(p); }
  // Puts 32 bytes into the order that look_up() takes them in.
  static V arrange(V bytes) { return bytes; }
  // Stores what 32 symbols have in tables, one for each byte of a lane.
  static BBZ_AVX2_INLINE void look_up(const ByteTable* tables, const Lookup& at,
                                      std::uint8_t* out) {
    store(out, at[tables[0]]);
  }
};

template <>
struct Lanes<2> {
  static V set1(std::uint64_t v) { return _mm256_set1_epi16(static_cast<short>(v)); }
  static V add(V a, V b) { return _mm256_add_epi16(a, b); }
  static V sub(V a, V b) { return _mm256_sub_epi16(a, b); }
  static V half(V v) { return _mm256_srli_epi16(v, 1); }
  static V sign_of_lowest(V v) { return _mm256_slli_epi16(v, 15); }
  static V order(V v) {
    return _mm256_xor_si256(v, _mm256_srli_epi16(_mm256_srai_epi16(v, 15), 1));
  }
  static V load_bytes(const std::uint8_t* p) { return _mm256_cvtepu8_epi16(load_half(p)); }
  static V load_signs(const std::uint8_t* p) { return _mm256_cvtepi8_epi16(load_half(p)); }
  static V arrange(V bytes) { return _mm256_permute4x64_epi64(bytes, 0xD8); }
  static BBZ_AVX2_INLINE void look_up(const ByteTable* tables, const Lookup& at,
                                      std::uint8_t* out) {
    const V low = at[tables[0]];
    const V high = at[tables[1]];
    store(out, _mm256_unpacklo_epi8(low, high));
    store(out + 32, _mm256_unpackhi_epi8(low, high));
  }
};

template <>
struct Lanes<4> {
  static V set1(std::uint64_t v) { return _mm256_set1_epi32(static_cast<int>(v)); }
  static V add(V a, V b) { return _mm256_add_epi32(a, b); }
  static V sub(V a, V b) { return _mm256_sub_epi32(a, b); }
  static V half(V v) { return _mm256_srli_epi32(v, 1); }
  static V sign_of_lowest(V v) { return _mm256_slli_epi32(v, 31); }
  static V order(V v) {
    return _mm256_xor_si256(v, _mm256_srli_epi32(_mm256_srai_epi32(v, 31), 1));
  }
  static __m128i load_eight(const std::uint8_t* p) {
    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  }
  static V load_bytes(const std::uint8_t* p) { return _mm256_cvtepu8_epi32(load_eight(p)); }
  static V load_signs(const std::uint8_t* p) { return _mm256_cvtepi8_epi32(load_eight(p)); }
  static V arrange(V bytes) {
    return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
  }
  static BBZ_AVX2_INLINE void look_up(const ByteTable* tables, const Lookup& at,
                                      std::uint8_t* out) {
    const V a = at[tables[0]];
    const V b = at[tables[1]];
    const V c = at[tables[2]];
    const V d = at[tables[3]];
    const V low[2] = {_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b)};
    const V high[2] = {_mm256_unpacklo_epi8(c, d), _mm256_unpackhi_epi8(c, d)};
    for (int i = 0; i < 2; ++i) {
      store(out + 64 * i, _mm256_unpacklo_epi16(low[i], high[i]));
      store(out + 64 * i + 32, _mm256_unpackhi_epi16(low[i], high[i]));
    }
  }
};

}  // namespace bbz::codec::number::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
