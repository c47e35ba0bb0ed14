// Merging with AVX2: floats whose keys have as many lower bits by the loop of even.h, and everything else
// by that of loop.h.
#include "bbz/codec/number/avx2/avx2.h"

#include "bbz/base/cpu.h"

#if defined(__x86_64__)

#include "bbz/codec/number/avx2/even.h"
#include "bbz/codec/number/avx2/loop.h"

BBZ_AVX2_BEGIN

namespace bbz::codec::number {
namespace avx2 {
namespace {

// So many elements are made by the other loop where one is not even.
constexpr std::uint64_t kUneven = 256;

// Makes floats of so many bytes.
template <int kBytes>
void merge_floats(MergeJob& job) {
  Loop<kBytes, Kind::kFloat> others(job);
  const EvenKeys keys(job);
  if (keys.window == 0 || 1 + keys.stored > kMostBits) return others.run(0, job.count);
  static_assert(sizeof(Places[8]) <= sizeof(KernelMemory::places));
  auto& places = *reinterpret_cast<Places(*)[8]>(job.memory->places.data());
  if (!job.memory->is_valid) {
    fill(places, static_cast<unsigned>(1 + keys.stored));
    job.memory->is_valid = true;
  }
  const EvenLoop<kBytes> loop(keys, places);
  const MergeJob input = job;  // stores of bytes cannot change it
  const std::uint64_t needed = 32 * loop.bits() + 512;
  std::uint64_t i = 0;
  while (i < input.count && !job.overrun && !job.low.is_overrun()) {
    std::uint64_t at = job.low.at;
    for (; i + 32 <= input.count && at <= input.low.size && input.low.size - at >= needed;
         i += 32) {
      const V symbols = load(input.symbols + i);
      const std::uint32_t inside = set_from(symbols, keys.first, keys.window);
      if (inside == 0xFFFFFFFF) {
        at = loop.template merge_block<true>(input, i, at, inside);
        continue;
      }
      const std::uint32_t zeros = set_from(symbols, 0, kFirstKey);
      // With zeros, the other loop is faster for elements of two bytes.
      if (kBytes == 2 && zeros != 0) break;
      const std::uint32_t below = set_from(symbols, keys.first_below, kWhole - keys.first_below);
      if ((zeros | inside | below) != 0xFFFFFFFF) break;
      at = loop.template merge_block<false>(input, i, at, ~zeros);
    }
    job.low.at = at;
    const std::uint64_t end = std::min(i + kUneven, input.count);
    others.run(i, end);
    i = end;
  }
}

template <int kBytes>
void merge_kind(MergeJob& job) {
  switch (job.model.kind) {
    case Kind::kFloat:
      if constexpr (kBytes > 1) return merge_floats<kBytes>(job);
      return Loop<kBytes, Kind::kFloat>(job).run(0, job.count);
    case Kind::kInteger:
      return Loop<kBytes, Kind::kInteger>(job).run(0, job.count);
    default:
      return Loop<kBytes, Kind::kFirstDifference>(job).run(0, job.count);  // and kSecondDifference
  }
}

}  // namespace
}  // namespace avx2

void avx2_merge(MergeJob& job) {
  // The tables of a short row would take longer than its elements.
  if (job.count < 64 || job.model.bits > 32 || !cpu::features().fast_pdep ||
      (job.has_own_floor && job.columns != nullptr)) {
    return loop_merge<avx2::Avx2>(job);
  }
  if (job.model.kind == Kind::kScaled) {
    return avx2::Loop<2, Kind::kScaled>(job).run(0, job.count);
  }
  switch (job.model.bits) {
    case 4:
    case 8:
      return avx2::merge_kind<1>(job);
    case 16:
      return avx2::merge_kind<2>(job);
    default:
      return avx2::merge_kind<4>(job);
  }
}

}  // namespace bbz::codec::number

BBZ_AVX2_END

#endif  // defined(__x86_64__)
