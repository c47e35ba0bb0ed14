// The kernel for AVX2 with BMI2. It supports BF16, F16, F32 and F8 with keys that have one mantissa
// bit, on grids of at least 64 lanes. avx512/avx512.h explains why its functions are between two
// macros.
#pragma once

#include "bbz/codec/split/kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

// clang-format off
#if defined(__clang__)
#define BBZ_AVX2_BEGIN \
  _Pragma("clang attribute push(__attribute__((target(\"avx2,bmi2,popcnt\"))), apply_to = function)")
#define BBZ_AVX2_END _Pragma("clang attribute pop")
#else
#define BBZ_AVX2_BEGIN        \
  _Pragma("GCC push_options") \
  _Pragma("GCC target(\"avx2,bmi2,popcnt\")")
#define BBZ_AVX2_END _Pragma("GCC pop_options")
#endif
// clang-format on

// For the parts of a loop, which compilers consider too large to inline.
#ifndef BBZ_AVX2_INLINE
#define BBZ_AVX2_INLINE inline __attribute__((always_inline))
#endif

namespace bbz::codec::split {

// Decodes a chunk, as Kernel::decode in kernel.h does. avx2_encode() is the kernel's encode.
void avx2_decode(DecodeJob& job);
void avx2_encode(EncodeJob& job);

}  // namespace bbz::codec::split

// What the loops of all codecs call a register, and how they load and store it.
BBZ_AVX2_BEGIN

namespace bbz::codec::split::avx2 {

using V = __m256i;

inline V load(const void* p) {
  return _mm256_loadu_si256(static_cast<const V*>(p));
}
inline void store(void* p, V v) {
  _mm256_storeu_si256(static_cast<V*>(p), v);
}
inline __m128i load_half(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}

}  // namespace bbz::codec::split::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
