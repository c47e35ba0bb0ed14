// Merging with AVX-512, a register of elements at a time.
//
// What symbols mean is looked up in registers. The numbers of lower bits of all elements give the
// place of each one's: the bytes of eight bytes of elements are gathered from a window, and shifted
// from there bit by bit. even.h has a faster loop for most floats.
#include "bbz/codec/split/avx512/avx512.h"

#if defined(__x86_64__)

#include <cstring>
#include <optional>

#include "bbz/codec/number/avx2/avx2.h"
#include "bbz/codec/number/avx512/even.h"
#include "bbz/codec/split/kernel.h"

BBZ_AVX512_BEGIN

namespace bbz::codec::number {
namespace avx512 {
namespace {

// Returns the 64 bytes of lower bits from a bit on. Those after the end are zero.
BBZ_AVX512_INLINE V load_window(const LowBits& low, std::uint64_t at) {
  if (at + 512 <= low.size) return load(low.begin + at / 8);
  return _mm512_maskz_loadu_epi8(first_lanes(low.size / 8 - at / 8), low.begin + at / 8);
}

// What the symbols of a row mean if it has no columns.
template <int kBytes>
struct Meanings {
  // The lower bits of eight bytes of elements are read at once, from any bit of a byte.
  static constexpr unsigned kMostBits = (64 - 7) / (8 / kBytes);

  unsigned first_escaped = kFirstKey;  // the lowest symbol that has no lanes in the tables
  bool has_low = false;                // whether there are lower bits
  bool has_shifts = false;             // whether some are shifted
  V low_bits;                          // bytes, those of zeros in the last two of 64
  Table bases;
  Table masks;
  Table shifts;
  Table signs;  // all bits where the sign is 1

  explicit Meanings(const MergeJob& job) {
    using Lane = Lanes<kBytes>;
    const KeyTable::Lanes& lanes = job.keys->lanes();
    alignas(64) std::uint8_t bits[64] = {};
    alignas(64) std::uint8_t shift[64] = {};
    alignas(64) std::uint8_t sign[64] = {};
    alignas(64) std::uint32_t magnitude[32] = {};
    std::memcpy(magnitude, lanes.magnitudes.data() + job.shift, kWindow * 4);
    std::memcpy(sign, lanes.signs.data() + job.shift, kWindow);
    if (job.has_own_floor) {
      for (unsigned i = 0; i < kWindow; ++i) {
        KeyMeaning meaning = job.keys->begin()[job.shift + i];
        meaning.set_floor(job.model, job.floor);
        bits[i] = meaning.low_bits;
        shift[i] = meaning.shift;
      }
    } else {
      std::memcpy(bits, lanes.low_bits.data() + job.shift, kWindow);
      std::memcpy(shift, lanes.shifts.data() + job.shift, kWindow);
    }
    unsigned end = 0;
    for (; end < kWindow && bits[end] <= kMostBits; ++end) {
      has_low |= bits[end] != 0;
      has_shifts |= shift[end] != 0;
    }
    first_escaped = kFirstKey + end;
    const bool is_float = job.model.kind == Kind::kFloat;
    constexpr std::uint32_t kSign = std::uint32_t{1} << (8 * kBytes - 1);
    for (unsigned i = 0; i < kWindow; ++i) {
      if (is_float) {
        magnitude[i] = (magnitude[i] & (kSign - 1)) | (sign[i] != 0 ? kSign : 0);
      } else if (sign[i] != 0) {
        magnitude[i] = 1 - magnitude[i];
      }
    }
    // Tables of 32 lanes have zeros in their last two places, and those of bytes in the last two of
    // 64.
    if (is_float && kBytes > 1) magnitude[31] = kSign;
    low_bits = load(bits);
    Lane::make_masks(low_bits, masks);
    Lane::make_shifts(load(shift), shifts);
    Lane::make_magnitudes(magnitude, bases);
    if (is_float && kBytes == 1) {
      bases[0] = _mm512_mask_mov_epi8(bases[0], __mmask64{1} << 63, set_bytes(0x80));
    }
    Lane::make_table(load(sign), signs);
    for (int i = 0; i < (kBytes == 4 ? 2 : 1); ++i) signs[i] = Lane::sub(V{}, signs[i]);
  }
};

// The loop for elements of so many bytes. kStored says whether the sign is among the lower bits.
template <int kBytes, Kind kKind, bool kStored>
class Loop {
 public:
  explicit Loop(MergeJob& job) : job_(job) {}

