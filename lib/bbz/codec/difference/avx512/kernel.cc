// Merging and splitting with AVX-512.
//
// The table of an element is an interval of exponents, so a comparison gives the lanes of a table.
// Expanding moves the next symbols of its run to these lanes, and compressing is the inverse.
#include "bbz/codec/split/avx512/avx512.h"

#if defined(__x86_64__)

#include <cstring>
#include <utility>

#include "bbz/codec/difference/avx512/format.h"

BBZ_AVX512_BEGIN

namespace bbz::codec::difference {
namespace avx512 {
namespace {

// Calls f with the constants 0, 1, ... Array elements stay in registers only if their indices are
// constants.
template <int kCount, class F>
BBZ_AVX512_INLINE void for_each(F f) {
  const auto all = [&]<int... kI>(std::integer_sequence<int, kI...>)
      __attribute__((always_inline)) {
    (f(std::integral_constant<int, kI>{}), ...);
  };
  all(std::make_integer_sequence<int, kCount>{});
}

// The exponents of one live table, and its symbols.
template <class Pointer>
struct Run {
  V first;
  V width;  // less one
  Pointer at;

  Run() {}
  // Returns the lanes of the table.
  __mmask64 lanes(V exponents, __mmask64 active) const {
    return _mm512_mask_cmple_epu8_mask(active, _mm512_sub_epi8(exponents, first), width);
  }
};

// Fills the runs of the live tables.
template <int kLive, class Job, class Pointer>
void find_runs(const Job& job, Run<Pointer> (&runs)[kLive]) {
  const Classes& classes = *job.classes;
  int found = 0;
  for (int t = 0; t < classes.tables; ++t) {
    if (!classes.is_live(t)) continue;
    const int end = t + 1 < classes.tables ? classes.first[t + 1] : 1 << classes.exponent_bits;
    runs[found].first = _mm512_set1_epi8(static_cast<char>(classes.first[t]));
    runs[found].width = _mm512_set1_epi8(static_cast<char>(end - classes.first[t] - 1));
    runs[found].at = job.symbols[t];
    ++found;
  }
}

// Computes the number of lower bits of elements.
struct LowBits {
  V reference;
  V most;

  explicit LowBits(const Classes& classes)
      : reference(_mm512_set1_epi8(static_cast<char>(classes.reference))),
        most(_mm512_set1_epi8(static_cast<char>(classes.most_low_bits()))) {}
  V operator()(V exponents) const {
    return _mm512_min_epu8(_mm512_subs_epu8(reference, exponents), most);
  }
};

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
  const V masks = _mm512_set4_epi32(0, 0xFF, 0x7F3F1F0F, 0x07030100);
  const V wanted = _mm512_shuffle_epi8(masks, _mm512_maskz_compress_epi8(lanes, bits));
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

// Reads the lower bits of 64 elements, of which each has as many as a byte of `bits` says. Returns
// false if there are too few.
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
  V bits = V{};
  bool has_low = false;
  if constexpr (Format::kLow) {
    bits = _mm512_maskz_mov_epi8(changed & ~whole, low_bits(exponents));
  }
  if constexpr (Format::kLow) {
    const __mmask64 lanes = _mm512_test_epi8_mask(bits, bits);
    if (Format::kBytes == 2 && _mm_popcnt_u64(lanes) <= 16 && job.low_end >= job.low_at + 8 * 24) {
      const V few = take_few_low(job, bits, lanes);
      for_each<kParts>([&](auto i)
                           __attribute__((always_inline)) { low[i] = Format::widen(few, i); });
      has_low = true;
    } else if (lanes != 0) {
      if (!take_low<Format>(job, bits, low)) return false;
      has_low = true;
    }
  }
  for_each<kParts>([&](auto i) __attribute__((always_inline)) {
    folded[i] = Format::widen(symbols, i);
    if constexpr (Format::kLow) {
      if (has_low) {
        const V one = Format::set1(1);
        const V upper = Format::shift_left(Format::sub(folded[i], one), Format::widen(bits, i));
        folded[i] = Format::where(folded[i], Format::add(_mm512_or_si512(upper, low[i]), one));
      }
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
  V bits = V{};
  V small[kParts];
  if constexpr (Format::kLow) {
    bits = low_bits(exponents);
    for_each<kParts>([&](auto i) __attribute__((always_inline)) {
      const V one = Format::set1(1);
      const V upper = Format::shift_right(Format::sub(folded[i], one), Format::widen(bits, i));
      small[i] = Format::where(folded[i],
                               Format::least(Format::add(upper, one), Format::set1(int{kWhole})));
    });
  } else {
    small[0] = folded[0];
  }
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
  if constexpr (Format::kLow) {
    bits = _mm512_maskz_mov_epi8(changed & live & ~whole, bits);
    if (_mm512_test_epi8_mask(bits, bits) == 0) return;
    for_each<kParts>([&](auto i) __attribute__((always_inline)) {
      const V one = Format::set1(1);
      const V width = Format::widen(bits, i);
      const V mask = Format::sub(Format::shift_left(one, width), one);
      put_low<Format>(job, _mm512_and_si512(Format::sub(folded[i], one), mask), width);
    });
  }
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

// Calls `f` with the number of live tables as a constant.
template <class F>
void with_live(const Classes& classes, F f) {
  switch (__builtin_popcount(classes.live)) {
    case 0:
    case 1:
      return f(std::integral_constant<int, 1>{});
    case 2:
      return f(std::integral_constant<int, 2>{});
    case 3:
      return f(std::integral_constant<int, 3>{});
    case 4:
      return f(std::integral_constant<int, 4>{});
    case 5:
      return f(std::integral_constant<int, 5>{});
    case 6:
      return f(std::integral_constant<int, 6>{});
    case 7:
      return f(std::integral_constant<int, 7>{});
    default:
      return f(std::integral_constant<int, 8>{});
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

void avx512_merge(MergeJob& job) {
  if (job.classes->live == 0) return;
  avx512::with_format(*job.classes, [&](auto format) {
    avx512::with_live(*job.classes, [&](auto live) {
      avx512::merge_live<decltype(format), decltype(live)::value>(job);
    });
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
