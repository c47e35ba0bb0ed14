// Derives shortcuts on x86-64 with AVX-512 and its VNNI, which multiplies and adds in one
// instruction. The other functions of this kernel are in fixed_avx2.cc.
#include "bbz/symmetry/gauge/internal/fixed_kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

// clang-format off
#if defined(BBZ_EMULATED_AVX512)  // for tests, by another <immintrin.h>
#elif defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vnni"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vnni")
#endif
// clang-format on

namespace bbz::gauge {
namespace {

using V = __m512i;

// A pair of columns of a group. Has members instead of an array, and there is no loop over rows
// below, because GCC 12 keeps the elements of an array of sums in memory.
struct Row {
  V x, y, z;
};

Row load(const std::int16_t* p) {
  return {_mm512_loadu_si512(p), _mm512_loadu_si512(p + 32), _mm512_loadu_si512(p + 64)};
}

V load_words(const std::uint16_t* p) {
  return _mm512_loadu_si512(p);
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

void permute_avx512(const std::uint16_t* words, const std::uint16_t* from, std::size_t count,
                    std::byte* out) {
  static_assert(kWindowRows == 6 * 32, "six registers of words");
  const V w0 = load_words(words), w1 = load_words(words + 32), w2 = load_words(words + 64);
  const V w3 = load_words(words + 96), w4 = load_words(words + 128), w5 = load_words(words + 160);
  const V second = _mm512_set1_epi16(64), third = _mm512_set1_epi16(128);
  for (std::size_t i = 0; i < count; i += 32) {
    const V at = load_words(from + i);  // a permutation of two registers uses six bits of each
    const __mmask32 in_second = _mm512_test_epi16_mask(at, second);
    const __mmask32 in_third = _mm512_test_epi16_mask(at, third);
    V found = _mm512_permutex2var_epi16(w0, at, w1);
    found = _mm512_mask_mov_epi16(found, in_second, _mm512_permutex2var_epi16(w2, at, w3));
    found = _mm512_mask_mov_epi16(found, in_third, _mm512_permutex2var_epi16(w4, at, w5));
    const __mmask32 wanted =
        count - i < 32 ? (std::uint32_t{1} << (count - i)) - 1 : ~std::uint32_t{0};
    _mm512_mask_storeu_epi16(out + 2 * i, wanted, found);
  }
}

}  // namespace bbz::gauge

#if defined(BBZ_EMULATED_AVX512)
#elif defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif  // defined(__x86_64__)
