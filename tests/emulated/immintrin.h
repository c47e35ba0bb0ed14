// The instructions of AVX-512 that bbz's kernels use, in plain C++ and by the names of the
// compilers' <immintrin.h>, which this file stands in for, so that those kernels are tested on
// machines without AVX-512 too. After the descriptions in Intel's Intrinsics Guide. Memory is
// touched as the processor does: lanes that a mask leaves out are not, and what must be aligned is.
#pragma once
#pragma GCC system_header  // the names are those that are reserved for compilers

#include <algorithm>

#include "emulated/lanes.h"

// The statements asm(...) in kernels only hold compilers back, and name registers of AVX-512. Their
// asm volatile, a prefetch, stays: any x86-64 machine takes it.
#define asm(...)

using __mmask16 = std::uint16_t;
using __mmask32 = std::uint32_t;
using __mmask64 = bbz::emulated::Mask;
using __m128i = bbz::emulated::Quarter;
using __m256i = bbz::emulated::Half;
using __m512i = bbz::emulated::Register;

// Setting, loading and storing.

inline __m512i _mm512_setzero_si512() {
  return {};
}
inline __m512i _mm512_set1_epi8(char x) {
  return bbz::emulated::all(x);
}
inline __m512i _mm512_set1_epi16(short x) {
  return bbz::emulated::all(x);
}
inline __m512i _mm512_set1_epi32(int x) {
  return bbz::emulated::all(x);
}
inline __m512i _mm512_set1_epi64(long long x) {
  return bbz::emulated::all(x);
}
inline __m512i _mm512_loadu_si512(const void* p) {
  return bbz::emulated::load(p);
}
inline __m512i _mm512_load_si512(const void* p) {
  bbz::emulated::require_aligned(p);
  return bbz::emulated::load(p);
}
inline void _mm512_storeu_si512(void* p, __m512i v) {
  bbz::emulated::store(p, v);
}
inline void _mm512_store_si512(void* p, __m512i v) {
  bbz::emulated::require_aligned(p);
  bbz::emulated::store(p, v);
}
inline __m512i _mm512_maskz_loadu_epi8(__mmask64 mask, const void* p) {
  return bbz::emulated::load(mask, 1, p);
}
inline void _mm512_mask_storeu_epi8(void* p, __mmask64 mask, __m512i v) {
  bbz::emulated::store(p, mask, 1, v);
}
inline __m512i _mm512_maskz_loadu_epi16(__mmask32 mask, const void* p) {
  return bbz::emulated::load(mask, 2, p);
}
inline void _mm512_mask_storeu_epi16(void* p, __mmask32 mask, __m512i v) {
  bbz::emulated::store(p, mask, 2, v);
}
inline __m512i _mm512_maskz_loadu_epi32(__mmask16 mask, const void* p) {
  return bbz::emulated::load(mask, 4, p);
}
inline void _mm512_mask_storeu_epi32(void* p, __mmask16 mask, __m512i v) {
  bbz::emulated::store(p, mask, 4, v);
}
enum { _MM_HINT_T0 };
inline void _mm_prefetch(const void*, int) {}

// Arithmetic.

