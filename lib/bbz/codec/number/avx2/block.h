// Blocks of elements: what each is made of is looked up by its symbol, and its lower bits are deposited
// where the masks say, eight bytes of lanes at a time.
#pragma once

#include <type_traits>

#include "bbz/codec/number/avx2/meanings.h"

#if defined(__x86_64__)

BBZ_AVX2_BEGIN

namespace bbz::codec::number::avx2 {

// The bits that can be deposited in eight bytes of lanes with one load, from any bit of a byte.
inline constexpr unsigned kShortBits = 64 - 7;
inline constexpr std::uint64_t kGroup = 32;  // elements whose symbols are a register

// The bases and the fields of up to kElements elements of so many bytes, of which whole groups are
// filled.
template <int kBytes>
class Block {
 public:
  static constexpr std::uint64_t kElements = 2048 / kBytes;
  // An entry of chunk_bases().
  using Entry = std::conditional_t<kBytes == 1, std::uint16_t,
                                   std::conditional_t<kBytes == 2, std::uint32_t, std::uint64_t>>;

  const std::uint8_t* bases(std::uint64_t i) const { return bases_ + i * kBytes; }
  template <int kLane>
  const std::uint8_t* fields(std::uint64_t i) const {
    return fields_ + i * kLane;
  }
  const std::uint8_t* shifts(std::uint64_t i) const { return shifts_ + i; }
  const std::uint8_t* signs(std::uint64_t i) const { return signs_ + i; }

  // Fills bases, masks, shifts and signs of `count` elements from `first` of the job on.
  template <int kLane>
  void fill(const MergeJob& job, const RowBases& row, std::uint64_t first, std::uint64_t count) {
    const RowBases local = row;  // stores of bytes cannot change it
    const std::uint8_t* const symbols = job.symbols + first;
    for (std::uint64_t i = 0; i < count; i += kGroup) {
      const V group = load(symbols + i);
      escaped_[i / kGroup] = escapes(group);
      const Lookup at(Lanes<kBytes>::arrange(group));
      Lanes<kBytes>::look_up(local.values.data(), at, bases_ + i * kBytes);
      if constexpr (kLane == kBytes) {
        Lanes<kBytes>::look_up(local.masks.data(), at, fields_ + i * kBytes);
      } else if constexpr (kLane != 0) {
        const Lookup at_lanes(Lanes<kLane>::arrange(group));
        Lanes<kLane>::look_up(local.masks.data(), at_lanes, fields_ + i * kLane);
        if constexpr (kBytes == 4) store(shifts_ + i, Lookup(group)[local.shifts]);
      }
    }
    fill_signs(job, first, count);
  }

  // The same if columns have shifts. Lanes are elements.
  void fill_columns(const MergeJob& job, const Entry* entries, std::uint64_t first,
                    std::uint64_t count) {
    const std::uint8_t* const symbols = job.symbols + first;
    const std::uint16_t* const columns = job.columns + first;
    const V shift = _mm256_set1_epi16(static_cast<short>(job.shift));
    for (std::uint64_t i = 0; i < count; i += kGroup) {
      const V group = load(symbols + i);
      escaped_[i / kGroup] = escapes(group);
      alignas(32) std::uint16_t places[kGroup];
      for (std::uint64_t j = 0; j < kGroup; j += 16) {
        // Escaped symbols have the place of another.
        const __m128i bytes = _mm_min_epu8(load_half(symbols + i + j), _mm_set1_epi8(30));
        const V symbol = _mm256_cvtepu8_epi16(bytes);
        const V is_key = _mm256_cmpgt_epi16(symbol, _mm256_set1_epi16(kFirstKey - 1));
        const V shifts = _mm256_add_epi16(load(columns + i + j), shift);
        store(places + j, _mm256_add_epi16(symbol, _mm256_and_si256(is_key, shifts)));
      }
      for (std::uint64_t j = 0; j < kGroup; ++j) entries_[i + j] = entries[places[j]];
    }
    for (std::uint64_t i = 0; i < count; i += 32 / kBytes) {
      part(load(entries_ + i), load(entries_ + i + 16 / kBytes), fields_ + i * kBytes,
           bases_ + i * kBytes);
    }
    fill_signs(job, first, count);
  }

  // Fills in what escaped symbols mean. Returns how many elements are filled then: those before the
  // group of the first one that has no room for its lower bits, or no whole element.
  std::uint64_t fill_escaped(const MergeJob& job, int lane_bytes, unsigned room, unsigned shift,
                             std::uint64_t first, std::uint64_t count) {
    whole_count_ = 0;
    for (std::uint64_t i = 0; i < count; i += kGroup) {
      std::uint32_t set = escaped_[i / kGroup];
      if (__builtin_expect(set == 0, 1)) continue;
      const std::uint64_t wholes = whole_count_;
      bool fits = true;
      for (; set != 0 && fits; set &= set - 1) {
        const std::uint64_t at = i + static_cast<unsigned>(__builtin_ctz(set));
        fits = fill_one(job, lane_bytes, room, shift, first + at, at);
      }
      if (fits) continue;
      whole_count_ = wholes;
      return i;
    }
    return count;
  }

