// Encoding with AVX2: the inverse of decode.cc.
//
// The two bytes of a state are in separate registers. Its upper byte alone determines whether the
// lower one must be written, and coding a symbol gives a quotient in the upper byte and a slot in
// the lower one. Only the division uses words. It is a multiplication by the reciprocal, whose
// result is at most one too low, and a correction. As in decoding, a step of all lanes is two
// loops.
#include "bbz/codec/split/avx2/avx2.h"

#if defined(__x86_64__)

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "bbz/base/wire.h"
#include "bbz/codec/split/avx2/lookup.h"
#include "bbz/codec/split/avx2/split.h"

BBZ_AVX2_BEGIN

namespace bbz::codec::split {
namespace avx2 {
namespace {

constexpr int kGroup = 32;  // lanes that are encoded at once

BBZ_AVX2_INLINE std::uint32_t lanes_of(V mask) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(mask));
}

// Returns a mask of the first `count` of 32 lanes, in the order of pack().
inline V first_lanes(int count) {
  const V index = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 8, 9, 10,
                                   11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  return _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(count)), index);
}

// Looks up a byte for each index.
class IndexTable {
 public:
  // Indices for two shuffles. An index outside of a half gives zero in its shuffle.
  struct Choice {
    V lower;
    V upper;

    explicit Choice(V index)
        : lower(_mm256_add_epi8(index, _mm256_set1_epi8(0x70))),
          upper(_mm256_sub_epi8(index, _mm256_set1_epi8(16))) {}
  };

  explicit IndexTable(const std::array<std::uint8_t, kIndices>& bytes) {
    const V all = load(bytes.data());
    lower_ = _mm256_permute2x128_si256(all, all, 0x00);
    upper_ = _mm256_permute2x128_si256(all, all, 0x11);
  }
  BBZ_AVX2_INLINE V operator[](const Choice& by) const {
    return _mm256_or_si256(_mm256_shuffle_epi8(lower_, by.lower),
                           _mm256_shuffle_epi8(upper_, by.upper));
  }

 private:
  V lower_;
  V upper_;
};

// The lookups of an encoder. A symbol that must be escaped has the values of the escape.
struct Tables {
  ByteTable slot;
  IndexTable freq;
  IndexTable start;
  IndexTable reciprocal_low;
  IndexTable reciprocal_high;
  V escape_start;  // no other index has it

  explicit Tables(const EncodeTable& t)
      : slot(t.slot.data()),
        freq(bytes_of(t, t.freq, 0)),
        start(bytes_of(t, t.start, 0)),
        reciprocal_low(bytes_of(t, t.reciprocal, 0)),
        reciprocal_high(bytes_of(t, t.reciprocal, 8)),
        escape_start(_mm256_set1_epi8(static_cast<char>(t.start[kEscapeIndex]))) {}

 private:
  static std::array<std::uint8_t, kIndices> bytes_of(
      const EncodeTable& t, const std::array<std::uint16_t, kIndices>& words, int shift) {
    std::array<std::uint8_t, kIndices> bytes{};
    for (int i = 0; i < kIndices; ++i) {
      const std::uint16_t word = words[t.freq[i] != 0 ? i : kEscapeIndex];
      bytes[i] = static_cast<std::uint8_t>(word >> shift);
    }
    return bytes;
  }
};

// For each set of eight lanes, a shuffle that moves its bytes to the end of eight, in order. It
// takes them from the lower or the upper eight bytes of sixteen.
struct GatherTable {
  using Shuffles = std::array<std::array<std::uint8_t, 8>, 256>;
  alignas(64) Shuffles lower{};
  alignas(64) Shuffles upper{};

  constexpr GatherTable() {
    for (unsigned set = 0; set < 256; ++set) {
      unsigned to = 8;
      for (unsigned lane = 8; lane-- > 0;) {
        if ((set >> lane & 1) == 0) continue;
        --to;
        lower[set][to] = static_cast<std::uint8_t>(lane);
        upper[set][to] = static_cast<std::uint8_t>(8 + lane);
      }
    }
  }
};
constexpr GatherTable kGatherTable;

