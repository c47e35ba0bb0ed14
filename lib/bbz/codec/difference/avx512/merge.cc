// Merging with AVX-512.
//
// The table of an element is an interval of exponents, so a comparison gives the lanes of a table.
// Expanding moves the next symbols of its run to these lanes.
#include "bbz/codec/split/avx512/avx512.h"

#if defined(__x86_64__)

#include <cstring>

#include "bbz/codec/difference/avx512/runs.h"

BBZ_AVX512_BEGIN

namespace bbz::codec::difference {
namespace avx512 {
namespace {

// Moves quadwords up by kBy places.
template <int kBy>
V moved_up(V v) {
  return _mm512_alignr_epi64(v, V{}, 8 - kBy);
}

// Returns the 64 bits from a bit on. Nine bytes must be readable there.
inline std::uint64_t bits_at(const std::uint8_t* low, std::uint64_t at) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, low + at / 8, 8);
  const std::uint64_t next = low[at / 8 + 8];
  return bits >> (at % 8) | next << 1 << (63 - at % 8);
}

// Reads the lower bits of the elements in `lanes`, of which there are at most 16 with at most eight
// bits each, and of which `bits` has the numbers. 24 bytes must be readable. Returns bytes.
BBZ_AVX512_INLINE V take_few_low(MergeJob& job, V bits, __mmask64 lanes) {
  const V wanted = masks_of(_mm512_maskz_compress_epi8(lanes, bits));
  const __m128i sixteen = _mm512_castsi512_si128(wanted);
  const auto first = static_cast<std::uint64_t>(_mm_cvtsi128_si64(sixteen));
  const auto second = static_cast<std::uint64_t>(_mm_extract_epi64(sixteen, 1));
  const std::uint64_t middle = job.low_at + static_cast<std::uint64_t>(_mm_popcnt_u64(first));
  const std::uint64_t a = _pdep_u64(bits_at(job.low, job.low_at), first);
  const std::uint64_t b = _pdep_u64(bits_at(job.low, middle), second);
  job.low_at = middle + static_cast<std::uint64_t>(_mm_popcnt_u64(second));
  const __m128i both = _mm_set_epi64x(static_cast<long long>(b), static_cast<long long>(a));
  return _mm512_maskz_expand_epi8(lanes, _mm512_castsi128_si512(both));
}

// Reads the lower bits of 64 elements, of which each has as many as a byte of `bits` says, at most
// eight. Returns false if there are too few.
BBZ_AVX512_INLINE bool take_low_bytes(MergeJob& job, V bits, V& low) {
  alignas(64) std::uint64_t part[8];
  _mm512_store_si512(part, masks_of(bits));
  const auto take = [&](const std::uint8_t* from, std::uint64_t at) __attribute__((always_inline)) {
    for (std::uint64_t& wanted : part) {
      const auto count = static_cast<std::uint64_t>(_mm_popcnt_u64(wanted));
      wanted = _pdep_u64(bits_at(from, at), wanted);
      at += count;
    }
    return at;
  };
  constexpr std::uint64_t kMost = 64 * 8 + 9 * 8;  // that may be read
  if (__builtin_expect(job.low_end - job.low_at >= kMost, 1)) {
    job.low_at = take(job.low, job.low_at);
  } else {
    std::uint8_t last[kMost / 8 + 64 + 9] = {};
    const std::uint64_t used = job.low_at / 8 * 8;
    std::memcpy(last, job.low + used / 8, (job.low_end - used) / 8);
    const std::uint64_t end = used + take(last, job.low_at - used);
    if (end > job.low_end) {
      job.overrun = true;
      return false;
    }
    job.low_at = end;
  }
  low = _mm512_load_si512(part);
  return true;
}

// Reads the lower bits of 64 elements of a format that has more for each. Returns false if there are
// too few.
template <class Format>
BBZ_AVX512_INLINE bool take_low(MergeJob& job, V bits, V (&low)[Format::kParts]) {
  // The place of each field, after those of lower lanes: first within eight bytes, whose sum is in
  // the last one, and then of the eight.
  V sums = _mm512_add_epi8(bits, _mm512_slli_epi64(bits, 8));
  sums = _mm512_add_epi8(sums, _mm512_slli_epi64(sums, 16));
  sums = _mm512_add_epi8(sums, _mm512_slli_epi64(sums, 32));
  V ends = _mm512_srli_epi64(sums, 56);
  ends = _mm512_add_epi64(ends, moved_up<1>(ends));
  ends = _mm512_add_epi64(ends, moved_up<2>(ends));
  ends = _mm512_add_epi64(ends, moved_up<4>(ends));
  const V within = _mm512_slli_epi64(sums, 8);
  const V begins = moved_up<1>(ends);
  alignas(64) std::uint64_t end[8];
  _mm512_store_si512(end, ends);
  if (job.low_end - job.low_at < end[7]) {
    job.overrun = true;
    return false;
  }
  const std::uint64_t size = job.low_end / 8;
  for_each<Format::kParts>([&](auto i) __attribute__((always_inline)) {
    const std::uint64_t skipped = i == 0 ? 0 : end[8 / Format::kParts * i - 1];
    const std::uint64_t at = job.low_at + skipped;
    const V window = _mm512_maskz_loadu_epi8(first_lanes(size - at / 8), job.low + at / 8);
    const int origin = static_cast<int>(at % 8) - static_cast<int>(skipped);
    const V place = Format::add(Format::widen(within, i),
                                Format::add(Format::spread(begins, i), Format::set1(origin)));
    const V byte =
        _mm512_and_si512(Format::shift_right(place, Format::set1(3)), Format::set1(0xFF));
    const V field = _mm512_permutexvar_epi8(Format::byte_indices(byte), window);
    const V mask =
        Format::sub(Format::shift_left(Format::set1(1), Format::widen(bits, i)), Format::set1(1));
    low[i] = _mm512_and_si512(Format::shift_right(field, _mm512_and_si512(place, Format::set1(7))),
                              mask);
  });
  job.low_at += end[7];
  return true;
}

// Replaces the elements in `lanes` by whole ones. Returns false if there are too few.
__attribute__((noinline)) bool take_wholes(MergeJob& job, std::uint8_t* out, __mmask64 lanes,
                                           std::size_t size) {
  for (; lanes != 0; lanes &= lanes - 1) {
    if (job.wholes.at == job.wholes.end) {
      job.overrun = true;
      return false;
    }
    std::memcpy(out + static_cast<std::size_t>(__builtin_ctzll(lanes)) * size, job.wholes.at, size);
    job.wholes.at += size;
  }
  return true;
}

// Merges up to 64 elements. Returns false if something is missing.
template <class Format, int kLive>
BBZ_AVX512_INLINE bool merge_group(MergeJob& job, Run<const std::uint8_t*> (&runs)[kLive],
                                   const LowBits& low_bits, std::uint8_t* out, __mmask64 active) {
  constexpr int kParts = Format::kParts;
  V base[kParts];
  for_each<kParts>([&](auto i) __attribute__((always_inline)) {
    base[i] = Format::load_part(out, active, i);
  });
  const V exponents = Format::exponents(base);
  V symbols = V{};
  for_each<kLive>([&](auto i) __attribute__((always_inline)) {
    const __mmask64 lanes = runs[i].lanes(exponents, active);
    symbols = _mm512_mask_expand_epi8(symbols, lanes, load(runs[i].at));
    runs[i].at += _mm_popcnt_u64(lanes);
  });
  const __mmask64 changed = _mm512_test_epi8_mask(symbols, symbols);
  if (changed == 0) return true;
  const __mmask64 whole =
      _mm512_cmpeq_epi8_mask(symbols, _mm512_set1_epi8(static_cast<char>(kWhole)));
  V folded[kParts];
  V low[kParts];
  bool has_low = false;
  const V bits = _mm512_maskz_mov_epi8(changed & ~whole, low_bits(exponents));
  const __mmask64 lanes = _mm512_test_epi8_mask(bits, bits);
  if (Format::kBytes <= 2 && _mm_popcnt_u64(lanes) <= 16 && job.low_end >= job.low_at + 8 * 24) {
    const V few = take_few_low(job, bits, lanes);
    for_each<kParts>([&](auto i)
                         __attribute__((always_inline)) { low[i] = Format::widen(few, i); });
    has_low = true;
  } else if (lanes != 0) {
    bool taken = false;
    if constexpr (Format::kBytes <= 2) {
      V bytes;
      taken = take_low_bytes(job, bits, bytes);
      for_each<kParts>([&](auto i)
                           __attribute__((always_inline)) { low[i] = Format::widen(bytes, i); });
    } else {
      taken = take_low<Format>(job, bits, low);
    }
    if (!taken) return false;
    has_low = true;
  }
  for_each<kParts>([&](auto i) __attribute__((always_inline)) {
    folded[i] = Format::widen(symbols, i);
    if (has_low) {
      const V one = Format::set1(1);
      const V upper = Format::shift_left(Format::sub(folded[i], one), Format::widen(bits, i));
      // The symbol 0 has no lower bits and stays 0.
      folded[i] = Format::add(_mm512_or_si512(upper, low[i]), one);
    }
    const V sum = Format::add(Format::turn(base[i]), Format::unfold(folded[i]));
    Format::store_part(out, active, i, Format::turn(sum));
  });
  if (__builtin_expect(whole != 0, 0)) return take_wholes(job, out, whole, Format::kBytes);
  return true;
}

template <class Format, int kLive>
void merge_live(MergeJob& job) {
  Run<const std::uint8_t*> runs[kLive];
  find_runs<kLive>(job, runs);
  const LowBits low_bits(*job.classes);
  std::uint8_t* out = job.out;
  std::uint64_t left = job.elements;
  for (; left >= 64; left -= 64, out += 64 * Format::kBytes) {
    for (int line = 0; line < Format::kBytes; ++line) {
      // __builtin_prefetch may become a prefetch for reading, which is worse than none.
      asm volatile("prefetchw %0" : : "m"(out[2048 + 64 * line]));
    }
    if (!merge_group<Format, kLive>(job, runs, low_bits, out, ~__mmask64{0})) return;
  }
  if (left != 0) merge_group<Format, kLive>(job, runs, low_bits, out, first_lanes(left));
  int found = 0;
  for (int t = 0; t < job.classes->tables; ++t) {
    if (job.classes->is_live(t)) job.symbols[t] = runs[found++].at;
  }
}

}  // namespace
}  // namespace avx512

void avx512_merge(MergeJob& job) {
  if (job.classes->live == 0) return;
  avx512::with_format(*job.classes, [&](auto format) {
    avx512::with_live(*job.classes, [&](auto live) {
      avx512::merge_live<decltype(format), decltype(live)::value>(job);
    });
  });
}

}  // namespace bbz::codec::difference

BBZ_AVX512_END

#endif  // defined(__x86_64__)
