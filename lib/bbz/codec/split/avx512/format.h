// Makes elements from keys and rests with AVX-512, 64 at a time.
#pragma once

#include "bbz/codec/split/avx512/avx512.h"

#if defined(__x86_64__)

BBZ_AVX512_BEGIN

namespace bbz::codec::split::avx512 {

// Unpacks 64 fields of kBits bits, each to a byte. The field begins kDown bits below the top of the
// byte, and the other bits of the byte are unspecified.
template <int kBits, int kDown>
struct Unpack {
  V group;
  V shift;

  Unpack() {
    alignas(64) std::uint8_t g[64];
    alignas(64) std::uint8_t s[64];
    for (int i = 0; i < 64; ++i) {
      g[i] = static_cast<std::uint8_t>(i / 8 * kBits + i % 8);
      s[i] = static_cast<std::uint8_t>((i % 8 * kBits - (8 - kBits - kDown) + 64) % 64);
    }
    group = load(g);
    shift = load(s);
  }
  V operator()(const std::uint8_t* p) const {
    return _mm512_multishift_epi64_epi8(shift, _mm512_permutexvar_epi8(group, load(p)));
  }
};

// Returns indices that interleave the low (half 0) or high (half 1) halves of two registers with
// kUnits units each.
template <int kUnits>
V interleave(int half) {
  if constexpr (kUnits == 64) {
    alignas(64) std::uint8_t index[64];
    for (int i = 0; i < 64; ++i) {
      index[i] = static_cast<std::uint8_t>(half * 32 + i / 2 + i % 2 * 64);
    }
    return load(index);
  } else {
    alignas(64) std::uint16_t index[32];
    for (int i = 0; i < 32; ++i) {
      index[i] = static_cast<std::uint16_t>(half * 16 + i / 2 + i % 2 * 32);
    }
    return load(index);
  }
}

// The stored parts of 64 elements, and the origin of their keys.
struct Source {
  const std::uint8_t* packed;
  const std::uint8_t* bytes;
  const std::uint16_t* columns;  // or nullptr
  unsigned base;                 // key of symbol byte 0
};

// Returns the shifts of 64 columns as bytes.
inline V byte_columns(const std::uint16_t* columns, __mmask64 active) {
  return join(_mm512_cvtepi16_epi8(load_columns(columns, active, 0)),
              _mm512_cvtepi16_epi8(load_columns(columns, active, 1)));
}

template <bool kAll>
void store_words(std::uint8_t* out, __mmask64 active, V a, V b) {
  if (kAll) {
    _mm512_storeu_si512(out, a);
    _mm512_storeu_si512(out + 64, b);
  } else {
    _mm512_mask_storeu_epi16(out, static_cast<__mmask32>(active), a);
    _mm512_mask_storeu_epi16(out + 64, static_cast<__mmask32>(active >> 32), b);
  }
}

// BF16, 9-bit keys: all seven bits of the rest are packed.
struct Bf16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 7;
  static constexpr int kRestBytes = 0;
  Unpack<7, 0> unpack;
  V low;
  V high;

  Bf16() : low(interleave<64>(0)), high(interleave<64>(1)) {}
  // Returns half of the elements as words with the key above the rest.
  template <bool kColumns>
  static V word(V mixed, const Source& s, __mmask64 active, int half) {
    V base = _mm512_set1_epi16(static_cast<short>(s.base << 7));
    if (kColumns) {
      base = _mm512_add_epi16(base, _mm512_slli_epi16(load_columns(s.columns, active, half), 7));
    }
    return _mm512_add_epi16(_mm512_srli_epi16(mixed, 1), base);
  }
  template <bool kAll, bool kColumns>
  void merge(V symbol, const Source& s, __mmask64 active, std::uint8_t* out) const {
    const V rest = unpack(s.packed);
    const V a = word<kColumns>(_mm512_permutex2var_epi8(rest, low, symbol), s, active, 0);
    const V b = word<kColumns>(_mm512_permutex2var_epi8(rest, high, symbol), s, active, 1);
    store_words<kAll>(out, active, _mm512_shldi_epi16(a, a, 15), _mm512_shldi_epi16(b, b, 15));
  }
};

