// Makes elements from keys and rests with AVX2, 32 at a time.
#pragma once

#include "bbz/codec/split/avx2/avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

namespace bbz::codec::split::avx2 {

// Unpacks 16 fields of kBits bits to words. The fields are within 16 bytes, which are copied to
// both halves of a register. Each field is within two bytes, which a shuffle moves to its word. A
// multiplication shifts the word up and so drops the bits above the field, and a shift moves the
// field down.
template <int kBits>
struct UnpackTable {
  alignas(32) std::array<std::uint8_t, 32> bytes{};
  alignas(32) std::array<std::uint16_t, 16> up{};

  constexpr UnpackTable() {
    for (unsigned i = 0; i < 16; ++i) {
      const unsigned bit = i * kBits;
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

// 32 lanes as words.
struct Words {
  V low;
  V high;
};

// Converts 32 words, each below 256, to bytes. unpack_low() and unpack_high() expect their order.
inline V pack(const Words& w) {
  return _mm256_packus_epi16(w.low, w.high);
}
// Moves bytes to the lower (unpack_low) or the upper halves of words. The other halves are zero.
inline Words unpack_low(V bytes) {
  return {_mm256_unpacklo_epi8(bytes, V{}), _mm256_unpackhi_epi8(bytes, V{})};
}
inline Words unpack_high(V bytes) {
  return {_mm256_unpacklo_epi8(V{}, bytes), _mm256_unpackhi_epi8(V{}, bytes)};
}

template <int kBits>
struct Unpack {
  V bytes;
  V up;

  Unpack()
      : bytes(load(kUnpackTable<kBits>.bytes.data())), up(load(kUnpackTable<kBits>.up.data())) {}
  V operator()(const std::uint8_t* p) const {
    const __m128i packed = load_half(p);
    const V words = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(packed), bytes);
    return _mm256_srli_epi16(_mm256_mullo_epi16(words, up), 16 - kBits);
  }
};

inline V rotate_words(V v) {
  return _mm256_or_si256(_mm256_srli_epi16(v, 1), _mm256_slli_epi16(v, 15));
}

// Each format has a function merge() that makes 32 elements. Its inputs are the symbol bytes, in
// the upper halves of words; the origins, which are added to the symbols and give keys with excess
// upper bits; the packed bits; and the bytes.
struct Bf16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 7;
  static constexpr int kRestBytes = 0;
  Unpack<7> unpack;

  Bf16() {}
  // Returns the upper 16 bits of elements, rotated left by one.
  V turned(V symbols, V origins, const std::uint8_t* packed) const {
    const V keys = _mm256_add_epi16(_mm256_srli_epi16(symbols, 1), _mm256_slli_epi16(origins, 7));
    return _mm256_add_epi16(keys, unpack(packed));
  }
  void merge(const Words& symbols, const Words& origins, const std::uint8_t* packed,
             const std::uint8_t*, std::uint8_t* out) const {
    store(out, rotate_words(turned(symbols.low, origins.low, packed)));
    store(out + 32, rotate_words(turned(symbols.high, origins.high, packed + 14)));
  }
};

struct F16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 2;
  static constexpr int kRestBytes = 1;
  Unpack<2> unpack;

  F16() {}
  V half(V symbols, V origins, const std::uint8_t* packed, const std::uint8_t* bytes) const {
    const V keys = _mm256_add_epi16(_mm256_slli_epi16(symbols, 2), _mm256_slli_epi16(origins, 10));
    const V low = _mm256_cvtepu8_epi16(load_half(bytes));
    const V rest = _mm256_or_si256(_mm256_slli_epi16(unpack(packed), 8), low);
    return rotate_words(_mm256_or_si256(keys, rest));
  }
  void merge(const Words& symbols, const Words& origins, const std::uint8_t* packed,
             const std::uint8_t* bytes, std::uint8_t* out) const {
    store(out, half(symbols.low, origins.low, packed, bytes));
    store(out + 32, half(symbols.high, origins.high, packed + 4, bytes + 16));
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
  static void half(V high, const std::uint8_t* bytes, std::uint8_t* out) {
    const V low = load(bytes);
    const V a = rotate(_mm256_unpacklo_epi16(low, high));
    const V b = rotate(_mm256_unpackhi_epi16(low, high));
    store(out, _mm256_permute2x128_si256(a, b, 0x20));
    store(out + 32, _mm256_permute2x128_si256(a, b, 0x31));
  }
  void merge(const Words& symbols, const Words& origins, const std::uint8_t* packed,
             const std::uint8_t* bytes, std::uint8_t* out) const {
    half(top.turned(symbols.low, origins.low, packed), bytes, out);
    half(top.turned(symbols.high, origins.high, packed + 14), bytes + 32, out + 64);
  }
};

template <int kRest>
struct F8 {
  static constexpr int kElementBytes = 1;
  static constexpr int kPackedBits = kRest;
  static constexpr int kRestBytes = 0;
  Unpack<kRest> unpack;

  F8() {}
  V half(V symbols, V origins, const std::uint8_t* packed) const {
    const V keys = _mm256_add_epi16(symbols, _mm256_slli_epi16(origins, 8));
    const V high = _mm256_srli_epi16(_mm256_slli_epi16(keys, kRest), 8);
    const V turned = _mm256_or_si256(high, unpack(packed));
    const V value = _mm256_or_si256(_mm256_srli_epi16(turned, 1), _mm256_slli_epi16(turned, 7));
    return _mm256_and_si256(value, _mm256_set1_epi16(0xFF));
  }
  void merge(const Words& symbols, const Words& origins, const std::uint8_t* packed,
             const std::uint8_t*, std::uint8_t* out) const {
    const V bytes = pack({half(symbols.low, origins.low, packed),
                          half(symbols.high, origins.high, packed + 2 * kRest)});
    store(out, _mm256_permute4x64_epi64(bytes, 0xD8));
  }
};

// Bytes that are keys as a whole: kByteLayout.
struct Byte {
  static constexpr int kElementBytes = 1;
  static constexpr int kPackedBits = 0;
  static constexpr int kRestBytes = 0;

  static V half(V symbols, V origins) {
    return _mm256_srli_epi16(_mm256_add_epi16(symbols, _mm256_slli_epi16(origins, 8)), 8);
  }
  void merge(const Words& symbols, const Words& origins, const std::uint8_t*, const std::uint8_t*,
             std::uint8_t* out) const {
    const V bytes = pack({half(symbols.low, origins.low), half(symbols.high, origins.high)});
    store(out, _mm256_permute4x64_epi64(bytes, 0xD8));
  }
};

}  // namespace bbz::codec::split::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
