// The loops over elements, compiled for AVX2.
#include "bbz/codec/difference/avx2/avx2.h"
#include "bbz/codec/split/avx2/avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define BBZ_LOOPS_BEGIN BBZ_AVX2_BEGIN
#define BBZ_LOOPS_END BBZ_AVX2_END
#include "bbz/codec/difference/loops.h"

BBZ_AVX2_BEGIN

namespace bbz::codec::difference {
namespace {

using V = __m256i;

inline V load(const void* p) {
  return _mm256_loadu_si256(static_cast<const V*>(p));
}
inline void store(void* p, V v) {
  _mm256_storeu_si256(static_cast<V*>(p), v);
}

struct Avx2 {
  static void find_fields(const std::uint8_t* elements, int shift, std::uint8_t mask,
                          std::uint8_t* fields) {
    const __m128i by = _mm_cvtsi32_si128(shift);
    for (int i = 0; i < 64; i += 32) {
      const V v = _mm256_srl_epi16(load(elements + i), by);
      store(fields + i, _mm256_and_si256(v, _mm256_set1_epi8(static_cast<char>(mask))));
    }
  }
  static void find_fields(const std::uint16_t* elements, int shift, std::uint16_t mask,
                          std::uint8_t* fields) {
    const __m128i by = _mm_cvtsi32_si128(shift);
    const V below = _mm256_set1_epi16(static_cast<short>(mask));
    for (int i = 0; i < 64; i += 32) {
      const V a = _mm256_and_si256(_mm256_srl_epi16(load(elements + i), by), below);
      const V b = _mm256_and_si256(_mm256_srl_epi16(load(elements + i + 16), by), below);
      store(fields + i, _mm256_permute4x64_epi64(_mm256_packus_epi16(a, b), 0xD8));
    }
  }
  static void find_fields(const std::uint32_t* elements, int shift, std::uint32_t mask,
                          std::uint8_t* fields) {
    const __m128i by = _mm_cvtsi32_si128(shift);
    const V below = _mm256_set1_epi32(static_cast<int>(mask));
    const auto words = [&](const std::uint32_t* p) {
      return _mm256_and_si256(_mm256_srl_epi32(load(p), by), below);
    };
    const V order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    for (int i = 0; i < 64; i += 32) {
      const std::uint32_t* p = elements + i;
      const V a = _mm256_packus_epi32(words(p), words(p + 8));
      const V b = _mm256_packus_epi32(words(p + 16), words(p + 24));
      store(fields + i, _mm256_permutevar8x32_epi32(_mm256_packus_epi16(a, b), order));
    }
  }
  static void find_intervals(const std::uint8_t* exponents, const Classes& classes,
                             std::uint8_t* contexts) {
    const V a = load(exponents);
    const V b = load(exponents + 32);
    V in_a = V{};
    V in_b = V{};
    for (int t = 1; t < classes.tables; ++t) {
      const V first = _mm256_set1_epi8(static_cast<char>(classes.first[t]));
      in_a = _mm256_sub_epi8(in_a, _mm256_cmpeq_epi8(_mm256_max_epu8(a, first), a));
      in_b = _mm256_sub_epi8(in_b, _mm256_cmpeq_epi8(_mm256_max_epu8(b, first), b));
    }
    store(contexts, in_a);
    store(contexts + 32, in_b);
  }
  static std::uint64_t set_of(const std::uint8_t* bytes) {
    const auto half = [](const std::uint8_t* p) {
      return static_cast<std::uint32_t>(_mm256_movemask_epi8(load(p)));
    };
    return half(bytes) | std::uint64_t{half(bytes + 32)} << 32;
  }
};

}  // namespace

void avx2_count(const Classes& classes, const std::uint8_t* base, std::uint64_t elements,
                Counts& counts) {
  loop_count<Avx2>(classes, base, elements, counts);
}

void avx2_merge(MergeJob& job) {
  loop_merge<Avx2>(job);
}

void avx2_split(SplitJob& job) {
  loop_split<Avx2>(job);
}

}  // namespace bbz::codec::difference

BBZ_AVX2_END

#endif  // defined(__x86_64__)
