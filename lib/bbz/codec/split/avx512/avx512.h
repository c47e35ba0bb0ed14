// The kernel for AVX-512 with VBMI and VBMI2 (Ice Lake, Zen 4 and later). It supports BF16, F16,
// F32 and F8 with keys that have one mantissa bit, on grids of at least 64 lanes.
//
// Only functions between BBZ_AVX512_BEGIN and BBZ_AVX512_END are compiled for AVX-512. Other
// headers must be included before, so that none of their inline functions is compiled for AVX-512
// and then linked into the rest of the program.
#pragma once

#include "bbz/codec/split/kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

// clang-format off
#if defined(BBZ_EMULATED_AVX512)  // for tests, by another <immintrin.h>
#define BBZ_AVX512_BEGIN
#define BBZ_AVX512_END
#elif defined(__clang__)
#define BBZ_AVX512_BEGIN \
  _Pragma("clang attribute push(__attribute__((target(\"avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi2,popcnt\"))), apply_to = function)")
#define BBZ_AVX512_END _Pragma("clang attribute pop")
#else
#define BBZ_AVX512_BEGIN      \
  _Pragma("GCC push_options") \
  _Pragma("GCC target(\"avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi2,popcnt\")")
#define BBZ_AVX512_END _Pragma("GCC pop_options")
#endif
// clang-format on

// For the parts of a loop, which compilers consider too large to inline.
#define BBZ_AVX512_INLINE inline __attribute__((always_inline))

namespace bbz::codec::split {

// Implements Kernel::make_table of kernel.h. The next two implement its decode and encode.
void avx512_make_table(const Frequencies& frequencies, DecodeTable& table);
void avx512_decode(DecodeJob& job);
void avx512_encode(EncodeJob& job);

BBZ_AVX512_BEGIN

namespace avx512 {

using V = __m512i;

inline V load(const void* p) {
  return _mm512_loadu_si512(p);
}

inline V join(__m256i low, __m256i high) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

inline __mmask64 first_lanes(std::uint64_t count) {
  return count >= 64 ? ~__mmask64{0} : _bzhi_u64(~0ull, static_cast<unsigned>(count));
}

// Returns the bits of `a` if those of `mask` are 1, and the bits of `b` if they are 0. The
// instruction overwrites the register of `b`, which is used again less often than `mask`.
inline V select(V mask, V a, V b) {
  return _mm512_ternarylogic_epi64(b, mask, a, 0xB8);
}

// Looks up 64 bytes in a table of 256.
struct ByteTable {
  V quarter[4];

  explicit ByteTable(const std::uint8_t* p)
      : quarter{load(p), load(p + 64), load(p + 128), load(p + 192)} {}
  V operator[](V at) const {
    const V low = _mm512_permutex2var_epi8(quarter[0], at, quarter[1]);
    const V high = _mm512_permutex2var_epi8(quarter[2], at, quarter[3]);
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(at), low, high);
  }
};

inline V load_columns(const std::uint16_t* columns, __mmask64 active, int half) {
  return _mm512_maskz_loadu_epi16(static_cast<__mmask32>(active >> (32 * half)),
                                  columns + 32 * half);
}

}  // namespace avx512

BBZ_AVX512_END

}  // namespace bbz::codec::split

#endif  // defined(__x86_64__)
