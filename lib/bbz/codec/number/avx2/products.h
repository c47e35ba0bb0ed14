// Products of integers of 16 bits and a scale, as scaled() of merge.h returns them.
#pragma once

#include "bbz/codec/number/avx2/lanes.h"

#if defined(__x86_64__)

BBZ_AVX2_BEGIN

namespace bbz::codec::number::avx2 {

// Rounds eight floats of 32 bits to those of BF16, in the lower halves of lanes. None is a NaN.
BBZ_AVX2_INLINE V narrow_bf16(V v) {
  const V odd = _mm256_and_si256(_mm256_srli_epi32(v, 16), _mm256_set1_epi32(1));
  const V half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF));
  return _mm256_srli_epi32(_mm256_add_epi32(v, half), 16);
}

// The same to those of F16.
BBZ_AVX2_INLINE V narrow_f16(V v) {
  const V magnitude = _mm256_and_si256(v, _mm256_set1_epi32(0x7FFFFFFF));
  const V sign = _mm256_srli_epi32(_mm256_xor_si256(v, magnitude), 16);
  // Of normal numbers, the exponent is rebiased. Adding 0.5 shifts the bits of denormal ones so far
  // that they are rounded where they end.
  const V odd = _mm256_and_si256(_mm256_srli_epi32(magnitude, 13), _mm256_set1_epi32(1));
  const V rebiased = _mm256_add_epi32(magnitude, _mm256_set1_epi32(0xFFF - (112 << 23)));
  const V normal = _mm256_srli_epi32(_mm256_add_epi32(rebiased, odd), 13);
  const __m256 half = _mm256_set1_ps(0.5F);
  const V denormal =
      _mm256_sub_epi32(_mm256_castps_si256(_mm256_add_ps(_mm256_castsi256_ps(magnitude), half)),
                       _mm256_castps_si256(half));
  const V is_denormal = _mm256_cmpgt_epi32(_mm256_set1_epi32(113 << 23), magnitude);
  const V infinity = _mm256_set1_epi32(0x7C00);
  const V rounded = _mm256_min_epi32(_mm256_blendv_epi8(normal, denormal, is_denormal), infinity);
  return _mm256_or_si256(rounded, sign);
}

// Stores the products of 16 values, those of the elements of the job from `i` on.
BBZ_AVX2_INLINE void put_products(const MergeJob& job, std::uint64_t i, V values) {
  const __m256 scale = _mm256_set1_ps(job.scale);
  const V ones =
      _mm256_cvtepi8_epi16(_mm_cmpeq_epi8(load_half(job.symbols + i), _mm_set1_epi8(kMinusZero)));
  V products[2];
  for (int half = 0; half < 2; ++half) {
    const __m128i part =
        half == 0 ? _mm256_castsi256_si128(values) : _mm256_extracti128_si256(values, 1);
    const __m128i is_minus =
        half == 0 ? _mm256_castsi256_si128(ones) : _mm256_extracti128_si256(ones, 1);
    const V product =
        _mm256_castps_si256(_mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(part)), scale));
    const V is_minus_zero = _mm256_cvtepi16_epi32(is_minus);
    products[half] = _mm256_or_si256(_mm256_andnot_si256(is_minus_zero, product),
                                     _mm256_slli_epi32(is_minus_zero, 31));
  }
  std::uint8_t* const out = job.out + (job.element + i) * job.model.whole_bytes();
  if (job.model.bits == 32) {
    store(out, products[0]);
    store(out + 32, products[1]);
    return;
  }
  const bool is_bf16 = job.model.float_bits == 7;
  const V low = is_bf16 ? narrow_bf16(products[0]) : narrow_f16(products[0]);
  const V high = is_bf16 ? narrow_bf16(products[1]) : narrow_f16(products[1]);
  store(out, _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xD8));
}

}  // namespace bbz::codec::number::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