// Writes the bytes of a set's lanes, in the order of lanes, so that they end at `at`, and moves
// `at` to the first. Overwrites up to eight bytes before them.
BBZ_AVX2_INLINE void put_before(std::uint8_t*& at, std::uint32_t set, V bytes) {
  const auto half = [](const void* p, const void* q) __attribute__((always_inline)) {
    const __m128i low = _mm_loadl_epi64(static_cast<const __m128i*>(p));
    return _mm_castpd_si128(_mm_loadh_pd(_mm_castsi128_pd(low), static_cast<const double*>(q)));
  };
  const std::size_t s0 = set & 0xFF;
  const std::size_t s1 = set >> 16 & 0xFF;
  const std::size_t s2 = set >> 8 & 0xFF;
  const std::size_t s3 = set >> 24;
  const GatherTable& t = kGatherTable;
  const V shuffles =
      _mm256_inserti128_si256(_mm256_castsi128_si256(half(t.lower[s0].data(), t.upper[s2].data())),
                              half(t.lower[s1].data(), t.upper[s3].data()), 1);
  const V chosen = _mm256_shuffle_epi8(bytes, shuffles);
  const __m128i low = _mm256_castsi256_si128(chosen);
  const __m128i high = upper_half(chosen);
  std::uint8_t* const p3 = at;
  std::uint8_t* const p2 = p3 - _mm_popcnt_u64(s3);
  std::uint8_t* const p1 = p2 - _mm_popcnt_u64(s2);
  std::uint8_t* const p0 = p1 - _mm_popcnt_u64(s1);
  store_high(p3 - 8, high);
  store_high(p2 - 8, low);
  store_low(p1 - 8, high);
  store_low(p0 - 8, low);
  at = p0 - _mm_popcnt_u64(s0);
}

// The states of all lanes. Each group is in the order of pack().
struct StateBytes {
  alignas(32) std::array<std::uint8_t, 1 << kMaxLanesLog2> low;
  alignas(32) std::array<std::uint8_t, 1 << kMaxLanesLog2> high;

  StateBytes(const States& states, int lanes) {
    const V byte = _mm256_set1_epi16(0xFF);
    for (int i = 0; i < lanes; i += kGroup) {
      const V a = load(states.data() + i);
      const V b = load(states.data() + i + 16);
      store(low.data() + i, pack({_mm256_and_si256(a, byte), _mm256_and_si256(b, byte)}));
      store(high.data() + i, pack({_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8)}));
    }
  }
  void put_back(States& states, int lanes) const {
    for (int i = 0; i < lanes; i += kGroup) {
      const V l = load(low.data() + i);
      const V h = load(high.data() + i);
      store(states.data() + i, _mm256_unpacklo_epi8(l, h));
      store(states.data() + i + 16, _mm256_unpackhi_epi8(l, h));
    }
  }
};

// Encodes an index in each of 32 lanes, and returns the set of lanes that escape. Lanes from
// `count` on do not change.
template <bool kAll>
BBZ_AVX2_INLINE std::uint32_t code(const Tables& t, V index, std::uint8_t* lows,
                                   std::uint8_t* highs, std::uint8_t*& stream, int count) {
  const IndexTable::Choice by(index);
  const V freq = t.freq[by];
  const V low = load(lows);
  const V high = load(highs);
  V need = _mm256_cmpeq_epi8(_mm256_max_epu8(high, freq), high);
  if (!kAll) need = _mm256_and_si256(need, first_lanes(count));
  put_before(stream, lanes_of(need), low);
  const V x_low = _mm256_blendv_epi8(low, high, need);
  const V x_high = _mm256_andnot_si256(need, high);

  const Words f = unpack_low(freq);
  const V m_low = t.reciprocal_low[by];
  const V m_high = t.reciprocal_high[by];
  const auto divide = [](V x, V m, V f16, V & q, V & r, V & over) __attribute__((always_inline)) {
    q = _mm256_mulhi_epu16(x, m);
    r = _mm256_sub_epi16(x, _mm256_mullo_epi16(q, f16));
    over = _mm256_sub_epi16(r, f16);  // not negative if q is one too low,
    r = _mm256_min_epu16(r, over);    // otherwise large as an unsigned number
  };
  Words q;
  Words r;
  Words over;
  divide(_mm256_unpacklo_epi8(x_low, x_high), _mm256_unpacklo_epi8(m_low, m_high), f.low, q.low,
         r.low, over.low);
  divide(_mm256_unpackhi_epi8(x_low, x_high), _mm256_unpackhi_epi8(m_low, m_high), f.high, q.high,
         r.high, over.high);
  const V is_over =
      _mm256_cmpgt_epi8(_mm256_packs_epi16(over.low, over.high), _mm256_set1_epi8(-1));
  const V start = t.start[by];
  V next_high = _mm256_sub_epi8(pack(q), is_over);
  V next_low = t.slot[_mm256_add_epi8(start, pack(r))];
  V escaped = _mm256_cmpeq_epi8(start, t.escape_start);
  if (!kAll) {
    const V active = first_lanes(count);
    next_high = _mm256_blendv_epi8(high, next_high, active);
    next_low = _mm256_blendv_epi8(low, next_low, active);
    escaped = _mm256_and_si256(escaped, active);
  }
  store(highs, next_high);
  store(lows, next_low);
  return lanes_of(escaped);
}

