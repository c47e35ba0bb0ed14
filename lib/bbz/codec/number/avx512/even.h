// Floats most of whose keys have the same number of lower bits, and zeros.
//
// The magnitudes of such keys are a multiple of the key, and a number. Places of lower bits are
// constants, and the lower bits of an element are shifted to where they are in it. Expanding skips
// zeros.
#pragma once

#include "bbz/codec/number/avx512/lanes.h"
#include "bbz/codec/number/even_keys.h"

#if defined(__x86_64__)

BBZ_AVX512_BEGIN

namespace bbz::codec::number::avx512 {

// Where the lower bits of a register of elements are, for the bit of a byte that they begin with.
struct Places {
  V bytes;  // of the window
  V bits;   // of eight bytes
  V signs;  // of eight bytes
};

// Finds the places of fields: from the bit `begins` of a window for each eight bytes, and from there
// `within` for each byte. The latter has the bits of lower lanes, and eight for each lower byte of the
// lane.
BBZ_AVX512_INLINE Places find_places(V begins, V within, V signs) {
  const V first = _mm512_and_si512(_mm512_multishift_epi64_epi8(V{}, begins), set_bytes(7));
  return {
      _mm512_add_epi8(_mm512_multishift_epi64_epi8(set_bytes(3), begins), load(kByteOf<8>.data())),
      _mm512_add_epi8(within, first), _mm512_add_epi8(signs, first)};
}

// Returns eight times the number of a byte within its lane.
template <int kBytes>
V byte_shifts() {
  return _mm512_slli_epi16(load(kByteOf<kBytes>.data()), 3);
}

template <int kBytes>
class EvenLoop {
 public:
  // Prepares for a row of floats without signs in keys.
  explicit EvenLoop(const MergeJob& job) {
    const EvenKeys keys(job);
    if (keys.window == 0 || 1 + keys.stored > (64 - 7) / kEach) return;
    first_ = keys.first;
    window_ = keys.window;
    first_below_ = keys.first_below;
    low_bits_ = static_cast<std::uint64_t>(keys.stored) + 1;
    // Each lane's fraction, shifted to its place, and its sign, which may share a byte.
    const V lanes = _mm512_and_si512(load(kLaneOf<kBytes>.data()), set_bytes(kEach - 1));
    const V factor = _mm512_set1_epi16(static_cast<short>(low_bits_));
    const V low = _mm512_set1_epi16(0xFF);
    const V begin = _mm512_or_si512(
        _mm512_mullo_epi16(_mm512_and_si512(lanes, low), factor),
        _mm512_slli_epi16(_mm512_mullo_epi16(_mm512_srli_epi16(lanes, 8), factor), 8));
    within_ =
        _mm512_add_epi8(_mm512_add_epi8(begin, byte_shifts<kBytes>()), set_bytes(1 - keys.shift));
    signs_ = _mm512_add_epi8(begin, set_bytes(-7));
    fraction_ = Lane::set1(low_mask(keys.stored) << keys.shift);
    is_joined_ = keys.key_shift <= 8 * (kBytes - 1);
    if (is_joined_) {
      const V sign = Lane::set1(std::uint64_t{1} << (8 * kBytes - 1));
      within_ = _mm512_mask_mov_epi8(within_, _mm512_movepi8_mask(sign), signs_);
      fraction_ = _mm512_or_si512(fraction_, sign);
    }
    begins_ = _mm512_mul_epu32(_mm512_srli_epi64(load(kLaneOf<8>.data()), 56),
                               _mm512_set1_epi64(static_cast<long long>(low_bits_) * kEach));
    key_shift_ = Lane::set1(static_cast<std::uint64_t>(keys.key_shift));
    base_ = Lane::set1(keys.base);
  }

  // Returns whether there are such keys.
  bool has_keys() const { return window_ != 0; }

  // Makes elements from `i` on, 64 at a time, and returns the index of the first that it did not
  // make.
  std::uint64_t run(MergeJob& job, std::uint64_t i) {
    if (is_joined_) {
      return job.columns == nullptr ? run_with<false, true>(job, i) : run_with<true, true>(job, i);
    }
    return job.columns == nullptr ? run_with<false, false>(job, i) : run_with<true, false>(job, i);
  }

 private:
  using Lane = Lanes<kBytes>;
  static constexpr int kEach = 8 / kBytes;  // elements in eight bytes
  static constexpr int kCount = 64 / kBytes;

  template <bool kColumns>
  BBZ_AVX512_INLINE V load_symbols(const MergeJob& job, std::uint64_t i) const {
    const V symbols = Lane::load_bytes(job.symbols + i);
    return kColumns ? Lane::add(symbols, Lane::load_words(job.columns + i)) : symbols;
  }