// F16, 6-bit keys: a byte and two packed bits of rest.
struct F16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 2;
  static constexpr int kRestBytes = 1;
  Unpack<2, 6> unpack;
  V low;
  V high;

  F16() : low(interleave<64>(0)), high(interleave<64>(1)) {}
  template <bool kAll, bool kColumns>
  void merge(V symbol, const Source& s, __mmask64 active, std::uint8_t* out) const {
    V key = _mm512_add_epi8(symbol, _mm512_set1_epi8(static_cast<char>(s.base)));
    if (kColumns) key = _mm512_add_epi8(key, byte_columns(s.columns, active));
    const V top = select(_mm512_set1_epi8(3), unpack(s.packed), _mm512_slli_epi16(key, 2));
    const V rest = load(s.bytes);
    const V a = _mm512_permutex2var_epi8(rest, low, top);
    const V b = _mm512_permutex2var_epi8(rest, high, top);
    store_words<kAll>(out, active, _mm512_shldi_epi16(a, a, 15), _mm512_shldi_epi16(b, b, 15));
  }
};

// F32, 9-bit keys: the upper half is like BF16, and the lower half is two whole bytes.
struct F32 {
  static constexpr int kElementBytes = 4;
  static constexpr int kPackedBits = 7;
  static constexpr int kRestBytes = 2;
  Unpack<7, 0> unpack;
  V low;
  V high;
  V word_low;
  V word_high;

  F32()
      : low(interleave<64>(0)),
        high(interleave<64>(1)),
        word_low(interleave<32>(0)),
        word_high(interleave<32>(1)) {}
  template <bool kAll>
  void store(V top, const std::uint8_t* rest, __mmask32 active, std::uint8_t* out) const {
    const V bottom = load(rest);
    const V a = _mm512_ror_epi32(_mm512_permutex2var_epi16(bottom, word_low, top), 1);
    const V b = _mm512_ror_epi32(_mm512_permutex2var_epi16(bottom, word_high, top), 1);
    if (kAll) {
      _mm512_storeu_si512(out, a);
      _mm512_storeu_si512(out + 64, b);
    } else {
      _mm512_mask_storeu_epi32(out, static_cast<__mmask16>(active), a);
      _mm512_mask_storeu_epi32(out + 64, static_cast<__mmask16>(active >> 16), b);
    }
  }
  template <bool kAll, bool kColumns>
  void merge(V symbol, const Source& s, __mmask64 active, std::uint8_t* out) const {
    const V rest = unpack(s.packed);
    const V a = Bf16::word<kColumns>(_mm512_permutex2var_epi8(rest, low, symbol), s, active, 0);
    const V b = Bf16::word<kColumns>(_mm512_permutex2var_epi8(rest, high, symbol), s, active, 1);
    store<kAll>(a, s.bytes, static_cast<__mmask32>(active), out);
    store<kAll>(b, s.bytes + 64, static_cast<__mmask32>(active >> 32), out + 128);
  }
};

// F8_E4M3 with 5-bit keys (kRest 3) and F8_E5M2 with 6-bit keys (kRest 2).
template <int kRest>
struct F8 {
  static constexpr int kElementBytes = 1;
  static constexpr int kPackedBits = kRest;
  static constexpr int kRestBytes = 0;
  Unpack<kRest, 8 - kRest> unpack;

  F8() {}
  template <bool kAll, bool kColumns>
  void merge(V symbol, const Source& s, __mmask64 active, std::uint8_t* out) const {
    V key = _mm512_add_epi8(symbol, _mm512_set1_epi8(static_cast<char>(s.base)));
    if (kColumns) key = _mm512_add_epi8(key, byte_columns(s.columns, active));
    const V turned =
        select(_mm512_set1_epi8((1 << kRest) - 1), unpack(s.packed), _mm512_slli_epi16(key, kRest));
    const V value =
        select(_mm512_set1_epi8(0x7F), _mm512_srli_epi16(turned, 1), _mm512_slli_epi16(turned, 7));
    if (kAll) {
      _mm512_storeu_si512(out, value);
    } else {
      _mm512_mask_storeu_epi8(out, active, value);
    }
  }
};

// Bytes that are keys as a whole: kByteLayout.
struct Byte {
  static constexpr int kElementBytes = 1;
  static constexpr int kPackedBits = 0;
  static constexpr int kRestBytes = 0;

  template <bool kAll, bool kColumns>
  void merge(V symbol, const Source& s, __mmask64 active, std::uint8_t* out) const {
    V key = _mm512_add_epi8(symbol, _mm512_set1_epi8(static_cast<char>(s.base)));
    if (kColumns) key = _mm512_add_epi8(key, byte_columns(s.columns, active));
    if (kAll) {
      _mm512_storeu_si512(out, key);
    } else {
      _mm512_mask_storeu_epi8(out, active, key);
    }
  }
};

}  // namespace bbz::codec::split::avx512

BBZ_AVX512_END

#endif  // defined(__x86_64__)
