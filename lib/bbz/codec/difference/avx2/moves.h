// Moving symbols and lower bits with AVX2, 32 elements at a time.
//
// A shuffle takes bytes from 16 others only, so a run of symbols is spread over 16 elements at
// once. Its indices are the ranks of the elements among those of their table: prefix sums of a
// comparison.
#pragma once

#include "bbz/codec/difference/avx2/avx2.h"
#include "bbz/codec/split/avx2/avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <array>
#include <bit>
#include <cstring>

namespace bbz::codec::difference::avx2 {

// For each set of eight elements, a shuffle that moves theirs to the front.
struct GatherTable {
  alignas(64) std::array<std::array<std::uint8_t, 8>, 256> shuffles{};

  constexpr GatherTable() {
    for (unsigned set = 0; set < 256; ++set) {
      unsigned next = 0;
      for (unsigned i = 0; i < 8; ++i) {
        if ((set >> i & 1) != 0) shuffles[set][next++] = static_cast<std::uint8_t>(i);
      }
    }
  }
};
inline constexpr GatherTable kGatherTable;

}  // namespace bbz::codec::difference::avx2

BBZ_AVX2_BEGIN

namespace bbz::codec::difference::avx2 {

using split::avx2::load;
using split::avx2::load_half;
using split::avx2::store;
using split::avx2::V;

inline V load_halves(const void* low, const void* high) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load_half(low)), load_half(high), 1);
}
// Returns the same 16 bytes in both halves.
inline V in_halves(__m128i bytes) {
  return _mm256_broadcastsi128_si256(bytes);
}
inline std::uint32_t set_of(V bytes) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes));
}
inline std::size_t count_of(std::uint32_t set) {
  return static_cast<std::size_t>(_mm_popcnt_u32(set));
}

// Returns the next symbols of a run for the elements of 32 that are `chosen`, and 0 for others. 32
// symbols must be readable.
BBZ_AVX2_INLINE V spread(const std::uint8_t*& at, V chosen, std::uint32_t set) {
  V sums = _mm256_add_epi8(chosen, _mm256_slli_si256(chosen, 1));
  sums = _mm256_add_epi8(sums, _mm256_slli_si256(sums, 2));
  sums = _mm256_add_epi8(sums, _mm256_slli_si256(sums, 4));
  sums = _mm256_add_epi8(sums, _mm256_slli_si256(sums, 8));
  const V symbols = load_halves(at, at + count_of(set & 0xFFFF));
  at += count_of(set);
  // A sum is minus the number of elements up to this one.
  return _mm256_and_si256(_mm256_shuffle_epi8(symbols, _mm256_andnot_si256(sums, chosen)), chosen);
}

// Appends those of 16 symbols that are in a set to a run. 16 bytes may be overwritten.
BBZ_AVX2_INLINE void gather(__m128i symbols, std::uint32_t set, std::uint8_t*& at) {
  const auto& low = kGatherTable.shuffles[set & 0xFF];
  const auto& high = kGatherTable.shuffles[set >> 8];
  const auto half = [](const void* p) { return _mm_loadl_epi64(static_cast<const __m128i*>(p)); };
  _mm_storel_epi64(reinterpret_cast<__m128i*>(at), _mm_shuffle_epi8(symbols, half(low.data())));
  at += count_of(set & 0xFF);
  const __m128i upper = _mm_unpackhi_epi64(symbols, symbols);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(at), _mm_shuffle_epi8(upper, half(high.data())));
  at += count_of(set >> 8);
}

// Returns 2 to the power of words that are at most eight.
inline V powers_of(V words) {
  const __m128i low = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
  const V eight = _mm256_cmpeq_epi16(words, _mm256_set1_epi16(8));
  // The upper byte of a word is 0, and so that of the shuffle is 1, which the mask drops.
  const V powers =
      _mm256_and_si256(_mm256_shuffle_epi8(in_halves(low), words), _mm256_set1_epi16(0xFF));
  return _mm256_or_si256(powers, _mm256_and_si256(eight, _mm256_set1_epi16(256)));
}

// Returns the sums of bytes up to each, within eight.
inline V sums_of(V bytes) {
  V sums = _mm256_add_epi8(bytes, _mm256_slli_epi64(bytes, 8));
  sums = _mm256_add_epi8(sums, _mm256_slli_epi64(sums, 16));
  return _mm256_add_epi8(sums, _mm256_slli_epi64(sums, 32));
}

// Returns for each of four numbers the sum of those before it.
inline V sums_before(V numbers) {
  const V pairs = _mm256_add_epi64(numbers, _mm256_slli_si256(numbers, 8));
  const V lower = _mm256_permute4x64_epi64(pairs, 0x55);  // the sum of the first two
  const V all = _mm256_add_epi64(pairs, _mm256_blend_epi32(V{}, lower, 0xF0));
  return _mm256_sub_epi64(all, numbers);
}

