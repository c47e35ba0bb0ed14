// Counting and splitting with AVX-512: the inverse of merge.cc.
#include "bbz/codec/split/avx512/avx512.h"

#if defined(__x86_64__)

#include <cstring>

#include "bbz/codec/difference/avx512/runs.h"

BBZ_AVX512_BEGIN

namespace bbz::codec::difference {
namespace avx512 {
namespace {

// Appends fields of 64 elements to the lower bits.
template <class Format>
BBZ_AVX512_INLINE void put_low(SplitJob& job, V fields, V bits) {
  Format::join_fields(fields, bits);
  alignas(64) std::uint64_t field[8];
  alignas(64) std::uint64_t size[8];
  _mm512_store_si512(field, fields);
  _mm512_store_si512(size, bits);
  std::uint64_t pending = job.pending;
  auto filled = static_cast<std::uint64_t>(job.filled);
  for (int i = 0; i < 8; ++i) {
    pending |= field[i] << filled;
    filled += size[i];
    std::memcpy(job.low, &pending, 8);
    job.low += filled / 8;
    pending >>= filled & ~std::uint64_t{7};
    filled %= 8;
  }
  job.pending = pending;
  job.filled = static_cast<int>(filled);
}

// Appends the lowest `count` bits of `bits`, at most 64.
inline void put_bits(SplitJob& job, std::uint64_t bits, std::uint64_t count) {
  const auto filled = static_cast<std::uint64_t>(job.filled);
  const std::uint64_t all = job.pending | bits << filled;
  const std::uint64_t total = filled + count;
  std::memcpy(job.low, &all, 8);
  if (total < 64) {
    job.low += total / 8;
    job.pending = all >> (total & ~std::uint64_t{7});
  } else {
    job.low += 8;
    job.pending = filled == 0 ? 0 : bits >> (64 - filled);
  }
  job.filled = static_cast<int>(total % 8);
}

// Appends fields of the elements in `lanes`, of which there are at most 16 with at most eight bits
// each. `fields` and `bits` are bytes.
BBZ_AVX512_INLINE void put_few_low(SplitJob& job, V fields, V bits, __mmask64 lanes) {
  const __m128i field = _mm512_castsi512_si128(_mm512_maskz_compress_epi8(lanes, fields));
  const __m128i mask = _mm512_castsi512_si128(masks_of(_mm512_maskz_compress_epi8(lanes, bits)));
  const auto first = static_cast<std::uint64_t>(_mm_cvtsi128_si64(mask));
  const auto second = static_cast<std::uint64_t>(_mm_extract_epi64(mask, 1));
  put_bits(job, _pext_u64(static_cast<std::uint64_t>(_mm_cvtsi128_si64(field)), first),
           static_cast<std::uint64_t>(_mm_popcnt_u64(first)));
  put_bits(job, _pext_u64(static_cast<std::uint64_t>(_mm_extract_epi64(field, 1)), second),
           static_cast<std::uint64_t>(_mm_popcnt_u64(second)));
}

__attribute__((noinline)) void put_places(std::vector<std::uint32_t>& places, std::uint32_t first,
                                          __mmask64 lanes) {
  for (; lanes != 0; lanes &= lanes - 1) {
    places.push_back(first + static_cast<std::uint32_t>(__builtin_ctzll(lanes)));
  }
}

template <class Format, int kLive>
BBZ_AVX512_INLINE void split_group(SplitJob& job, Run<std::uint8_t*> (&runs)[kLive],
                                   const LowBits& low_bits, std::uint64_t at, __mmask64 active) {
  constexpr int kParts = Format::kParts;
  V base[kParts];
  V folded[kParts];
  for_each<kParts>([&](auto i) __attribute__((always_inline)) {
    base[i] = Format::load_part(job.base + at * Format::kBytes, active, i);
    const V element = Format::load_part(job.in + at * Format::kBytes, active, i);
    folded[i] = Format::fold(Format::sub(Format::turn(element), Format::turn(base[i])));
  });
  const V exponents = Format::exponents(base);
  V bits = low_bits(exponents);
  V small[kParts];
  for_each<kParts>([&](auto i) __attribute__((always_inline)) {
    const V one = Format::set1(1);
    const V upper = Format::shift_right(Format::sub(folded[i], one), Format::widen(bits, i));
    small[i] =
        Format::where(folded[i], Format::least(Format::add(upper, one), Format::set1(int{kWhole})));
  });
  const V symbols = Format::narrow(small);
  __mmask64 live = 0;
  for_each<kLive>([&](auto i) __attribute__((always_inline)) {
    const __mmask64 lanes = runs[i].lanes(exponents, active);
    live |= lanes;
    _mm512_storeu_si512(runs[i].at, _mm512_maskz_compress_epi8(lanes, symbols));
    runs[i].at += _mm_popcnt_u64(lanes);
  });
  const __mmask64 changed = _mm512_test_epi8_mask(symbols, symbols);
  if (changed == 0) return;
  const __mmask64 whole =
      _mm512_cmpeq_epi8_mask(symbols, _mm512_set1_epi8(static_cast<char>(kWhole))) & live;
  const auto place = job.place + static_cast<std::uint32_t>(at);
  if (__builtin_expect((changed & ~live) != 0, 0)) put_places(*job.patches, place, changed & ~live);
  if (__builtin_expect(whole != 0, 0)) put_places(*job.wholes, place, whole);
  bits = _mm512_maskz_mov_epi8(changed & live & ~whole, bits);
  const __mmask64 lanes = _mm512_test_epi8_mask(bits, bits);
  if (lanes == 0) return;
  const V one = Format::set1(1);
  if constexpr (Format::kBytes <= 2) {
    if (_mm_popcnt_u64(lanes) <= 16) {
      V below[kParts];
      for_each<kParts>([&](auto i) __attribute__((always_inline)) {
        below[i] = Format::sub(folded[i], one);
      });
      put_few_low(job, Format::narrow(below), bits, lanes);
      return;
    }
  }
  for_each<kParts>([&](auto i) __attribute__((always_inline)) {
    const V width = Format::widen(bits, i);
    const V mask = Format::sub(Format::shift_left(one, width), one);
    put_low<Format>(job, _mm512_and_si512(Format::sub(folded[i], one), mask), width);
  });
}

template <class Format, int kLive>
void split_live(SplitJob& job) {
  Run<std::uint8_t*> runs[kLive];
  find_runs<kLive>(job, runs);
  const LowBits low_bits(*job.classes);
  std::uint64_t at = 0;
  for (; at + 64 <= job.elements; at += 64) {
    split_group<Format, kLive>(job, runs, low_bits, at, ~__mmask64{0});
  }
  if (at < job.elements) {
    split_group<Format, kLive>(job, runs, low_bits, at, first_lanes(job.elements - at));
  }
}

template <class Format>
void count_exponents(const Classes& classes, const std::uint8_t* base, std::uint64_t elements,
                     Counts& counts) {
  V first[kMaxTables];
  std::uint64_t above[kMaxTables + 1] = {elements};
  for (int t = 1; t < classes.tables; ++t) {
    first[t] = _mm512_set1_epi8(static_cast<char>(classes.first[t]));
  }
  for (std::uint64_t at = 0; at < elements; at += 64) {
    const __mmask64 active = first_lanes(elements - at);
    V parts[Format::kParts];
    for (int i = 0; i < Format::kParts; ++i) {
      parts[i] = Format::load_part(base + at * Format::kBytes, active, i);
    }
    const V exponents = Format::exponents(parts);
    for (int t = 1; t < classes.tables; ++t) {
      above[t] += static_cast<std::uint64_t>(
          _mm_popcnt_u64(_mm512_mask_cmpge_epu8_mask(active, exponents, first[t])));
    }
  }
  for (int t = 0; t < kMaxTables; ++t) {
    counts[t] = classes.is_live(t) ? static_cast<std::uint32_t>(above[t] - above[t + 1]) : 0;
  }
}

}  // namespace
}  // namespace avx512

void avx512_count(const Classes& classes, const std::uint8_t* base, std::uint64_t elements,
                  Counts& counts) {
  avx512::with_format(classes, [&](auto format) {
    avx512::count_exponents<decltype(format)>(classes, base, elements, counts);
  });
}

void avx512_split(SplitJob& job) {
  if (job.classes->live == 0) return kPortableKernel.split(job);
  avx512::with_format(*job.classes, [&](auto format) {
    avx512::with_live(*job.classes, [&](auto live) {
      avx512::split_live<decltype(format), decltype(live)::value>(job);
    });
  });
}

}  // namespace bbz::codec::difference

BBZ_AVX512_END

#endif  // defined(__x86_64__)
