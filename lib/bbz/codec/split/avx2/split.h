// Splits elements into keys and rests with AVX2, 32 at a time: the inverse of format.h.
//
// Bytes of 32 elements are always in the order of pack(): elements 0-7, 16-23, 8-15, 24-31.
#pragma once

#include <cstring>

#include "bbz/codec/split/avx2/format.h"

#if defined(__x86_64__)

BBZ_AVX2_BEGIN

namespace bbz::codec::split::avx2 {

inline __m128i upper_half(V v) {
  return _mm256_extracti128_si256(v, 1);
}
// Stores the lower eight bytes of sixteen. store_high() stores the upper ones.
inline void store_low(std::uint8_t* p, __m128i v) {
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), v);
}
inline void store_high(std::uint8_t* p, __m128i v) {
  _mm_storeh_pd(reinterpret_cast<double*>(p), _mm_castsi128_pd(v));
}

// Converts between the order of pack() and that of the elements, in either direction.
inline V swap_middle(V v) {
  return _mm256_permute4x64_epi64(v, 0xD8);
}

// Joins the kBits-bit fields of four bytes in the lowest 4 kBits bits of each double word. The
// other bits of the bytes must be zero.
template <int kBits>
BBZ_AVX2_INLINE V join_fours(V bytes) {
  const V pairs =
      _mm256_maddubs_epi16(_mm256_set1_epi16(static_cast<short>(256 << kBits | 1)), bytes);
  return _mm256_madd_epi16(pairs, _mm256_set1_epi32(1 << (16 + 2 * kBits) | 1));
}

// Packs 32 fields of seven bits into the 28 bytes at p. Overwrites the byte before p, because each
// eight fields are stored as eight bytes, from the last to the first.
BBZ_AVX2_INLINE void put_sevens(std::uint8_t* p, V bytes) {
  const V side_by_side =
      _mm256_sllv_epi32(join_fours<7>(bytes), _mm256_setr_epi32(4, 0, 4, 0, 4, 0, 4, 0));
  const V eights = _mm256_slli_epi64(side_by_side, 4);
  const __m128i low = _mm256_castsi256_si128(eights);
  const __m128i high = upper_half(eights);
  store_high(p + 20, high);
  store_high(p + 13, low);
  store_low(p + 6, high);
  store_low(p - 1, low);
}

// Packs 32 fields of two or three bits into the 4 kBits bytes at p.
template <int kBits>
struct PackTable {
  alignas(32) std::array<std::uint8_t, 32> gather{};

  // The first kBits of each eight bytes have fields. Each half of a register moves its own to their
  // final positions.
  constexpr PackTable() {
    gather.fill(0x80);
    for (unsigned quarter = 0; quarter < 4; ++quarter) {
      for (unsigned i = 0; i < kBits; ++i) {
        const unsigned half = quarter % 2;  // has elements 8 quarter to 8 quarter + 7
        gather[16 * half + kBits * quarter + i] = static_cast<std::uint8_t>(8 * (quarter / 2) + i);
      }
    }
  }
};
template <int kBits>
constexpr PackTable<kBits> kPackTable;

template <int kBits>
BBZ_AVX2_INLINE void put_few(std::uint8_t* p, V bytes) {
  const V fours = join_fours<kBits>(bytes);
  const V eights = _mm256_or_si256(fours, _mm256_srli_epi64(fours, 32 - 4 * kBits));
  const V apart = _mm256_shuffle_epi8(eights, load(kPackTable<kBits>.gather.data()));
  const __m128i packed = _mm_or_si128(_mm256_castsi256_si128(apart), upper_half(apart));
  store_low(p, packed);
  if (kBits == 3) {
    const int rest = _mm_extract_epi32(packed, 2);
    std::memcpy(p + 8, &rest, 4);
  }
}

inline V turn_words(V v) {
  return _mm256_or_si256(_mm256_add_epi16(v, v), _mm256_srli_epi16(v, 15));
}