// The memory of 32 elements and of their parts, and the origin of their keys.
struct Target {
  const std::uint8_t* in;
  std::uint8_t* packed;
  std::uint8_t* bytes;
  const std::uint16_t* columns;  // or nullptr
  std::uint16_t base;
};

// Splits 32 elements and returns the indices of their symbols. Overwrites the byte before the
// packed bits.
template <class Format, bool kColumns>
BBZ_AVX2_INLINE V split(const Target& t) {
  constexpr int kBelow = 16 - Format::kKeyBits;
  Words key = Format::split(t.in, t.packed, t.bytes);
  const V base = _mm256_set1_epi16(static_cast<short>(t.base << kBelow));
  key = {_mm256_sub_epi16(key.low, base), _mm256_sub_epi16(key.high, base)};
  if (kColumns) {
    key = {_mm256_sub_epi16(key.low, _mm256_slli_epi16(load(t.columns), kBelow)),
           _mm256_sub_epi16(key.high, _mm256_slli_epi16(load(t.columns + 16), kBelow))};
  }
  const V symbol = pack({_mm256_srli_epi16(key.low, kBelow), _mm256_srli_epi16(key.high, kBelow)});
  return _mm256_min_epu8(symbol, _mm256_set1_epi8(kEscapeIndex));
}

// Splits the first `count` of 32 elements, and does not access memory around them.
template <class Format, bool kColumns>
__attribute__((noinline)) V split_part(const Target& t, int count) {
  const auto n = static_cast<std::size_t>(count);
  std::uint8_t in[kGroup * Format::kElementBytes] = {};
  std::uint8_t packed[1 + 4 * Format::kPackedBits];
  std::uint8_t bytes[kGroup * Format::kRestBytes + 1];
  std::uint16_t columns[kGroup] = {};
  std::memcpy(in, t.in, n * Format::kElementBytes);
  if (kColumns) std::memcpy(columns, t.columns, 2 * n);
  const V index = split<Format, kColumns>({in, packed + 1, bytes, columns, t.base});
  std::memcpy(t.packed, packed + 1, (n * Format::kPackedBits + 7) / 8);
  std::memcpy(t.bytes, bytes, n * Format::kRestBytes);
  return index;
}

// Stores the escaped bytes of a set of lanes, the last first, and appends patches if they need
// them. The set is in the order of pack().
template <class Format, bool kColumns>
__attribute__((noinline)) void put_escapes(EncodeJob& job, const Target& t, std::uint64_t element,
                                           std::uint32_t set) {
  std::uint32_t left = (set & 0xFF0000FF) | (set & 0xFF00) << 8 | (set >> 8 & 0xFF00);
  while (left != 0) {
    const auto lane = static_cast<unsigned>(31 - std::countl_zero(left));
    left ^= std::uint32_t{1} << lane;
    constexpr int kBytes = Format::kElementBytes;
    std::uint32_t value = 0;
    std::memcpy(&value, t.in + lane * kBytes, kBytes);
    // The key is below the sign, if it is not the whole element.
    constexpr unsigned kMask = (1u << Format::kKeyBits) - 1;
    constexpr int kAbove = Format::kKeyBits == 8 * kBytes ? 0 : 1;
    const unsigned key = value >> (8 * kBytes - kAbove - Format::kKeyBits) & kMask;
    unsigned base = t.base;
    if (kColumns) base += t.columns[lane];
    unsigned escape = (key - base + unsigned{kSymbolBias}) & kMask;
    if (escape > 255) {
      job.patches->push_back(
          {static_cast<std::uint32_t>(element + lane), static_cast<std::uint16_t>(key)});
      escape = 0;
    }
    *--job.escapes = static_cast<std::uint8_t>(escape);
  }
}