// Reads fields of 32 elements from bit `at` on, of which each has as many bits as a byte of `bits`
// says, at most eight. Returns bytes, and moves `at` on. 48 bytes must be readable.
BBZ_AVX2_INLINE V take_bytes(const std::uint8_t* low, V bits, std::uint64_t& at) {
  const V sums = sums_of(bits);
  const V sizes = _mm256_srli_epi64(sums, 56);
  const V start = _mm256_set1_epi64x(static_cast<long long>(at));
  alignas(32) std::uint64_t size[4];
  store(size, sizes);
  const std::uint64_t begin[4] = {at, at + size[0], at + size[0] + size[1],
                                  at + size[0] + size[1] + size[2]};
  at = begin[3] + size[3];
  // The place of each field, from the byte in which the first of eight begins. That is computed
  // anew, because a machine waits long for a register that it loads from parts that were stored
  // just before.
  const V first =
      _mm256_and_si256(_mm256_add_epi64(sums_before(sizes), start), _mm256_set1_epi64x(7));
  const __m128i firsts = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8);
  const V place =
      _mm256_add_epi8(_mm256_slli_epi64(sums, 8), _mm256_shuffle_epi8(first, in_halves(firsts)));
  const V byte = _mm256_and_si256(_mm256_srli_epi16(place, 3), _mm256_set1_epi8(0x1F));
  const V next = _mm256_add_epi8(byte, _mm256_set1_epi8(1));
  const V bit = _mm256_and_si256(place, _mm256_set1_epi8(7));
  // A field is within two bytes. A product moves it up to bit 7, and a shift down again.
  const __m128i up = _mm_setr_epi8(-128, 64, 32, 16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  const V factor = _mm256_shuffle_epi8(in_halves(up), bit);
  const auto fields = [&](V at_bytes, V window, V by) __attribute__((always_inline)) {
    const V words = _mm256_shuffle_epi8(window, at_bytes);
    return _mm256_srli_epi16(_mm256_mullo_epi16(words, by), 7);
  };
  const V a =
      fields(_mm256_unpacklo_epi8(byte, next), load_halves(low + begin[0] / 8, low + begin[2] / 8),
             _mm256_unpacklo_epi8(factor, V{}));
  const V b =
      fields(_mm256_unpackhi_epi8(byte, next), load_halves(low + begin[1] / 8, low + begin[3] / 8),
             _mm256_unpackhi_epi8(factor, V{}));
  const V below = _mm256_set1_epi16(0xFF);
  const V all = _mm256_packus_epi16(_mm256_and_si256(a, below), _mm256_and_si256(b, below));
  const __m128i masks = _mm_setr_epi8(0, 1, 3, 7, 15, 31, 63, 127, -1, 0, 0, 0, 0, 0, 0, 0);
  return _mm256_and_si256(all, _mm256_shuffle_epi8(in_halves(masks), bits));
}

// Reads fields of eight elements from bit `at` on, of which each has as many bits as a double word
// of `bits` says, at most 24. 40 bytes must be readable.
BBZ_AVX2_INLINE V take_words(const std::uint8_t* low, V bits, std::uint64_t& at) {
  // The sums up to each within four.
  V sums = _mm256_add_epi32(bits, _mm256_slli_si256(bits, 4));
  sums = _mm256_add_epi32(sums, _mm256_slli_si256(sums, 8));
  const auto first = static_cast<std::uint32_t>(_mm256_extract_epi32(sums, 3));
  const auto second = static_cast<std::uint32_t>(_mm256_extract_epi32(sums, 7));
  const std::uint64_t middle = at + first;
  const V begin = _mm256_inserti128_si256(_mm256_set1_epi32(static_cast<int>(at % 8)),
                                          _mm_set1_epi32(static_cast<int>(middle % 8)), 1);
  const V place = _mm256_add_epi32(_mm256_sub_epi32(sums, bits), begin);
  const V window = load_halves(low + at / 8, low + middle / 8);
  at = middle + second;
  const __m128i to_bytes = _mm_setr_epi8(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12);
  const V byte =
      _mm256_add_epi8(_mm256_shuffle_epi8(_mm256_srli_epi32(place, 3), in_halves(to_bytes)),
                      _mm256_set1_epi32(0x03020100));
  const V bit = _mm256_and_si256(place, _mm256_set1_epi32(7));
  const V fields = _mm256_srlv_epi32(_mm256_shuffle_epi8(window, byte), bit);
  const V one = _mm256_set1_epi32(1);
  return _mm256_and_si256(fields, _mm256_sub_epi32(_mm256_sllv_epi32(one, bits), one));
}

// Writes the lower bits of a job.
class BitWriter {
 public:
  explicit BitWriter(const SplitJob& job)
      : at_(job.low), pending_(job.pending), filled_(static_cast<unsigned>(job.filled)) {}
  void store(SplitJob& job) const {
    job.low = at_;
    job.pending = pending_;
    job.filled = static_cast<int>(filled_);
  }
  // Appends eight fields of double words, each of as many bits as a double word says, at most 32.
  BBZ_AVX2_INLINE void put(V fields, V bits) {
    const V below = _mm256_set1_epi64x(0xFFFFFFFF);
    const V first = _mm256_and_si256(bits, below);
    const V upper = _mm256_sllv_epi64(_mm256_srli_epi64(fields, 32), first);
    alignas(32) std::uint64_t field[4];
    alignas(32) std::uint64_t size[4];
    avx2::store(field, _mm256_or_si256(_mm256_and_si256(fields, below), upper));
    avx2::store(size, _mm256_add_epi64(first, _mm256_srli_epi64(bits, 32)));
    for (int i = 0; i < 4; ++i) put(field[i], static_cast<unsigned>(size[i]));
  }

 private:
  void put(std::uint64_t field, unsigned size) {
    const std::uint64_t all = pending_ | field << filled_;
    const unsigned total = filled_ + size;
    std::memcpy(at_, &all, 8);
    at_ += total / 8;
    // Of 64 bits and more, those that did not fit are left.
    pending_ = total < 64 ? all >> (total & ~7u) : filled_ == 0 ? 0 : field >> (64 - filled_);
    filled_ = total % 8;
  }

  std::uint8_t* at_;
  std::uint64_t pending_;
  unsigned filled_;  // below 8
};

}  // namespace bbz::codec::difference::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