  // Returns the lower bits of a register of elements, and their signs, where they are in elements.
  template <bool kJoined>
  BBZ_AVX512_INLINE V take(const std::uint8_t* low, const Places& places) const {
    const V sources = _mm512_permutexvar_epi8(places.bytes, load(low));
    const V fractions = _mm512_multishift_epi64_epi8(places.bits, sources);
    if constexpr (kJoined) return _mm512_and_si512(fractions, fraction_);
    const V signs = _mm512_multishift_epi64_epi8(places.signs, sources);
    const V sign = Lane::set1(std::uint64_t{1} << (8 * kBytes - 1));
    // fractions & fraction_ | signs & sign
    return _mm512_ternarylogic_epi64(_mm512_and_si512(fractions, fraction_), signs, sign, 0xF8);
  }

  template <bool kColumns, bool kJoined>
  std::uint64_t run_with(MergeJob& job, std::uint64_t i) {
    const EvenLoop even = *this;  // stores of bytes cannot change it
    const MergeJob input = job;
    std::uint8_t* const out = input.out + input.element * kBytes;
    std::uint64_t at = input.low.at;
    const V first = set_bytes(static_cast<int>(even.first_));
    const V window = set_bytes(static_cast<int>(even.window_));
    const V first_below = set_bytes(static_cast<int>(even.first_below_));
    const V belows = set_bytes(static_cast<int>(kWhole - even.first_below_));
    const std::uint64_t needed = 64 * even.low_bits_ + 512;
    Places places = even.places_for(at % 8);
    KernelMemory& memory = *job.memory;
    for (; i + 64 <= input.count && at <= input.low.size && input.low.size - at >= needed;
         i += 64) {
      const V symbols = load(input.symbols + i);
      const __mmask64 inside = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(symbols, first), window);
      if (__builtin_expect(inside == ~__mmask64{0}, 1)) {
        for (int part = 0; part < kBytes; ++part) {
          const auto place = i + static_cast<std::uint64_t>(part) * kCount;
          const V shifted =
              Lane::shift_left(even.template load_symbols<kColumns>(input, place), even.key_shift_);
          const V lower = even.template take<kJoined>(input.low.begin + at / 8, places);
          // A register of elements ends at a whole byte if its begin is one.
          _mm512_storeu_si512(out + place * kBytes,
                              _mm512_or_si512(Lane::add(shifted, even.base_), lower));
          at += kCount * even.low_bits_;
        }
        continue;
      }
      const __mmask64 keys = _mm512_cmpge_epu8_mask(symbols, set_bytes(kFirstKey));
      const __mmask64 below = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(symbols, first_below), belows);
      if ((keys & ~(inside | below)) != 0) break;
      if (!memory.is_valid) even.fill(memory);
      for (int part = 0; part < kBytes; ++part) {
        const auto place = i + static_cast<std::uint64_t>(part) * kCount;
        const __mmask64 lanes = first_lanes(kCount) & keys >> (part * kCount);
        V symbol = even.template load_symbols<kColumns>(input, place);
        const V lower = Lane::expand(
            lanes,
            even.template take<kJoined>(input.low.begin + at / 8, load_places(memory, at % 8)));
        const V zeros = Lane::sign_of_lowest(Lane::load_bytes(input.symbols + place));
        if (below != 0) {
          symbol = Lane::mask_sub(symbol, first_lanes(kCount) & below >> (part * kCount),
                                  Lane::set1(kWhole - kFirstKey));
        }
        const V upper =
            Lane::mask_add(zeros, lanes, Lane::shift_left(symbol, even.key_shift_), even.base_);
        _mm512_storeu_si512(out + place * kBytes, _mm512_or_si512(upper, lower));
        at += even.low_bits_ * static_cast<std::uint64_t>(_mm_popcnt_u64(lanes));
      }
      places = load_places(memory, at % 8);
    }
    job.low.at = at;
    return i;
  }

  Places places_for(std::uint64_t bit) const {
    return find_places(_mm512_add_epi64(begins_, _mm512_set1_epi64(static_cast<long long>(bit))),
                       within_, signs_);
  }

  void fill(KernelMemory& memory) const {
    for (std::uint64_t bit = 0; bit < 8; ++bit) {
      const Places places = places_for(bit);
      _mm512_store_si512(memory.places[bit][0].data(), places.bytes);
      _mm512_store_si512(memory.places[bit][1].data(), places.bits);
      _mm512_store_si512(memory.places[bit][2].data(), places.signs);
    }
    memory.is_valid = true;
  }

  static BBZ_AVX512_INLINE Places load_places(const KernelMemory& memory, std::uint64_t bit) {
    const auto& from = memory.places[bit];
    return {load(from[0].data()), load(from[1].data()), load(from[2].data())};
  }

  unsigned first_ = 0;             // symbol of the least key
  unsigned window_ = 0;            // number of symbols from there on
  unsigned first_below_ = kWhole;  // the least symbol of a key below the origin
  std::uint64_t low_bits_ = 0;
  bool is_joined_ = false;  // whether signs are taken with fractions: no byte has bits of both
  V begins_;                // of the fields of eight bytes
  V within_;                // of the bytes of fractions, see find_places()
  V signs_;                 // of bytes whose highest bit is the sign
  V fraction_;              // the bits of an element that are stored
  V key_shift_;             // of a symbol
  V base_;                  // of symbol 0
};

}  // namespace bbz::codec::number::avx512

BBZ_AVX512_END

#endif  // defined(__x86_64__)