inline __m512i _mm512_add_epi8(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint8_t>([](auto x, auto y) { return x + y; }, a, b);
}
inline __m512i _mm512_add_epi16(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint16_t>([](auto x, auto y) { return x + y; }, a, b);
}
inline __m512i _mm512_add_epi64(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint64_t>([](auto x, auto y) { return x + y; }, a, b);
}
inline __m512i _mm512_sub_epi16(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint16_t>([](auto x, auto y) { return x - y; }, a, b);
}
inline __m512i _mm512_mask_sub_epi16(__m512i other, __mmask32 mask, __m512i a, __m512i b) {
  return bbz::emulated::blend<std::uint16_t>(mask, other, _mm512_sub_epi16(a, b));
}
inline __m512i _mm512_mullo_epi16(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint16_t>([](auto x, auto y) { return std::uint32_t{x} * y; }, a,
                                           b);
}
inline __m512i _mm512_mulhi_epu16(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint16_t>(
      [](auto x, auto y) { return std::uint32_t{x} * y >> 16; }, a, b);
}
inline __m512i _mm512_mul_epu32(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint64_t>(
      [](auto x, auto y) { return (x & 0xFFFFFFFF) * (y & 0xFFFFFFFF); }, a, b);
}
inline __m512i _mm512_add_epi32(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint32_t>([](auto x, auto y) { return x + y; }, a, b);
}
inline __m512i _mm512_mask_add_epi16(__m512i other, __mmask32 mask, __m512i a, __m512i b) {
  return bbz::emulated::blend<std::uint16_t>(mask, other, _mm512_add_epi16(a, b));
}
inline __m512i _mm512_mask_add_epi32(__m512i other, __mmask16 mask, __m512i a, __m512i b) {
  return bbz::emulated::blend<std::uint32_t>(mask, other, _mm512_add_epi32(a, b));
}
inline __m512i _mm512_sub_epi8(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint8_t>([](auto x, auto y) { return x - y; }, a, b);
}
inline __m512i _mm512_sub_epi32(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint32_t>([](auto x, auto y) { return x - y; }, a, b);
}
inline __m512i _mm512_mask_sub_epi32(__m512i other, __mmask16 mask, __m512i a, __m512i b) {
  return bbz::emulated::blend<std::uint32_t>(mask, other, _mm512_sub_epi32(a, b));
}
// Unsigned bytes of a times signed ones of b, two and two added up, with saturation.
inline __m512i _mm512_maddubs_epi16(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint16_t>(
      [](unsigned x, unsigned y) {
        const int low = static_cast<int>(x & 255) * static_cast<std::int8_t>(y & 255);
        const int high = static_cast<int>(x >> 8) * static_cast<std::int8_t>(y >> 8);
        return std::clamp(low + high, -32768, 32767);
      },
      a, b);
}
// Signed words, two and two added up.
inline __m512i _mm512_madd_epi16(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint32_t>(
      [](auto x, auto y) {
        const auto product = [](std::uint32_t m, std::uint32_t n) {
          return static_cast<std::uint32_t>(static_cast<std::int16_t>(m) *
                                            static_cast<std::int16_t>(n));
        };
        return product(x & 0xFFFF, y & 0xFFFF) + product(x >> 16, y >> 16);
      },
      a, b);
}
inline __m512i _mm512_dpwssd_epi32(__m512i sums, __m512i a, __m512i b) {
  return bbz::emulated::map<std::uint32_t>([](auto x, auto y) { return x + y; }, sums,
                                           _mm512_madd_epi16(a, b));
}

// Bits.

