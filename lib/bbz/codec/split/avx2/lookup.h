// Table lookups by the bytes of a register, with AVX2.
#pragma once

#include <cstring>

#include "bbz/codec/split/avx2/format.h"

#if defined(__x86_64__)

BBZ_AVX2_BEGIN

namespace bbz::codec::split::avx2 {

// Looks up bytes in a table of 256. AVX2 has no permute of 256 bytes, so a lookup takes 16 shuffles
// of 16 bytes each, and the upper four bits of a slot choose between their results. That is faster
// than gathers and single loads. A shuffle itself handles the highest bit, because it gives zero if
// that is set. Blends choose by the two lowest of the four bits. Blends use the same ports as
// shuffles, so the third bit chooses with a ^ (b & mask), for which the table has a ^ b in place of
// b.
class ByteTable {
 public:
  explicit ByteTable(const std::uint8_t* bytes) {
    for (int i = 0; i < 16; ++i) {
      for (int j = 0; j < 16; ++j) {
        const std::uint8_t byte = bytes[16 * i + j];
        const std::uint8_t value = (i & 4) != 0 ? byte ^ bytes[16 * (i - 4) + j] : byte;
        parts_[i][j] = parts_[i][j + 16] = value;
      }
    }
  }
  BBZ_AVX2_INLINE V operator[](V slots) const {
    const Part* parts = parts_;
    // Otherwise compilers load all parts first, and run out of registers.
    asm volatile("" : "+r"(parts));
    const V bit6 = _mm256_add_epi8(slots, slots);
    const V bit5 = _mm256_add_epi8(bit6, bit6);
    const Choices by{_mm256_add_epi8(bit5, bit5), bit5, _mm256_cmpgt_epi8(V{}, bit6)};
    const V low = choose<3>(parts, slots, by);
    const V high = choose<3>(parts + 8, _mm256_xor_si256(slots, _mm256_set1_epi8(-128)), by);
    return _mm256_or_si256(low, high);
  }

 private:
  using Part = std::uint8_t[32];  // 16 bytes, in each half of a register
  struct Choices {
    V bit4;  // in the highest bit of each byte
    V bit5;
    V bit6;  // in all bits
  };
  // Looks up bytes in the 1 << kBits parts at `from`.
  template <int kBits>
  static BBZ_AVX2_INLINE V choose(const Part* from, V slots, const Choices& by) {
    if constexpr (kBits == 0) {
      return _mm256_shuffle_epi8(load(from), slots);
    } else {
      const V a = choose<kBits - 1>(from, slots, by);
      const V b = choose<kBits - 1>(from + (1 << (kBits - 1)), slots, by);
      if constexpr (kBits < 3) return _mm256_blendv_epi8(a, b, kBits == 1 ? by.bit4 : by.bit5);
      V chosen = _mm256_xor_si256(a, _mm256_and_si256(b, by.bit6));
      asm("" : "+x"(chosen));  // computes it now, before registers run out
      return chosen;
    }
  }

  alignas(32) Part parts_[16];
};

// The lookups of a decoder. One lookup in 256 bytes gives both the symbol of a slot and the next
// state. See DecodeTable::excess_index.
class Tables {
 public:
  explicit Tables(const DecodeTable& t) : excess_index_(t.excess_index.data()) {
    for (int i = 0; i < 2; ++i) {
      const V words = load(t.freq.data() + 16 * i);
      freq_[i] = _mm256_permute4x64_epi64(_mm256_packus_epi16(words, words), 0x88);
    }
  }
  BBZ_AVX2_INLINE V excess_index(V slots) const { return excess_index_[slots]; }
  BBZ_AVX2_INLINE V freq(V excess_index) const {
    const V index = _mm256_and_si256(excess_index, _mm256_set1_epi8(kIndices - 1));
    return _mm256_blendv_epi8(_mm256_shuffle_epi8(freq_[0], index),
                              _mm256_shuffle_epi8(freq_[1], index), _mm256_slli_epi16(index, 3));
  }

 private:
  ByteTable excess_index_;
  V freq_[2];  // for indices 0 to 15 and 16 to 31, the same in both halves
};

// For each set of eight lanes, a shuffle that moves the i-th byte to the i-th lane of the set, and
// zero to other lanes. It takes the bytes from the lower or the upper eight of sixteen.
struct SpreadTable {
  using Shuffles = std::array<std::array<std::uint8_t, 8>, 256>;
  alignas(64) Shuffles lower{};
  alignas(64) Shuffles upper{};

  constexpr SpreadTable() {
    for (unsigned set = 0; set < 256; ++set) {
      std::uint8_t next = 0;
      for (unsigned lane = 0; lane < 8; ++lane) {
        const bool taken = (set >> lane & 1) != 0;
        lower[set][lane] = taken ? next : 0x80;
        upper[set][lane] = taken ? static_cast<std::uint8_t>(8 + next) : 0x80;
        if (taken) ++next;
      }
    }
  }
};
inline constexpr SpreadTable kSpreadTable;

// Returns the next bytes of a stream for the lanes of a set, and zero for other lanes. Bits and
// bytes are in the order of pack(): lanes 0-7, 16-23, 8-15, 24-31.
BBZ_AVX2_INLINE V spread(const std::uint8_t*& at, std::uint32_t set) {
  const auto quarters = [](const auto* a, const auto* b, const auto* c, const auto* d)
      __attribute__((always_inline)) {
    const auto half = [](const void* p, const void* q) __attribute__((always_inline)) {
      const __m128i low = _mm_loadl_epi64(static_cast<const __m128i*>(p));
      return _mm_castpd_si128(_mm_loadh_pd(_mm_castsi128_pd(low), static_cast<const double*>(q)));
    };
    return _mm256_inserti128_si256(_mm256_castsi128_si256(half(a, b)), half(c, d), 1);
  };
  const std::size_t s0 = set & 0xFF;
  const std::size_t s1 = set >> 16 & 0xFF;
  const std::size_t s2 = set >> 8 & 0xFF;
  const std::size_t s3 = set >> 24;
  const std::uint8_t* const p0 = at;
  const std::uint8_t* const p1 = p0 + _mm_popcnt_u64(s0);
  const std::uint8_t* const p2 = p1 + _mm_popcnt_u64(s1);
  const std::uint8_t* const p3 = p2 + _mm_popcnt_u64(s2);
  at = p3 + _mm_popcnt_u64(s3);
  const SpreadTable& t = kSpreadTable;
  return _mm256_shuffle_epi8(
      quarters(p0, p2, p1, p3),
      quarters(t.lower[s0].data(), t.upper[s2].data(), t.lower[s1].data(), t.upper[s3].data()));
}

}  // namespace bbz::codec::split::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
