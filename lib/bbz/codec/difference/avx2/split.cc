// Counting and splitting with AVX2: the inverse of merge.cc.
#include "bbz/codec/difference/avx2/avx2.h"

#if defined(__x86_64__)

#include "bbz/codec/difference/avx2/runs.h"

BBZ_AVX2_BEGIN

namespace bbz::codec::difference {
namespace avx2 {
namespace {

__attribute__((noinline)) void put_places(std::vector<std::uint32_t>& places, std::uint32_t first,
                                          std::uint32_t set) {
  for (; set != 0; set &= set - 1) {
    places.push_back(first + static_cast<std::uint32_t>(std::countr_zero(set)));
  }
}

template <class Format>
BBZ_AVX2_INLINE void split_group(SplitJob& job, Runs<std::uint8_t*>& runs, BitWriter& writer,
                                 const LowBits& low_bits, const std::uint8_t* in,
                                 const std::uint8_t* from, std::uint32_t place, V active) {
  V base[Format::kParts];
  V parts[Format::kParts];
  load_parts<Format>(from, base);
  load_parts<Format>(in, parts);
  for (int i = 0; i < Format::kParts; ++i) {
    parts[i] = Format::fold(sub_elements<Format>(Format::turn(parts[i]), Format::turn(base[i])));
  }
  V folded[Format::kWide];
  to_wide<Format>(parts, folded);
  const V exponents = Format::exponents(base);
  V bits = low_bits(exponents);
  const V one = Format::set1(1);
  V small[Format::kWide];
  for (int i = 0; i < Format::kWide; ++i) {
    const V upper = Format::shift_right(Format::sub(folded[i], one), Format::widen(bits, i));
    const V symbol = Format::least(Format::add(upper, one), Format::set1(int{kWhole}));
    small[i] = _mm256_andnot_si256(Format::is_zero(folded[i]), symbol);
  }
  const V symbols = Format::narrow(small);
  V live = V{};
  for (int i = 0; i < runs.count; ++i) {
    const V chosen = _mm256_and_si256(runs.runs[i].elements(exponents), active);
    live = _mm256_or_si256(live, chosen);
    const std::uint32_t set = set_of(chosen);
    gather(half(symbols, 0), set & 0xFFFF, runs.runs[i].at);
    gather(half(symbols, 1), set >> 16, runs.runs[i].at);
  }
  if (is_zero(symbols)) return;
  const V same = _mm256_cmpeq_epi8(symbols, V{});
  const V whole = _mm256_and_si256(equal_bytes(symbols, kWhole), live);
  const V stray = _mm256_andnot_si256(_mm256_or_si256(live, same), active);
  if (__builtin_expect(!is_zero(stray), 0)) put_places(*job.patches, place, set_of(stray));
  if (__builtin_expect(!is_zero(whole), 0)) put_places(*job.wholes, place, set_of(whole));
  bits = _mm256_andnot_si256(_mm256_or_si256(whole, same), _mm256_and_si256(bits, live));
  if (is_zero(bits)) return;
  for (int i = 0; i < Format::kWide; ++i) {
    const V width = Format::widen(bits, i);
    const V mask = Format::sub(Format::shift_left(one, width), one);
    Format::put_low(writer, _mm256_and_si256(Format::sub(folded[i], one), mask), width);
  }
}

template <class Format>
void split_elements(SplitJob& job) {
  Runs<std::uint8_t*> runs(*job.classes, job.symbols);
  BitWriter writer(job);
  const LowBits low_bits(*job.classes);
  const V all = _mm256_set1_epi8(-1);
  std::uint64_t at = 0;
  for (; at + 32 <= job.elements; at += 32) {
    split_group<Format>(job, runs, writer, low_bits, job.in + at * Format::kBytes,
                        job.base + at * Format::kBytes, job.place + static_cast<std::uint32_t>(at),
                        all);
  }
  if (at < job.elements) {
    const std::uint64_t left = job.elements - at;
    std::uint8_t last[2][32 * Format::kBytes] = {};
    std::memcpy(last[0], job.in + at * Format::kBytes, left * Format::kBytes);
    std::memcpy(last[1], job.base + at * Format::kBytes, left * Format::kBytes);
    split_group<Format>(job, runs, writer, low_bits, last[0], last[1],
                        job.place + static_cast<std::uint32_t>(at), first_elements(left));
  }
  writer.store(job);
  runs.store(*job.classes, job.symbols);
}

template <class Format>
void count_exponents(const Classes& classes, const std::uint8_t* base, std::uint64_t elements,
                     Counts& counts) {
  V first[kMaxTables];
  std::size_t above[kMaxTables + 1] = {elements};
  for (int t = 1; t < classes.tables; ++t) {
    first[t] = _mm256_set1_epi8(static_cast<char>(classes.first[t]));
  }
  const auto add = [&](const std::uint8_t* from) __attribute__((always_inline)) {
    V parts[Format::kParts];
    load_parts<Format>(from, parts);
    const V exponents = Format::exponents(parts);
    for (int t = 1; t < classes.tables; ++t) {
      const V is_above = _mm256_cmpeq_epi8(_mm256_max_epu8(exponents, first[t]), exponents);
      above[t] += count_of(set_of(is_above));
    }
  };
  std::uint64_t at = 0;
  for (; at + 32 <= elements; at += 32) add(base + at * Format::kBytes);
  if (at < elements) {
    std::uint8_t last[32 * Format::kBytes] = {};  // of exponent 0, which is not above
    std::memcpy(last, base + at * Format::kBytes, (elements - at) * Format::kBytes);
    add(last);
  }
  for (int t = 0; t < kMaxTables; ++t) {
    counts[t] = classes.is_live(t) ? static_cast<std::uint32_t>(above[t] - above[t + 1]) : 0;
  }
}

}  // namespace
}  // namespace avx2

void avx2_count(const Classes& classes, const std::uint8_t* base, std::uint64_t elements,
                Counts& counts) {
  avx2::with_format(classes, [&](auto format) {
    avx2::count_exponents<decltype(format)>(classes, base, elements, counts);
  });
}

void avx2_split(SplitJob& job) {
  avx2::with_format(*job.classes,
                    [&](auto format) { avx2::split_elements<decltype(format)>(job); });
}

}  // namespace bbz::codec::difference

BBZ_AVX2_END

#endif  // defined(__x86_64__)