inline __m512i _mm512_and_si512(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint64_t>([](auto x, auto y) { return x & y; }, a, b);
}
inline __m512i _mm512_andnot_si512(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint64_t>([](auto x, auto y) { return ~x & y; }, a, b);
}
inline __m512i _mm512_or_si512(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint64_t>([](auto x, auto y) { return x | y; }, a, b);
}
inline __m512i _mm512_xor_si512(__m512i a, __m512i b) {
  return bbz::emulated::map<std::uint64_t>([](auto x, auto y) { return x ^ y; }, a, b);
}
// Bit 4 i + 2 j + k of `truth` is the result for bits i of a, j of b and k of c.
inline __m512i _mm512_ternarylogic_epi64(__m512i a, __m512i b, __m512i c, int truth) {
  return bbz::emulated::map<std::uint64_t>(
      [truth](std::uint64_t x, std::uint64_t y, std::uint64_t z) {
        std::uint64_t out = 0;
        for (int row = 0; row < 8; ++row) {
          if ((truth >> row & 1) == 0) continue;
          out |= ((row & 4) != 0 ? x : ~x) & ((row & 2) != 0 ? y : ~y) & ((row & 1) != 0 ? z : ~z);
        }
        return out;
      },
      a, b, c);
}
inline __m512i _mm512_srli_epi16(__m512i v, unsigned n) {
  return bbz::emulated::map<std::uint16_t>([n](auto x) { return n < 16 ? x >> n : 0; }, v);
}
inline __m512i _mm512_slli_epi16(__m512i v, unsigned n) {
  return bbz::emulated::map<std::uint16_t>([n](auto x) { return n < 16 ? unsigned{x} << n : 0; },
                                           v);
}
inline __m512i _mm512_srli_epi32(__m512i v, unsigned n) {
  return bbz::emulated::map<std::uint32_t>([n](auto x) { return n < 32 ? x >> n : 0; }, v);
}
inline __m512i _mm512_srli_epi64(__m512i v, unsigned n) {
  return bbz::emulated::map<std::uint64_t>([n](auto x) { return n < 64 ? x >> n : 0; }, v);
}
inline __m512i _mm512_slli_epi64(__m512i v, unsigned n) {
  return bbz::emulated::map<std::uint64_t>([n](auto x) { return n < 64 ? x << n : 0; }, v);
}
inline __m512i _mm512_slli_epi32(__m512i v, unsigned n) {
  return bbz::emulated::map<std::uint32_t>([n](auto x) { return n < 32 ? x << n : 0; }, v);
}
inline __m512i _mm512_srai_epi16(__m512i v, unsigned n) {
  return bbz::emulated::map<std::uint16_t>(
      [n](auto x) { return static_cast<std::int16_t>(x) >> std::min(n, 15u); }, v);
}
inline __m512i _mm512_srai_epi32(__m512i v, unsigned n) {
  return bbz::emulated::map<std::uint32_t>(
      [n](auto x) { return static_cast<std::int32_t>(x) >> std::min(n, 31u); }, v);
}
inline __m512i _mm512_sllv_epi16(__m512i v, __m512i by) {
  return bbz::emulated::map<std::uint16_t>(
      [](unsigned x, unsigned n) { return n < 16 ? x << n : 0; }, v, by);
}
inline __m512i _mm512_sllv_epi32(__m512i v, __m512i by) {
  return bbz::emulated::map<std::uint32_t>([](auto x, auto n) { return n < 32 ? x << n : 0; }, v,
                                           by);
}
inline __m512i _mm512_rol_epi32(__m512i v, unsigned n) {
  return bbz::emulated::map<std::uint32_t>(
      [n](auto x) { return std::rotl(x, static_cast<int>(n)); }, v);
}
inline __m512i _mm512_ror_epi32(__m512i v, unsigned n) {
  return bbz::emulated::map<std::uint32_t>(
      [n](auto x) { return std::rotr(x, static_cast<int>(n)); }, v);
}
// The upper word of a above b, shifted left by n < 16.
inline __m512i _mm512_shldi_epi16(__m512i a, __m512i b, unsigned n) {
  return bbz::emulated::map<std::uint16_t>(
      [n](std::uint32_t x, std::uint32_t y) { return (x << 16 | y) << n >> 16; }, a, b);
}
// Eight bits of each quarter of v from where each byte of `at` says, around its end.
inline __m512i _mm512_multishift_epi64_epi8(__m512i at, __m512i v) {
  return bbz::emulated::map<std::uint64_t>(
      [](std::uint64_t from, std::uint64_t x) {
        std::uint64_t out = 0;
        for (int i = 0; i < 64; i += 8)
          out |= (std::rotr(x, static_cast<int>(from >> i & 63)) & 255) << i;
        return out;
      },
      at, v);
}

// Moving lanes.