template <class Format, bool kColumns>
void encode_chunk(EncodeJob& job) {
  const Grid& grid = job.grid;
  const auto lanes = static_cast<std::uint64_t>(grid.lanes);
  std::optional<Tables> tables[kMaxTables];
  StateBytes states(job.states, grid.lanes);
  std::uint8_t* streams[kMaxStreams];
  std::copy(job.streams.begin(), job.streams.end(), streams);
  alignas(32) std::uint8_t indices[1 << kMaxLanesLog2];
  std::uint8_t* packed_row = job.packed + packed_total(job.layout, grid);
  for (std::uint64_t r = grid.rows(); r-- > 0;) {
    const Row& row = job.rows[r];
    if (!tables[row.table]) tables[row.table].emplace(job.tables[row.table]);
    const Tables& table = *tables[row.table];
    const std::uint64_t begin = grid.row_begin(r);
    const std::uint64_t size = grid.row_end(r) - begin;
    packed_row -= job.layout.packed_size(size);
    const std::uint16_t* columns = nullptr;
    if (kColumns) columns = job.columns + (r == 0 ? grid.first : 0);
    const auto target = [&](std::uint64_t index) __attribute__((always_inline)) {
      return Target{job.in + (begin + index) * Format::kElementBytes,
                    packed_row + index * Format::kPackedBits / 8,
                    job.bytes + (begin + index) * Format::kRestBytes,
                    kColumns ? columns + index : nullptr, row.base};
    };
    for (std::uint64_t step = divide_up(size, lanes) * lanes; step > 0;) {
      step -= lanes;
      const int count = static_cast<int>(size - step < lanes ? size - step : lanes);
      const int last = (count - 1) / kGroup * kGroup;
      for (int lane = last; lane >= 0; lane -= kGroup) {
        const std::uint64_t index = step + static_cast<std::uint64_t>(lane);
        const int n = count - lane < kGroup ? count - lane : kGroup;
        // The bytes before the chunk's first packed bits are already written and must not change.
        const bool whole = n == kGroup && begin + index != 0;
        store(indices + lane, whole ? split<Format, kColumns>(target(index))
                                    : split_part<Format, kColumns>(target(index), n));
      }
      for (int lane = last; lane >= 0; lane -= kGroup) {
        const int n = count - lane;
        std::uint8_t*& stream = streams[lane / kStreamLanes];
        const V index = load(indices + lane);
        std::uint8_t* low = states.low.data() + lane;
        std::uint8_t* high = states.high.data() + lane;
        const std::uint32_t escaped = n >= kGroup
                                          ? code<true>(table, index, low, high, stream, kGroup)
                                          : code<false>(table, index, low, high, stream, n);
        if (__builtin_expect(escaped != 0, 0)) {
          const std::uint64_t at = step + static_cast<std::uint64_t>(lane);
          put_escapes<Format, kColumns>(job, target(at), begin + at, escaped);
        }
      }
    }
  }
  states.put_back(job.states, grid.lanes);
  std::copy(streams, streams + kMaxStreams, job.streams.begin());
}

template <class Format>
void encode_format(EncodeJob& job) {
  return job.columns != nullptr ? encode_chunk<Format, true>(job)
                                : encode_chunk<Format, false>(job);
}

}  // namespace
}  // namespace avx2

void avx2_encode(EncodeJob& job) {
  using namespace avx2;
  switch (job.layout.element_bytes) {
    case 1:
      if (job.layout.packed_bits == 0) return encode_format<SplitByte>(job);
      return job.layout.packed_bits == 3 ? encode_format<SplitF8<3>>(job)
                                         : encode_format<SplitF8<2>>(job);
    case 2:
      return job.layout.packed_bits == 7 ? encode_format<SplitBf16>(job)
                                         : encode_format<SplitF16>(job);
    default:
      return encode_format<SplitF32>(job);
  }
}

}  // namespace bbz::codec::split

BBZ_AVX2_END

#endif  // defined(__x86_64__)
