// Merging with AVX2: see avx512/merge.cc, whose instructions moves.h stands in for.
#include "bbz/codec/difference/avx2/avx2.h"

#if defined(__x86_64__)

#include "bbz/codec/difference/avx2/runs.h"

BBZ_AVX2_BEGIN

namespace bbz::codec::difference {
namespace avx2 {
namespace {

// Reads the lower bits of 32 elements, of which each has as many as a byte of `bits` says. Returns
// false if there are too few.
template <class Format>
BBZ_AVX2_INLINE bool take_low(MergeJob& job, V bits, V (&low)[Format::kWide]) {
  // The bytes of the fields, and those that are read after them.
  constexpr std::uint64_t kMost = 32 * 24 / 8 + 32;
  if (__builtin_expect(job.low_end - job.low_at >= 8 * kMost, 1)) {
    Format::take_low(job.low, bits, job.low_at, low);
    return true;
  }
  std::uint8_t last[2 * kMost] = {};
  const std::uint64_t used = job.low_at / 8;
  std::memcpy(last, job.low + used, job.low_end / 8 - used);
  std::uint64_t at = job.low_at % 8;
  Format::take_low(last, bits, at, low);
  job.low_at = 8 * used + at;
  job.overrun = job.low_at > job.low_end;
  return !job.overrun;
}

// Replaces the elements of a set by whole ones. Returns false if there are too few.
__attribute__((noinline)) bool take_wholes(MergeJob& job, std::uint8_t* out, std::uint32_t set,
                                           std::size_t size) {
  for (; set != 0; set &= set - 1) {
    if (job.wholes.at == job.wholes.end) {
      job.overrun = true;
      return false;
    }
    std::memcpy(out + static_cast<std::size_t>(std::countr_zero(set)) * size, job.wholes.at, size);
    job.wholes.at += size;
  }
  return true;
}

// Merges 32 elements, of which those are left as they are that `active` does not have. Returns
// false if something is missing.
template <class Format, bool kAll>
BBZ_AVX2_INLINE bool merge_group(MergeJob& job, Runs<const std::uint8_t*>& runs,
                                 const LowBits& low_bits, std::uint8_t* out, V active) {
  V base[Format::kParts];
  load_parts<Format>(out, base);
  const V exponents = Format::exponents(base);
  V symbols = V{};
  for (int i = 0; i < runs.count; ++i) {
    V chosen = runs.runs[i].elements(exponents);
    if (!kAll) chosen = _mm256_and_si256(chosen, active);
    symbols = _mm256_or_si256(symbols, spread(runs.runs[i].at, chosen, set_of(chosen)));
  }
  if (is_zero(symbols)) return true;
  const V whole = equal_bytes(symbols, kWhole);
  const V plain = _mm256_or_si256(whole, _mm256_cmpeq_epi8(symbols, V{}));
  const V bits = _mm256_andnot_si256(plain, low_bits(exponents));
  V folded[Format::kWide];
  for (int i = 0; i < Format::kWide; ++i) folded[i] = Format::widen(symbols, i);
  if (!is_zero(bits)) {
    V low[Format::kWide];
    if (!take_low<Format>(job, bits, low)) return false;
    const V one = Format::set1(1);
    for (int i = 0; i < Format::kWide; ++i) {
      // The symbol 0 has no lower bits and stays 0.
      const V upper = Format::shift_left(Format::sub(folded[i], one), Format::widen(bits, i));
      folded[i] = Format::add(_mm256_or_si256(upper, low[i]), one);
    }
  }
  V parts[Format::kParts];
  from_wide<Format>(folded, parts);
  for (int i = 0; i < Format::kParts; ++i) {
    const V sum = add_elements<Format>(Format::turn(base[i]), Format::unfold(parts[i]));
    store(out + 32 * i, Format::turn(sum));
  }
  if (__builtin_expect(!is_zero(whole), 0)) {
    return take_wholes(job, out, set_of(whole), Format::kBytes);
  }
  return true;
}

template <class Format>
void merge_elements(MergeJob& job) {
  Runs<const std::uint8_t*> runs(*job.classes, job.symbols);
  const LowBits low_bits(*job.classes);
  std::uint8_t* out = job.out;
  std::uint64_t left = job.elements;
  for (; left >= 32; left -= 32, out += 32 * Format::kBytes) {
    if (!merge_group<Format, true>(job, runs, low_bits, out, V{})) return;
  }
  if (left != 0) {
    std::uint8_t last[32 * Format::kBytes] = {};
    std::memcpy(last, out, left * Format::kBytes);
    if (!merge_group<Format, false>(job, runs, low_bits, last, first_elements(left))) return;
    std::memcpy(out, last, left * Format::kBytes);
  }
  runs.store(*job.classes, job.symbols);
}

}  // namespace
}  // namespace avx2

void avx2_merge(MergeJob& job) {
  avx2::with_format(*job.classes,
                    [&](auto format) { avx2::merge_elements<decltype(format)>(job); });
}

}  // namespace bbz::codec::difference

BBZ_AVX2_END

#endif  // defined(__x86_64__)