inline __m512i _mm512_permutexvar_epi8(__m512i at, __m512i v) {
  return bbz::emulated::permute<std::uint8_t>(v, at, v);
}
inline __m512i _mm512_permutex2var_epi8(__m512i a, __m512i at, __m512i b) {
  return bbz::emulated::permute<std::uint8_t>(a, at, b);
}
inline __m512i _mm512_mask_mov_epi8(__m512i other, __mmask64 mask, __m512i v) {
  return bbz::emulated::blend<std::uint8_t>(mask, other, v);
}
inline __m512i _mm512_permutexvar_epi16(__m512i at, __m512i v) {
  return bbz::emulated::permute<std::uint16_t>(v, at, v);
}
inline __m512i _mm512_permutex2var_epi16(__m512i a, __m512i at, __m512i b) {
  return bbz::emulated::permute<std::uint16_t>(a, at, b);
}
inline __m512i _mm512_permutex2var_epi32(__m512i a, __m512i at, __m512i b) {
  return bbz::emulated::permute<std::uint32_t>(a, at, b);
}
// Eight of the quadwords of b and those of a after them, from the n-th on.
inline __m512i _mm512_alignr_epi64(__m512i a, __m512i b, int n) {
  const auto low = bbz::emulated::lanes<std::uint64_t>(b);
  const auto high = bbz::emulated::lanes<std::uint64_t>(a);
  auto out = low;
  for (std::size_t i = 0; i < 8; ++i) {
    const std::size_t from = i + static_cast<std::size_t>(n);
    out[i] = from < 8 ? low[from] : high[from - 8];
  }
  return bbz::emulated::of<std::uint64_t>(out);
}
inline __m512i _mm512_mask_mov_epi16(__m512i other, __mmask32 mask, __m512i v) {
  return bbz::emulated::blend<std::uint16_t>(mask, other, v);
}
inline __m512i _mm512_mask_blend_epi8(__mmask64 mask, __m512i a, __m512i b) {
  return bbz::emulated::blend<std::uint8_t>(mask, a, b);
}
// The first bytes of v, as many as the mask has bits, where it has them.
inline __m512i _mm512_mask_expand_epi8(__m512i other, __mmask64 mask, __m512i v) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    if ((mask >> i & 1) != 0) other.bytes[i] = v.bytes[next++];
  }
  return other;
}
inline __m512i _mm512_maskz_expand_epi16(__mmask32 mask, __m512i v) {
  return bbz::emulated::expand<std::uint16_t>(mask, v);
}
inline __m512i _mm512_maskz_expand_epi32(__mmask16 mask, __m512i v) {
  return bbz::emulated::expand<std::uint32_t>(mask, v);
}
inline __m512i _mm512_maskz_compress_epi8(__mmask64 mask, __m512i v) {
  __m512i out{};
  std::size_t next = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    if ((mask >> i & 1) != 0) out.bytes[next++] = v.bytes[i];
  }
  return out;
}
// Two bits of `order` for each of four double words: where it is from, among these four.
enum _MM_PERM_ENUM { _MM_PERM_BADC = 0x4E, _MM_PERM_CDAB = 0xB1 };
inline __m512i _mm512_shuffle_epi32(__m512i v, _MM_PERM_ENUM order) {
  const auto in = bbz::emulated::lanes<std::uint32_t>(v);
  auto out = in;
  for (unsigned i = 0; i < 16; ++i) out[i] = in[i / 4 * 4 + (unsigned{order} >> (i % 4 * 2) & 3)];
  return bbz::emulated::of<std::uint32_t>(out);
}
inline __m256i _mm512_cvtepi16_epi8(__m512i v) {
  return bbz::emulated::narrow<std::uint16_t, std::uint8_t>(v);
}
inline __m256i _mm512_cvtepi32_epi16(__m512i v) {
  return bbz::emulated::narrow<std::uint32_t, std::uint16_t>(v);
}
inline __m512i _mm512_cvtepu8_epi16(__m256i v) {
  bbz::emulated::Lanes<std::uint16_t> out;
  std::copy(v.bytes.begin(), v.bytes.end(), out.begin());
  return bbz::emulated::of<std::uint16_t>(out);
}
inline __m512i _mm512_cvtepu8_epi32(__m128i v) {
  bbz::emulated::Lanes<std::uint32_t> out;
  std::copy(v.bytes.begin(), v.bytes.end(), out.begin());
  return bbz::emulated::of<std::uint32_t>(out);
}
inline __m512i _mm512_cvtepu16_epi32(__m256i v) {
  const auto words = std::bit_cast<std::array<std::uint16_t, 16>>(v);
  bbz::emulated::Lanes<std::uint32_t> out;
  std::copy(words.begin(), words.end(), out.begin());
  return bbz::emulated::of<std::uint32_t>(out);
}
inline __m512i _mm512_castsi256_si512(__m256i v) {
  __m512i out;
  out.bytes.fill(0xA5);  // not defined
  std::copy(v.bytes.begin(), v.bytes.end(), out.bytes.begin());
  return out;
}
inline __m512i _mm512_inserti64x4(__m512i v, __m256i half, int at) {
  std::copy(half.bytes.begin(), half.bytes.end(), v.bytes.begin() + 32 * at);
  return v;
}
inline __m256i _mm512_extracti64x4_epi64(__m512i v, int at) {
  __m256i half;
  std::copy_n(v.bytes.begin() + 32 * at, 32, half.bytes.begin());
  return half;
}
inline __m256i _mm512_castsi512_si256(__m512i v) {
  return _mm512_extracti64x4_epi64(v, 0);
}
inline __m256i _mm256_loadu_si256(const __m256i* p) {
  return _mm512_castsi512_si256(bbz::emulated::load(0xFFFFFFFF, 1, p));
}
inline __m128i _mm_loadu_si128(const __m128i* p) {
  const __m512i v = bbz::emulated::load(0xFFFF, 1, p);
  __m128i quarter;
  std::copy_n(v.bytes.begin(), 16, quarter.bytes.begin());
  return quarter;
}

