// How the AVX2 kernel puts elements together, 16 at a time.
#pragma once

#include "bbz/codec/split/avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

namespace bbz::codec::split::avx2 {

// Unpacks fields of kBits bits as words. A field lies within two bytes: those are brought to its
// word, shifted up by a multiplication, which drops what is above, and down again.
template <int kBits>
struct UnpackTable {
  alignas(32) std::array<std::uint8_t, 32> bytes{};
  alignas(32) std::array<std::uint16_t, 16> up{};

  constexpr UnpackTable() {
    for (unsigned i = 0; i < 16; ++i) {
      const unsigned bit = i % 8 * kBits;
      bytes[2 * i] = static_cast<std::uint8_t>(bit / 8);
      bytes[2 * i + 1] = static_cast<std::uint8_t>(bit / 8 + 1);
      up[i] = static_cast<std::uint16_t>(1u << (16 - kBits - bit % 8));
    }
  }
};
template <int kBits>
constexpr UnpackTable<kBits> kUnpackTable;

}  // namespace bbz::codec::split::avx2

BBZ_AVX2_BEGIN

namespace bbz::codec::split::avx2 {

using V = __m256i;

inline V load(const void* p) {
  return _mm256_loadu_si256(static_cast<const V*>(p));
}
inline void store(void* p, V v) {
  _mm256_storeu_si256(static_cast<V*>(p), v);
}

inline V join(const void* low, const void* high) {
  return _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(low))),
      _mm_loadu_si128(static_cast<const __m128i*>(high)), 1);
}

template <int kBits>
struct Unpack {
  V bytes;
  V up;

  Unpack()
      : bytes(load(kUnpackTable<kBits>.bytes.data())), up(load(kUnpackTable<kBits>.up.data())) {}
  // The words that the fields of 16 elements from p on lie in.
  V words(const std::uint8_t* p) const { return _mm256_shuffle_epi8(join(p, p + kBits), bytes); }
  V operator()(const std::uint8_t* p) const {
    return _mm256_srli_epi16(_mm256_mullo_epi16(words(p), up), 16 - kBits);
  }
};

inline V rotate_words(V v) {
  return _mm256_or_si256(_mm256_srli_epi16(v, 1), _mm256_slli_epi16(v, 15));
}

// Each format puts 16 elements together from their keys (not yet cut to their bits), packed bits
// and bytes.
struct Bf16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 7;
  static constexpr int kRestBytes = 0;
  Unpack<7> unpack;
  V up;  // moves a field's lowest bit to the top

  Bf16() : up(_mm256_slli_epi16(unpack.up, 6)) {}
  V turned(V keys, const std::uint8_t* packed) const {
    return _mm256_or_si256(_mm256_slli_epi16(keys, 7), unpack(packed));
  }
  // As rotate_words(turned(keys, packed)), with fewer shifts.
  void merge(V keys, const std::uint8_t* packed, const std::uint8_t*, std::uint8_t* out) const {
    const V bits = unpack.words(packed);
    const V mantissa = _mm256_and_si256(_mm256_mulhi_epu16(bits, up), _mm256_set1_epi16(0x3F));
    const V sign = _mm256_and_si256(_mm256_mullo_epi16(bits, up), _mm256_set1_epi16(-0x8000));
    const V key = _mm256_and_si256(_mm256_slli_epi16(keys, 6), _mm256_set1_epi16(0x7FC0));
    store(out, _mm256_or_si256(_mm256_or_si256(mantissa, sign), key));
  }
};

struct F16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 2;
  static constexpr int kRestBytes = 1;
  Unpack<2> unpack;

  F16() {}
  void merge(V keys, const std::uint8_t* packed, const std::uint8_t* bytes,
             std::uint8_t* out) const {
    const V low = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
    const V top = _mm256_slli_epi16(_mm256_or_si256(_mm256_slli_epi16(keys, 2), unpack(packed)), 8);
    store(out, rotate_words(_mm256_or_si256(top, low)));
  }
};

struct F32 {
  static constexpr int kElementBytes = 4;
  static constexpr int kPackedBits = 7;
  static constexpr int kRestBytes = 2;
  Bf16 top;

  F32() {}
  static V rotate(V v) {
    return _mm256_or_si256(_mm256_srli_epi32(v, 1), _mm256_slli_epi32(v, 31));
  }
  void merge(V keys, const std::uint8_t* packed, const std::uint8_t* bytes,
             std::uint8_t* out) const {
    const V high = top.turned(keys, packed);
    const V low = load(bytes);
    const V a = rotate(_mm256_unpacklo_epi16(low, high));
    const V b = rotate(_mm256_unpackhi_epi16(low, high));
    store(out, _mm256_permute2x128_si256(a, b, 0x20));
    store(out + 32, _mm256_permute2x128_si256(a, b, 0x31));
  }
};

template <int kRest>
struct F8 {
  static constexpr int kElementBytes = 1;
  static constexpr int kPackedBits = kRest;
  static constexpr int kRestBytes = 0;
  Unpack<kRest> unpack;

  F8() {}
  void merge(V keys, const std::uint8_t* packed, const std::uint8_t*, std::uint8_t* out) const {
    const V v = _mm256_or_si256(_mm256_slli_epi16(keys, kRest), unpack(packed));
    const V byte = _mm256_set1_epi16(0xFF);
    const V turned = _mm256_and_si256(v, byte);
    const V value = _mm256_and_si256(
        _mm256_or_si256(_mm256_srli_epi16(turned, 1), _mm256_slli_epi16(turned, 7)), byte);
    const V bytes = _mm256_packus_epi16(value, value);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(bytes));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + 8), _mm256_extracti128_si256(bytes, 1));
  }
};

}  // namespace bbz::codec::split::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
