// Deriving shortcuts on x86-64 with AVX-512 and its VNNI, which multiplies and adds in one
// instruction; the rest is in fixed_avx2.cc.
#include "bbz/gauge/fixed_kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

// clang-format off
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vnni"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512vnni")
#endif
// clang-format on

namespace bbz::gauge {
namespace {

using V = __m512i;

// A row of a group's pair of columns. Members, not an array, and no loop over rows below: GCC 12
// keeps the elements of an array of sums in memory.
struct Row {
  V x, y, z;
};

Row load(const std::int16_t* p) {
  return {_mm512_loadu_si512(p), _mm512_loadu_si512(p + 32), _mm512_loadu_si512(p + 64)};
}

void store(const Row& row, std::int32_t* p) {
  _mm512_storeu_si512(p, row.x);
  _mm512_storeu_si512(p + 16, row.y);
  _mm512_storeu_si512(p + 32, row.z);
}

void add_products(Row& sums, const std::int16_t* pair, const Row& b) {
  std::int32_t both;
  std::memcpy(&both, pair, sizeof(both));
  const V a = _mm512_set1_epi32(both);
  sums.x = _mm512_dpwssd_epi32(sums.x, a, b.x);
  sums.y = _mm512_dpwssd_epi32(sums.y, a, b.y);
  sums.z = _mm512_dpwssd_epi32(sums.z, a, b.z);
}

}  // namespace

void multiply_avx512_vnni(const std::int16_t* a, const std::int16_t* b, std::size_t pairs,
                          std::int32_t* sums) {
  const V zero = _mm512_setzero_si512();
  Row r0{zero, zero, zero};
  Row r1 = r0, r2 = r0, r3 = r0, r4 = r0, r5 = r0, r6 = r0, r7 = r0;
  for (std::size_t k = 0; k < pairs; ++k, a += kPairWords, b += kPairWords) {
    const Row columns = load(b);
    add_products(r0, a, columns);
    add_products(r1, a + 2, columns);
    add_products(r2, a + 4, columns);
    add_products(r3, a + 6, columns);
    add_products(r4, a + 8, columns);
    add_products(r5, a + 10, columns);
    add_products(r6, a + 12, columns);
    add_products(r7, a + 14, columns);
  }
  for (const Row& row : {r0, r1, r2, r3, r4, r5, r6, r7}) {
    store(row, sums);
    sums += kGroupRows;
  }
}

}  // namespace bbz::gauge

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif  // defined(__x86_64__)
