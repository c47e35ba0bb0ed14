// The kernel for AVX2 with BMI2: 9- and 6-bit keys of BF16, F16, F32, F8, on grids of 64 lanes and
// more. See avx512.h for why the functions of its files lie between two macros.
#pragma once

#include "bbz/codec/split/kernel.h"

#if defined(__x86_64__)

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

// For what a loop is made of: compilers take its parts for too large.
#ifndef BBZ_AVX2_INLINE
#define BBZ_AVX2_INLINE inline __attribute__((always_inline))
#endif

namespace bbz::codec::split {

void avx2_decode(DecodeJob& job);
void avx2_encode(EncodeJob& job);

}  // namespace bbz::codec::split

#endif  // defined(__x86_64__)
