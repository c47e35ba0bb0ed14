// dot() on x86-64 with AVX2 and FMA. The code for them is between two pragmas, after all headers, so
// that no inline function of a header is compiled for them.
#include "bbz/symmetry/linalg/dot.h"

#if defined(__x86_64__)

#include <immintrin.h>

// clang-format off
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
// clang-format on

namespace bbz::linalg {

double dot_avx2(const float* a, const double* b, Index n) {
  constexpr Index kLanes = 4, kSums = 4;
  __m256d sums[kSums] = {};
  Index k = 0;
  for (; k + kLanes * kSums <= n; k += kLanes * kSums) {
    for (Index s = 0; s < kSums; ++s) {
      const __m256d x = _mm256_cvtps_pd(_mm_loadu_ps(a + k + s * kLanes));
      sums[s] = _mm256_fmadd_pd(x, _mm256_loadu_pd(b + k + s * kLanes), sums[s]);
    }
  }
  double sum = 0;
  for (; k < n; ++k) sum += static_cast<double>(a[k]) * b[k];
  double lanes[kLanes];
  _mm256_storeu_pd(lanes,
                   _mm256_add_pd(_mm256_add_pd(sums[0], sums[1]), _mm256_add_pd(sums[2], sums[3])));
  for (const double lane : lanes) sum += lane;
  return sum;
}

}  // namespace bbz::linalg

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif  // defined(__x86_64__)