  void run() {
    std::uint64_t i = 0;
    if constexpr (kKind == Kind::kFloat && kStored && kBytes > 1) {
      EvenLoop<kBytes> even(job_);
      while (even.has_keys() && i < job_.count && is_complete()) {
        i = even.run(job_, i);
        const std::uint64_t end = std::min(i + 64, job_.count);
        merge_any(i, end);
        i = end;
      }
    }
    if (kBytes == 1 && job_.model.bits == 4 && job_.element % 2 != 0) portable_merge(job_, i++, 1);
    if (i < job_.count && is_complete()) merge_any(i, job_.count);
  }

 private:
  using Lane = Lanes<kBytes>;
  static constexpr std::uint64_t kCount = 64 / kBytes;
  static constexpr bool kDifference = kKind == Kind::kFirstDifference;

  bool is_complete() const { return !job_.overrun && !job_.low.is_overrun(); }

  // Returns the number of rows above an element that it depends on.
  static unsigned rows_above(const MergeJob& job, std::uint64_t place) {
    if (place < job.width) return 0;
    return job.model.kind == Kind::kFirstDifference || place < 2 * job.width ? 1 : 2;
  }

  // Returns how many elements to make at once. All of them depend on as many rows.
  static std::uint64_t count_from(const MergeJob& job, std::uint64_t i, std::uint64_t end) {
    const std::uint64_t count = std::min(kCount, end - i);
    if constexpr (!kDifference) return count;
    const std::uint64_t place = job.element + i;
    const std::uint64_t end_of_rows = (rows_above(job, place) + 1) * job.width;
    return place < end_of_rows ? std::min(count, end_of_rows - place) : count;
  }

  static V above(const MergeJob& job, std::uint64_t place, unsigned rows, std::uint64_t count) {
    const V elements = Lane::load_lanes(job.out + (place - rows * job.width) * kBytes, count);
    return job.model.has_ordered_floats() ? Lane::order(elements) : elements;
  }

  static V predicted(const MergeJob& job, std::uint64_t place, std::uint64_t count) {
    const unsigned rows = rows_above(job, place);
    if (rows == 0) return V{};
    const V once = above(job, place, 1, count);
    return rows == 1 ? once : Lane::sub(Lane::add(once, once), above(job, place, 2, count));
  }