// Each format has a function split() that stores the rests of 32 elements and returns words. The
// uppermost bits of a word are the key, and its lower bits are unspecified. The byte before
// `packed` may be overwritten.
struct SplitBf16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 7;
  static constexpr int kRestBytes = 0;
  static constexpr int kKeyBits = 9;

  // Splits the upper 16 bits of elements, rotated left.
  static BBZ_AVX2_INLINE Words keys(const Words& turned, std::uint8_t* packed) {
    const V rest = _mm256_set1_epi16(0x7F);
    put_sevens(packed,
               pack({_mm256_and_si256(turned.low, rest), _mm256_and_si256(turned.high, rest)}));
    return turned;
  }
  static BBZ_AVX2_INLINE Words split(const std::uint8_t* in, std::uint8_t* packed, std::uint8_t*) {
    return keys({turn_words(load(in)), turn_words(load(in + 32))}, packed);
  }
};

struct SplitF16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 2;
  static constexpr int kRestBytes = 1;
  static constexpr int kKeyBits = 6;

  static BBZ_AVX2_INLINE Words split(const std::uint8_t* in, std::uint8_t* packed,
                                     std::uint8_t* bytes) {
    const V low = turn_words(load(in));
    const V high = turn_words(load(in + 32));
    const V byte = _mm256_set1_epi16(0xFF);
    store(bytes, swap_middle(pack({_mm256_and_si256(low, byte), _mm256_and_si256(high, byte)})));
    const V top = pack({_mm256_srli_epi16(low, 8), _mm256_srli_epi16(high, 8)});
    put_few<2>(packed, _mm256_and_si256(top, _mm256_set1_epi8(3)));
    return {low, high};
  }
};

struct SplitF32 {
  static constexpr int kElementBytes = 4;
  static constexpr int kPackedBits = 7;
  static constexpr int kRestBytes = 2;
  static constexpr int kKeyBits = 9;

  static BBZ_AVX2_INLINE V turn(V v) {
    return _mm256_or_si256(_mm256_add_epi32(v, v), _mm256_srli_epi32(v, 31));
  }
  // Stores the lower 16 bits of 16 elements, rotated left, and returns the upper ones.
  static BBZ_AVX2_INLINE V half(const std::uint8_t* in, std::uint8_t* bytes) {
    const V a = turn(load(in));
    const V b = turn(load(in + 32));
    const V zero = _mm256_setzero_si256();
    store(bytes, swap_middle(_mm256_packus_epi32(_mm256_blend_epi16(a, zero, 0xAA),
                                                 _mm256_blend_epi16(b, zero, 0xAA))));
    return swap_middle(_mm256_packus_epi32(_mm256_srli_epi32(a, 16), _mm256_srli_epi32(b, 16)));
  }
  static BBZ_AVX2_INLINE Words split(const std::uint8_t* in, std::uint8_t* packed,
                                     std::uint8_t* bytes) {
    const V low = half(in, bytes);
    const V high = half(in + 64, bytes + 32);
    return SplitBf16::keys({low, high}, packed);
  }
};

template <int kRest>
struct SplitF8 {
  static constexpr int kElementBytes = 1;
  static constexpr int kPackedBits = kRest;
  static constexpr int kRestBytes = 0;
  static constexpr int kKeyBits = 8 - kRest;

  static BBZ_AVX2_INLINE Words split(const std::uint8_t* in, std::uint8_t* packed, std::uint8_t*) {
    const V v = swap_middle(load(in));
    const V sign = _mm256_and_si256(_mm256_srli_epi16(v, 7), _mm256_set1_epi8(1));
    const V rest = _mm256_or_si256(_mm256_add_epi8(v, v), sign);
    put_few<kRest>(packed, _mm256_and_si256(rest, _mm256_set1_epi8((1 << kRest) - 1)));
    return unpack_high(_mm256_add_epi8(v, v));
  }
};

// Bytes that are keys as a whole: kByteLayout.
struct SplitByte {
  static constexpr int kElementBytes = 1;
  static constexpr int kPackedBits = 0;
  static constexpr int kRestBytes = 0;
  static constexpr int kKeyBits = 8;

  static BBZ_AVX2_INLINE Words split(const std::uint8_t* in, std::uint8_t*, std::uint8_t*) {
    return unpack_high(swap_middle(load(in)));
  }
};

}  // namespace bbz::codec::split::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