  // Replaces masks by the lower bits from a bit on, of so many elements. Returns the number of bits.
  template <int kLane, bool kLong>
  std::uint64_t deposit(const std::uint8_t* low, std::uint64_t begin, std::uint64_t count) {
    std::uint64_t at = begin;
    std::uint8_t* const end = fields_ + count * kLane;
#pragma GCC unroll 4
    for (std::uint8_t* p = fields_; p < end; p += 8) {
      const auto mask = load_le<std::uint64_t>(p);
      std::uint64_t bits = load_le<std::uint64_t>(low + at / 8) >> (at % 8);
      if constexpr (kLong) bits |= std::uint64_t{low[at / 8 + 8]} << 1 << (63 - at % 8);
      store_le(p, static_cast<std::uint64_t>(_pdep_u64(bits, mask)));
      at += static_cast<std::uint64_t>(_mm_popcnt_u64(mask));
    }
    return at - begin;
  }

  // Calls f with the place in the block of each element that is stored whole.
  template <class F>
  void for_each_whole(F f) const {
    for (std::uint64_t i = 0; i < whole_count_; ++i) f(wholes_[i]);
  }

 private:
  static BBZ_AVX2_INLINE std::uint32_t escapes(V symbols) {
    const V is_escaped =
        _mm256_cmpeq_epi8(_mm256_max_epu8(symbols, set_bytes(kFirstEscaped)), symbols);
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(is_escaped));
  }

  // Signs of integers in keys are the lowest bits of these. Those of zeros are taken to be that too.
  void fill_signs(const MergeJob& job, std::uint64_t first, std::uint64_t count) {
    if (job.model.sign_bits == 0 || job.model.kind == Kind::kFloat) return;
    const V odd = set_bytes(1);
    const V negative = set_bytes(1 - (job.origin & 1));
    for (std::uint64_t i = 0; i < count; i += kGroup) {
      const V lowest = _mm256_and_si256(load(job.symbols + first + i), odd);
      store(signs_ + i, _mm256_cmpeq_epi8(lowest, negative));
    }
  }

  // Divides entries into masks and values.
  static BBZ_AVX2_INLINE void part(V a, V b, std::uint8_t* masks, std::uint8_t* values) {
    if constexpr (kBytes == 1) {
      const V low = _mm256_set1_epi16(0xFF);
      put(masks, _mm256_packus_epi16(_mm256_and_si256(a, low), _mm256_and_si256(b, low)));
      put(values, _mm256_packus_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8)));
    } else if constexpr (kBytes == 2) {
      const V low = _mm256_set1_epi32(0xFFFF);
      put(masks, _mm256_packus_epi32(_mm256_and_si256(a, low), _mm256_and_si256(b, low)));
      put(values, _mm256_packus_epi32(_mm256_srli_epi32(a, 16), _mm256_srli_epi32(b, 16)));
    } else {
      const __m256 x = _mm256_castsi256_ps(a);
      const __m256 y = _mm256_castsi256_ps(b);
      put(masks, _mm256_castps_si256(_mm256_shuffle_ps(x, y, 0x88)));
      put(values, _mm256_castps_si256(_mm256_shuffle_ps(x, y, 0xDD)));
    }
  }
  static BBZ_AVX2_INLINE void put(std::uint8_t* p, V halves) {
    store(p, _mm256_permute4x64_epi64(halves, 0xD8));
  }

  // Fills in one escaped element, `i` of the job and `at` of the block. Returns whether it could.
  bool fill_one(const MergeJob& job, int lane_bytes, unsigned room, unsigned shift, std::uint64_t i,
                std::uint64_t at) {
    const unsigned symbol = job.symbols[i];
    Base base;
    if (symbol == kWhole) {
      const std::size_t needed = (whole_count_ + 1) * job.model.whole_bytes();
      if (static_cast<std::size_t>(job.wholes.end - job.wholes.at) < needed) return false;
      wholes_[whole_count_++] = static_cast<std::uint16_t>(at);
    } else {
      const unsigned column = job.columns == nullptr ? 0 : job.columns[i];
      const KeyMeaning meaning =
          meaning_of(job.model, key_of_symbol(symbol, job.origin + column), job.floor);
      base = base_of(job.model, meaning, bits_of(job.model));
      signs_[at] = meaning.sign != 0 ? 0xFF : 0;
      if (base.bits > room) return false;
      if (kBytes == 2 && lane_bytes == 1 && base.is_shifted && base.shift != shift) return false;
    }
    if (lane_bytes != kBytes) {
      base.mask = static_cast<std::uint32_t>(low_mask(static_cast<int>(base.bits)));
    }
    const auto lane = static_cast<std::size_t>(lane_bytes);
    std::memcpy(fields_ + at * lane, &base.mask, lane);
    std::memcpy(bases_ + at * kBytes, &base.value, kBytes);
    shifts_[at] = static_cast<std::uint8_t>(base.shift);
    return true;
  }

  alignas(32) std::uint8_t fields_[kElements * kBytes];  // masks first
  alignas(32) std::uint8_t bases_[kElements * kBytes];
  alignas(32) std::uint8_t shifts_[kElements];
  alignas(32) std::uint8_t signs_[kElements];  // 0xFF if the sign is in the key and 1
  alignas(32) Entry entries_[kElements];
  std::uint32_t escaped_[kElements / kGroup];  // sets of elements of a group
  std::uint16_t wholes_[kElements];            // places
  std::uint64_t whole_count_ = 0;
};

}  // namespace bbz::codec::number::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