  // Makes the elements from `i` to `end`, of all symbols.
  void merge_any(std::uint64_t i, std::uint64_t end) {
    if (i == end) return;
    if (job_.columns != nullptr) return portable_merge(job_, i, end - i);
    if (!meanings_.has_value()) meanings_.emplace(job_);
    const Meanings<kBytes> meanings = *meanings_;  // stores of bytes cannot change it
    if (meanings.first_escaped == kFirstKey) return portable_merge(job_, i, end - i);
    const MergeJob input = job_;
    const V lane_of = load(kLaneOf<kBytes>.data());
    std::uint64_t low_at = input.low.at;
    std::uint64_t count = 0;
    for (; i < end; i += count) {
      count = count_from(input, i, end);
      const V symbols = _mm512_maskz_loadu_epi8(first_lanes(count), input.symbols + i);
      const __mmask64 escaped =
          _mm512_cmpge_epu8_mask(symbols, set_bytes(static_cast<int>(meanings.first_escaped)));
      const V relative = _mm512_sub_epi8(symbols, set_bytes(kFirstKey));
      const V at = kBytes == 1 ? relative : _mm512_permutexvar_epi8(lane_of, relative);
      V element = Lane::look_up(meanings.bases, at);
      V bits = V{};
      std::uint64_t next = low_at;
      if (meanings.has_low || escaped != 0) {
        bits = _mm512_permutexvar_epi8(at, meanings.low_bits);
        if (__builtin_expect(escaped != 0, 0)) {
          bool is_long = false;
          bits = with_escaped(i, bits, escaped, is_long);
          if (is_long) {
            job_.low.at = low_at;
            portable_merge(job_, i, count);
            low_at = job_.low.at;
            if (!is_complete()) return;
            continue;
          }
        }
        alignas(64) std::uint64_t ends[8];
        const V fields =
            _mm512_and_si512(take(load_window(input.low, low_at), low_at % 8, bits, ends),
                             Lane::look_up(meanings.masks, at));
        next += ends[7];
        element = combine(meanings, at, element, fields);
      } else if constexpr (kKind != Kind::kFloat) {
        element = Lane::add(element, Lane::look_up(meanings.signs, at));
      }
      const std::uint64_t place = input.element + i;
      if constexpr (kKind == Kind::kInteger) element = Lane::add(element, Lane::set1(input.centre));
      if constexpr (kDifference) {
        element = Lane::add(element, predicted(input, place, count));
        if (input.model.has_ordered_floats()) element = Lane::order(element);
      }
      store(input, place, count, element);
      if (__builtin_expect(escaped != 0 && next <= input.low.size, 0)) {
        merge_escaped(i, bits, escaped, low_at);
        if (job_.overrun) return;
      }
      low_at = next;
      if (low_at > input.low.size) break;
    }
    job_.low.at = low_at;
  }

  // Returns the lower bits of all elements, of which each has as many as each of its bytes says, in
  // their lanes. There are others above them. Sets `end` to where those of each eight bytes end,
  // relative to the first.
  static BBZ_AVX512_INLINE V take(V window, std::uint64_t first, V bits, std::uint64_t (&end)[8]) {
    const V sums = Lane::add_lower(bits);
    V ends = _mm512_srli_epi64(sums, 56);
    ends = _mm512_add_epi64(ends, _mm512_alignr_epi64(ends, V{}, 7));
    ends = _mm512_add_epi64(ends, _mm512_alignr_epi64(ends, V{}, 6));
    ends = _mm512_add_epi64(ends, _mm512_alignr_epi64(ends, V{}, 4));
    _mm512_store_si512(end, ends);
    const V begins = _mm512_add_epi64(_mm512_alignr_epi64(ends, V{}, 7),
                                      _mm512_set1_epi64(static_cast<long long>(first)));
    V within = _mm512_sub_epi8(sums, bits);
    if constexpr (kBytes > 1) within = _mm512_add_epi8(within, byte_shifts<kBytes>());
    const Places places = find_places(begins, within, V{});
    return _mm512_multishift_epi64_epi8(places.bits, _mm512_permutexvar_epi8(places.bytes, window));
  }

  // Returns the elements or the values of symbols with these bases and fields.
  static BBZ_AVX512_INLINE V combine(const Meanings<kBytes>& meanings, V at, V base, V fields) {
    V lower = kStored ? Lane::half(fields) : fields;
    if (kBytes > 1 || meanings.has_shifts) {
      lower = Lane::shift_left(lower, Lane::look_up(meanings.shifts, at));
    }
    if constexpr (kKind == Kind::kFloat) {
      return kStored ? _mm512_ternarylogic_epi64(base, lower, Lane::sign_of_lowest(fields), 0xFE)
                     : _mm512_or_si512(base, lower);
    } else if constexpr (kStored) {
      const V sign = Lane::sub(V{}, _mm512_and_si512(fields, Lane::set1(1)));
      return Lane::sub(_mm512_xor_si512(_mm512_or_si512(base, lower), sign), sign);
    } else {
      return Lane::add(base, _mm512_xor_si512(lower, Lane::look_up(meanings.signs, at)));
    }
  }

