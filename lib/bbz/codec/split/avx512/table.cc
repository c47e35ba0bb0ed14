// Makes the tables of the AVX-512 decoder. Slot by slot, that would take a thirtieth of the time
// for a chunk.
#include "bbz/codec/split/avx512/avx512.h"

#if defined(__x86_64__)

#include <cstring>

BBZ_AVX512_BEGIN

namespace bbz::codec::split {
namespace avx512 {
namespace {

constexpr int kQuarters = kSlots / 64;

// Computes the index of each slot, 64 at a time.
void spread(const Frequencies& frequencies, V* indices) {
  // In the order of indices. Bytes that are written after the end of a run are overwritten by the
  // next.
  std::uint8_t runs[kSlots + 63];
  int k = 0;
  for (int index = 0; index < kIndices; ++index) {
    const V all = _mm512_set1_epi8(static_cast<char>(index));
    for (int i = 0; i < frequencies[index]; i += 64) _mm512_storeu_si512(runs + k + i, all);
    k += frequencies[index];
  }
  const ByteTable index_of_place(runs);
  for (int i = 0; i < kQuarters; ++i) {
    indices[i] = index_of_place[load(kPlaces.data() + 64 * i)];
  }
}

}  // namespace
}  // namespace avx512

void avx512_make_table(const Frequencies& frequencies, DecodeTable& table) {
  using namespace avx512;
  V indices[kQuarters];
  spread(frequencies, indices);
  alignas(64) std::uint8_t counting[64];
  for (int i = 0; i < 64; ++i) counting[i] = static_cast<std::uint8_t>(i);
  const V count = load(counting);
  V ranks[kQuarters] = {V{}, V{}, V{}, V{}};
  for (int index = 0; index < kIndices; ++index) {
    if (frequencies[index] == 0) continue;
    const V wanted = _mm512_set1_epi8(static_cast<char>(index));
    unsigned seen = 0;
    for (int i = 0; i < kQuarters; ++i) {
      const __mmask64 slots = _mm512_cmpeq_epi8_mask(indices[i], wanted);
      const V next = _mm512_add_epi8(count, _mm512_set1_epi8(static_cast<char>(seen)));
      ranks[i] = _mm512_mask_expand_epi8(ranks[i], slots, next);
      seen += static_cast<unsigned>(_mm_popcnt_u64(slots));
    }
  }
  const V bias = _mm512_set1_epi8(static_cast<char>(kSymbolBias));
  for (int i = 0; i < kQuarters; ++i) {
    _mm512_storeu_si512(table.symbol.data() + 64 * i, _mm512_add_epi8(indices[i], bias));
    _mm512_storeu_si512(table.rank.data() + 64 * i, ranks[i]);
  }
  const auto* bytes = reinterpret_cast<const __m256i*>(frequencies.data());
  _mm512_storeu_si512(table.freq.data(), _mm512_cvtepu8_epi16(_mm256_loadu_si256(bytes)));
}

}  // namespace bbz::codec::split

BBZ_AVX512_END

#endif  // defined(__x86_64__)