// Masks.

inline __mmask64 _mm512_cmpeq_epi8_mask(__m512i a, __m512i b) {
  return static_cast<__mmask64>(
      bbz::emulated::where<std::uint8_t>([](auto x, auto y) { return x == y; }, a, b));
}
inline __mmask64 _mm512_cmplt_epu8_mask(__m512i a, __m512i b) {
  return bbz::emulated::where<std::uint8_t>([](auto x, auto y) { return x < y; }, a, b);
}
inline __mmask64 _mm512_cmpge_epu8_mask(__m512i a, __m512i b) {
  return bbz::emulated::where<std::uint8_t>([](auto x, auto y) { return x >= y; }, a, b);
}
inline __mmask32 _mm512_cmplt_epu16_mask(__m512i a, __m512i b) {
  return static_cast<__mmask32>(
      bbz::emulated::where<std::uint16_t>([](auto x, auto y) { return x < y; }, a, b));
}
inline __mmask32 _mm512_cmpge_epu16_mask(__m512i a, __m512i b) {
  return static_cast<__mmask32>(
      bbz::emulated::where<std::uint16_t>([](auto x, auto y) { return x >= y; }, a, b));
}
inline __mmask64 _mm512_testn_epi8_mask(__m512i a, __m512i b) {
  return static_cast<__mmask64>(
      bbz::emulated::where<std::uint8_t>([](auto x, auto y) { return (x & y) == 0; }, a, b));
}
inline __mmask32 _mm512_test_epi16_mask(__m512i a, __m512i b) {
  return static_cast<__mmask32>(
      bbz::emulated::where<std::uint16_t>([](auto x, auto y) { return (x & y) != 0; }, a, b));
}
inline __mmask32 _mm512_mask_test_epi16_mask(__mmask32 mask, __m512i a, __m512i b) {
  return mask & _mm512_test_epi16_mask(a, b);
}
inline __mmask64 _mm512_movepi8_mask(__m512i v) {
  return bbz::emulated::where<std::uint8_t>([](auto x) { return x >= 128; }, v);
}
inline __mmask64 _mm512_kunpackd(__mmask64 high, __mmask64 low) {
  return high << 32 | (low & 0xFFFFFFFF);
}
inline long long _mm_popcnt_u64(unsigned long long x) {
  return std::popcount(x);
}
inline unsigned long long _bzhi_u64(unsigned long long x, unsigned n) {
  return n % 256 < 64 ? x & ((1ull << n % 256) - 1) : x;
}

#include "emulated/difference.h"