  static BBZ_AVX512_INLINE void store(const MergeJob& job, std::uint64_t place, std::uint64_t count,
                                      V element) {
    if (kBytes == 1 && job.model.bits == 4) {
      // The upper half of the last byte is that of the next row, if it is not one of these.
      const V nibbles =
          _mm512_mask_mov_epi8(V{}, first_lanes(count), _mm512_and_si512(element, set_bytes(15)));
      const __m256i bytes =
          _mm512_cvtepi16_epi8(_mm512_maddubs_epi16(nibbles, _mm512_set1_epi16(0x1001)));
      _mm512_mask_storeu_epi8(job.out + place / 2, first_lanes((count + 1) / 2),
                              _mm512_castsi256_si512(bytes));
    } else {
      Lane::store_lanes(job.out + place * kBytes, count, element);
    }
  }

  // Returns the numbers of lower bits with those of escaped keys. Sets `is_long` if one has too many,
  // or cannot be replaced.
  __attribute__((noinline)) V with_escaped(std::uint64_t i, V bits, __mmask64 escaped,
                                           bool& is_long) const {
    alignas(64) std::uint8_t bytes[64];
    _mm512_store_si512(bytes, bits);
    is_long = kBytes == 1 && job_.model.bits == 4;  // one that is replaced would take its neighbour
    for (; escaped != 0; escaped &= escaped - 1) {
      const auto lane = static_cast<unsigned>(__builtin_ctzll(escaped));
      const unsigned symbol = job_.symbols[i + lane];
      int count = 0;
      if (symbol != kWhole) {
        const unsigned key = key_of_symbol(symbol, job_.origin);
        count =
            low_bits(job_.model, static_cast<int>(key >> job_.model.low_key_bits()), job_.floor);
      }
      is_long |= count > static_cast<int>(Meanings<kBytes>::kMostBits);
      std::memset(bytes + lane * kBytes, count, kBytes);
    }
    return load(bytes);
  }

  // Makes the elements that are escaped. `bits` is what with_escaped() returned.
  __attribute__((noinline)) void merge_escaped(std::uint64_t i, V bits, __mmask64 escaped,
                                               std::uint64_t low_at) {
    alignas(64) std::uint8_t bytes[64];
    _mm512_store_si512(bytes, bits);
    job_.low.at = low_at;
    for (std::uint64_t lane = 0; escaped != 0 && !job_.overrun; ++lane, escaped >>= 1) {
      if ((escaped & 1) != 0) {
        portable_merge(job_, i + lane, 1);
      } else {
        job_.low.at += bytes[lane * kBytes];
      }
    }
  }

  MergeJob& job_;
  std::optional<Meanings<kBytes>> meanings_;
};

template <int kBytes, Kind kKind>
void merge_kind(MergeJob& job) {
  if (job.model.sign_bits == 0) {
    Loop<kBytes, kKind, true>(job).run();
  } else {
    Loop<kBytes, kKind, false>(job).run();
  }
}

template <int kBytes>
void merge_bytes(MergeJob& job) {
  switch (job.model.kind) {
    case Kind::kFloat:
      return merge_kind<kBytes, Kind::kFloat>(job);
    case Kind::kInteger:
      return merge_kind<kBytes, Kind::kInteger>(job);
    case Kind::kScaled:
      return portable_merge(job);
    default:
      if (kBytes == 1 && job.model.has_ordered_floats()) return portable_merge(job);
      return merge_kind<kBytes, Kind::kFirstDifference>(job);  // and kSecondDifference
  }
}

}  // namespace
}  // namespace avx512

void avx512_merge(MergeJob& job) {
  // Columns and products have no loop here.
  const bool has_loop = job.columns == nullptr && job.model.kind != Kind::kScaled;
  const bool is_even = EvenKeys(job).window != 0;
  if (!has_loop && !is_even && split::has_avx2()) return avx2_merge(job);
  // The tables of a short row would take longer than its elements.
  if (job.count < 64) return portable_merge(job);
  switch (job.model.bits) {
    case 4:
    case 8:
      return avx512::merge_bytes<1>(job);
    case 16:
      return avx512::merge_bytes<2>(job);
    case 32:
      return avx512::merge_bytes<4>(job);
    default:
      return portable_merge(job);
  }
}

}  // namespace bbz::codec::number

BBZ_AVX512_END

#endif  // defined(__x86_64__)
