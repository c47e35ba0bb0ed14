// Floats most of whose keys have the same number of lower bits, eight elements at a time.
//
// The lower bits of four elements are within 16 bytes: a shuffle gathers the four bytes with those of
// each. Where zeros are among eight elements, a table says how to skip them.
#pragma once

#include "bbz/codec/number/avx2/lanes.h"
#include "bbz/codec/number/even_keys.h"

#if defined(__x86_64__)

namespace bbz::codec::number::avx2 {

// For each set of lanes, the number of lower lanes in it of each lane.
inline constexpr auto kRanks = [] {
  std::array<std::array<std::uint8_t, 8>, 256> ranks{};
  for (unsigned set = 0; set < 256; ++set) {
    std::uint8_t rank = 0;
    for (unsigned lane = 0; lane < 8; ++lane) {
      ranks[set][lane] = rank;
      if ((set >> lane & 1) != 0) ++rank;
    }
  }
  return ranks;
}();

// Where the fields of eight elements are, for the bit of a byte that they begin with.
struct Places {
  std::uint64_t upper_half;             // byte that those of the last four begin with
  alignas(32) std::uint8_t bytes[32];   // of 16, four for each element
  alignas(32) std::uint32_t shifts[8];  // of these four bytes
};

inline void fill(Places (&places)[8], unsigned bits) {
  for (unsigned first = 0; first < 8; ++first) {
    Places& to = places[first];
    to.upper_half = (first + 4 * bits) / 8;
    for (unsigned i = 0; i < 8; ++i) {
      const unsigned place = i < 4 ? first + i * bits : (first + 4 * bits) % 8 + (i - 4) * bits;
      for (unsigned b = 0; b < 4; ++b)
        to.bytes[4 * i + b] = static_cast<std::uint8_t>(place / 8 + b);
      to.shifts[i] = place % 8;
    }
  }
}

}  // namespace bbz::codec::number::avx2

BBZ_AVX2_BEGIN

namespace bbz::codec::number::avx2 {

// The fields of four elements are in 16 bytes, and that of one in four, from any bit of a byte.
inline constexpr int kMostBits = 25;

inline V set1(std::uint64_t v) {
  return _mm256_set1_epi32(static_cast<int>(v));
}

// Returns the set of bytes of `symbols` that are one of `count` from `first` on.
BBZ_AVX2_INLINE std::uint32_t set_from(V symbols, unsigned first, unsigned count) {
  if (count == 0) return 0;
  const V relative = _mm256_sub_epi8(symbols, _mm256_set1_epi8(static_cast<char>(first)));
  const V least = _mm256_min_epu8(relative, _mm256_set1_epi8(static_cast<char>(count - 1)));
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(relative, least)));
}

// The loop for elements of so many bytes, 2 or 4.
template <int kBytes>
class EvenLoop {
 public:
  EvenLoop(const EvenKeys& keys, const Places (&places)[8])
      : bits_(static_cast<std::uint64_t>(1 + keys.stored)),
        mask_(set1(low_mask(1 + keys.stored))),
        shift_(set1(static_cast<std::uint64_t>(keys.shift))),
        key_shift_(set1(static_cast<std::uint64_t>(keys.key_shift))),
        base_(set1(keys.base)),
        places_(places) {}

  std::uint64_t bits() const { return bits_; }

  // Makes eight elements in lanes of 32 bits. `keys` is the set of those that are no zeros.
  template <bool kDense>
  BBZ_AVX2_INLINE V merge(const MergeJob& job, std::uint64_t i, std::uint64_t at,
                          std::uint32_t keys) const {
    const Places& places = places_[at % 8];
    const std::uint8_t* const low = job.low.begin + at / 8;
    const V sources = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(low))),
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(low + places.upper_half)), 1);
    V fields =
        _mm256_srlv_epi32(_mm256_shuffle_epi8(sources, load(places.bytes)), load(places.shifts));
    fields = _mm256_and_si256(fields, mask_);
    const V symbol = eight_bytes(job.symbols + i);
    V key = symbol;
    V is_key = V{};
    if constexpr (!kDense) {
      const V below = _mm256_cmpgt_epi32(symbol, set1(kFirstBelow - 1));
      key = _mm256_sub_epi32(key, _mm256_and_si256(below, set1(kWhole - kFirstKey)));
      is_key = _mm256_cmpgt_epi32(symbol, set1(kFirstKey - 1));
      fields = _mm256_permutevar8x32_epi32(fields, eight_bytes(kRanks[keys].data()));
      fields = _mm256_and_si256(fields, is_key);
    }
    if (job.columns != nullptr) {
      key = _mm256_add_epi32(key, _mm256_cvtepu16_epi32(_mm_loadu_si128(
                                      reinterpret_cast<const __m128i*>(job.columns + i))));
    }
    V upper = _mm256_add_epi32(_mm256_sllv_epi32(key, key_shift_), base_);
    V signs = fields;
    if constexpr (!kDense) {
      upper = _mm256_and_si256(upper, is_key);
      signs = _mm256_blendv_epi8(symbol, fields, is_key);
    }
    const V lower = _mm256_sllv_epi32(_mm256_srli_epi32(fields, 1), shift_);
    V sign = _mm256_slli_epi32(signs, 31);
    if constexpr (kBytes == 2) sign = _mm256_srli_epi32(sign, 16);
    return _mm256_or_si256(_mm256_or_si256(upper, lower), sign);
  }

  // Makes 32 elements, of which `keys` is the set of those that are no zeros. Returns where their
  // lower bits end.
  template <bool kDense>
  BBZ_AVX2_INLINE std::uint64_t merge_block(const MergeJob& job, std::uint64_t i, std::uint64_t at,
                                            std::uint32_t keys) const {
    std::uint8_t* out = job.out + (job.element + i) * kBytes;
    V made[2];
    for (unsigned part = 0; part < 4; ++part) {
      const std::uint32_t set = keys >> (8 * part) & 255;
      made[part % 2] = merge<kDense>(job, i + 8 * part, at, set);
      at += bits_ * static_cast<std::uint64_t>(kDense ? 8 : _mm_popcnt_u32(set));
      if constexpr (kBytes == 4) {
        _mm256_storeu_si256(reinterpret_cast<V*>(out), made[part % 2]);
        out += 32;
      } else if (part % 2 == 1) {
        const V packed = _mm256_packus_epi32(made[0], made[1]);
        _mm256_storeu_si256(reinterpret_cast<V*>(out), _mm256_permute4x64_epi64(packed, 0xD8));
        out += 32;
      }
    }
    return at;
  }

 private:
  static V eight_bytes(const std::uint8_t* p) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }

  std::uint64_t bits_;
  V mask_;
  V shift_;
  V key_shift_;
  V base_;
  const Places (&places_)[8];
};

}  // namespace bbz::codec::number::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
