// Derives shortcuts on x86-64 with AVX2 and F16C. The code for them is between two pragmas, after
// all headers, so that no inline function of a header is compiled for them.
#include "bbz/symmetry/gauge/internal/fixed_kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

// clang-format off
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,f16c")
#endif
// clang-format on

namespace bbz::gauge {
namespace {

using V = __m256i;

V load(const void* p) {
  return _mm256_loadu_si256(static_cast<const V*>(p));
}

void store(void* p, __m128i x) {
  _mm_storeu_si128(static_cast<__m128i*>(p), x);
}

// Returns the two entries of one row in every lane.
V broadcast(const std::int16_t* pair) {
  std::int32_t both;
  std::memcpy(&both, pair, sizeof(both));
  return _mm256_set1_epi32(both);
}

// Multiplies 4 rows by 16: eight sums and their operands fit into the registers.
void multiply_part(const std::int16_t* a, const std::int16_t* b, std::size_t pairs,
                   std::int32_t* sums) {
  constexpr int kRows = 4;
  V sum[kRows][2] = {};
  for (std::size_t k = 0; k < pairs; ++k, a += kPairWords, b += kPairWords) {
    const V b0 = load(b);
    const V b1 = load(b + 16);
    for (int i = 0; i < kRows; ++i) {
      const V row = broadcast(a + 2 * i);
      sum[i][0] = _mm256_add_epi32(sum[i][0], _mm256_madd_epi16(row, b0));
      sum[i][1] = _mm256_add_epi32(sum[i][1], _mm256_madd_epi16(row, b1));
    }
  }
  for (int i = 0; i < kRows; ++i) {
    auto* out = reinterpret_cast<V*>(sums + static_cast<std::size_t>(i) * kGroupRows);
    _mm256_storeu_si256(out, sum[i][0]);
    _mm256_storeu_si256(out + 1, sum[i][1]);
  }
}

// Converts to float and keeps lost bits in the last bit ("round to odd"). Rounding the result to a
// type with at least two bits less is then the same as rounding once.
__m256 to_float(V x) {
  const V large = _mm256_cmpgt_epi32(_mm256_abs_epi32(x), _mm256_set1_epi32((1 << 24) - 1));
  const V low = _mm256_and_si256(x, _mm256_set1_epi32(0xff));
  const V odd = _mm256_andnot_si256(_mm256_cmpeq_epi32(low, _mm256_setzero_si256()),
                                    _mm256_set1_epi32(0x100));
  const V kept = _mm256_or_si256(_mm256_sub_epi32(x, low), odd);
  return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_blendv_epi8(x, kept, large)),
                       _mm256_set1_ps(0x1p-30F));
}

__m128i to_bf16(__m256 x) {
  const V bits = _mm256_castps_si256(x);
  const V even = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const V half = _mm256_add_epi32(even, _mm256_set1_epi32(0x7fff));
  const V rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, half), 16);
  return _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
}

// Stores the columns of eight rows of eight as rows of a square.
void store_transposed(const __m128i* rows, std::uint16_t* out) {
  __m128i twos[8], fours[8];
  for (int i = 0; i < 4; ++i) {  // rows i and i + 4, interleaved
    twos[2 * i] = _mm_unpacklo_epi16(rows[i], rows[i + 4]);
    twos[2 * i + 1] = _mm_unpackhi_epi16(rows[i], rows[i + 4]);
  }
  for (int i = 0; i < 4; ++i) {
    fours[2 * i] = _mm_unpacklo_epi16(twos[i], twos[i + 4]);
    fours[2 * i + 1] = _mm_unpackhi_epi16(twos[i], twos[i + 4]);
  }
  for (int i = 0; i < 4; ++i) {
    store(out, _mm_unpacklo_epi16(fours[i], fours[i + 4]));
    store(out + kWindowRows, _mm_unpackhi_epi16(fours[i], fours[i + 4]));
    out += 2 * kWindowRows;
  }
}

// Eight elements as whole numbers. `wrong` has a bit set if an element is not one.
struct Fixed {
  __m128i values;
  V wrong;
};

Fixed to_fixed(__m128i elements) {
  const __m256 units = _mm256_mul_ps(_mm256_cvtph_ps(elements), _mm256_set1_ps(0x1p15F));
  const V whole = _mm256_cvtps_epi32(units);  // -2^31 if too large or NaN
  const __m128i values =
      _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  const __m256 fraction = _mm256_cmp_ps(_mm256_cvtepi32_ps(whole), units, _CMP_NEQ_UQ);
  const V excess = _mm256_xor_si256(_mm256_cvtepi16_epi32(values), whole);
  return {values, _mm256_or_si256(_mm256_castps_si256(fraction), excess)};
}

// Returns sums of the squares in 64 bits. The squares of two values of -2^15 sum to 2^31, which is
// unsigned.
__m128i squares_of(__m128i values) {
  const __m128i sums = _mm_madd_epi16(values, values);
  const __m128i low = _mm_and_si128(sums, _mm_set1_epi64x(0xffffffff));
  return _mm_add_epi64(low, _mm_srli_epi64(sums, 32));
}

}  // namespace

bool to_fixed_avx2(const std::byte* elements, std::size_t count, std::int16_t* fixed) {
  constexpr std::size_t kStep = 8;
  V wrong = _mm256_setzero_si256();
  __m128i squares = _mm_setzero_si128();
  const auto take = [&](const void* from, void* to) {
    const Fixed eight = to_fixed(_mm_loadu_si128(static_cast<const __m128i*>(from)));
    wrong = _mm256_or_si256(wrong, eight.wrong);
    squares = _mm_add_epi64(squares, squares_of(eight.values));
    store(to, eight.values);
  };
  std::size_t k = 0;
  for (; k + kStep <= count; k += kStep) take(elements + 2 * k, fixed + k);
  if (k < count) {
    std::uint16_t rest[kStep] = {};
    std::int16_t last[kStep];
    std::memcpy(rest, elements + 2 * k, 2 * (count - k));
    take(rest, last);
    std::memcpy(fixed + k, last, 2 * (count - k));
  }
  std::uint64_t sums[2];
  store(sums, squares);
  return _mm256_testz_si256(wrong, wrong) != 0 && sums[0] + sums[1] < std::uint64_t{1} << 31;
}

void multiply_avx2(const std::int16_t* a, const std::int16_t* b, std::size_t pairs,
                   std::int32_t* sums) {
  for (std::size_t i = 0; i < kTileRows; i += 4) {
    for (std::size_t j = 0; j < kGroupRows; j += 16) {
      multiply_part(a + 2 * i, b + 2 * j, pairs, sums + i * kGroupRows + j);
    }
  }
}

void round_avx2(const std::int32_t* square, bool bf16, std::uint16_t* rounded,
                std::uint16_t* mirrored) {
  constexpr std::size_t kEdge = 8;
  for (std::size_t top = 0; top < kGroupRows; top += kEdge) {
    for (std::size_t left = 0; left < kGroupRows; left += kEdge) {
      __m128i rows[kEdge];
      for (std::size_t i = 0; i < kEdge; ++i) {
        const V negated = load(square + (top + i) * kGroupRows + left);
        const __m256 x = to_float(_mm256_sub_epi32(_mm256_setzero_si256(), negated));
        rows[i] =
            bf16 ? to_bf16(x) : _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        store(rounded + (top + i) * kWindowRows + left, rows[i]);
      }
      store_transposed(rows, mirrored + left * kWindowRows + top);
    }
  }
}

}  // namespace bbz::gauge

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif  // defined(__x86_64__)
