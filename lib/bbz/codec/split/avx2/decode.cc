// Decoding with AVX2.
//
// A step of all lanes is two loops over its streams. The first looks up the slots, and the second
// does the rest. In a single loop, a machine would not look far enough ahead to work on one stream
// while another waits for its results. The number of instructions bounds each loop, and in the
// first loop the number of shuffles.
#include "bbz/codec/split/avx2/avx2.h"

#if defined(__x86_64__)

#include <cstring>

#include "bbz/codec/split/avx2/hash.h"
#include "bbz/codec/split/avx2/lookup.h"

BBZ_AVX2_BEGIN

namespace bbz::codec::split {
namespace avx2 {
namespace {

constexpr int kHalf = kStreamLanes / 2;  // lanes of a stream that are decoded at once

BBZ_AVX2_INLINE std::uint32_t lanes_of(V mask) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(mask));
}

// Returns a mask of the first `count` lanes of 32.
inline Words first_lanes(int count) {
  const V index = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const auto below = [&](int n) {
    return _mm256_cmpgt_epi16(_mm256_set1_epi16(static_cast<short>(n)), index);
  };
  return {below(count), below(count - 16)};
}

// Returns the next states before renormalisation: freq * x / 256 plus the top three bits of
// `excess`.
inline V next_state(V x, V freq, V excess) {
  return _mm256_add_epi16(_mm256_mulhi_epu16(x, freq), _mm256_srai_epi16(excess, 13));
}
inline V is_short(V x) {
  return _mm256_cmpeq_epi16(_mm256_min_epu16(x, _mm256_set1_epi16(0xFF)), x);
}
inline V lengthen(V x, V need) {
  return _mm256_blendv_epi8(x, _mm256_slli_epi16(x, 8), need);
}

// Looks up DecodeTable::excess_index for the lanes of a stream. Computes all slots before the first
// lookup, so that lookups do not wait.
BBZ_AVX2_INLINE void find(const Tables& tables, const std::uint16_t* states, std::uint8_t* found) {
  const V byte = _mm256_set1_epi16(0xFF);
  const auto slots = [&](const std::uint16_t* x) __attribute__((always_inline)) {
    return pack({_mm256_and_si256(load(x), byte), _mm256_and_si256(load(x + 16), byte)});
  };
  const V first = slots(states);
  const V second = slots(states + kHalf);
  store(found, tables.excess_index(first));
  store(found + kHalf, tables.excess_index(second));
}

// Advances 32 lanes to their next states, and returns their symbol bytes. Lanes from `count` on do
// not change, and their symbols are not escapes.
template <bool kAll>
BBZ_AVX2_INLINE V advance(const Tables& tables, std::uint16_t* states, const std::uint8_t* excess,
                          int count, const std::uint8_t*& stream) {
  const V found = load(excess);
  const Words x{load(states), load(states + 16)};
  const Words freq = unpack_high(tables.freq(found));
  const Words more = unpack_high(found);
  const Words y{next_state(x.low, freq.low, more.low), next_state(x.high, freq.high, more.high)};
  Words need{is_short(y.low), is_short(y.high)};
  Words z{lengthen(y.low, need.low), lengthen(y.high, need.high)};
  V symbol = _mm256_or_si256(found, _mm256_set1_epi8(static_cast<char>(kSymbolBias)));
  if (!kAll) {
    const Words active = first_lanes(count);
    need = {_mm256_and_si256(need.low, active.low), _mm256_and_si256(need.high, active.high)};
    z = {_mm256_blendv_epi8(x.low, z.low, active.low),
         _mm256_blendv_epi8(x.high, z.high, active.high)};
    symbol = _mm256_and_si256(symbol, _mm256_packs_epi16(active.low, active.high));
  }
  const std::uint32_t needing = lanes_of(_mm256_packs_epi16(need.low, need.high));
  const Words bytes = unpack_low(spread(stream, needing));
  store(states, _mm256_or_si256(z.low, bytes.low));
  store(states + 16, _mm256_or_si256(z.high, bytes.high));
  return symbol;
}

// Replaces the escapes of a stream by the next escaped bytes. Takes none or one without a branch,
// because that would be mispredicted often.
BBZ_AVX2_INLINE void take_escapes(V (&symbols)[2], const std::uint8_t*& escapes) {
  const V escape = _mm256_set1_epi8(-1);
  const V escaped[2] = {_mm256_cmpeq_epi8(symbols[0], escape),
                        _mm256_cmpeq_epi8(symbols[1], escape)};
  const std::uint32_t sets[2] = {lanes_of(escaped[0]), lanes_of(escaped[1])};
  const std::uint64_t set = sets[0] | std::uint64_t{sets[1]} << 32;
  if (__builtin_expect((set & (set - 1)) != 0, 0)) {
    for (int i = 0; i < 2; ++i) {
      symbols[i] = _mm256_blendv_epi8(symbols[i], spread(escapes, sets[i]), escaped[i]);
    }
    return;
  }
  const V next = _mm256_set1_epi8(static_cast<char>(*escapes));
  for (int i = 0; i < 2; ++i) symbols[i] = _mm256_blendv_epi8(symbols[i], next, escaped[i]);
  escapes += set != 0;
}

// The stored parts of 32 elements, and the origin of their keys.
struct Source {
  const std::uint8_t* packed;
  const std::uint8_t* bytes;
  const std::uint16_t* columns;  // or nullptr
  V origin;
};

// Makes 32 elements.
template <bool kColumns, class Format>
BBZ_AVX2_INLINE void merge(const Format& format, V symbol, const Source& s, std::uint8_t* out) {
  Words origins{s.origin, s.origin};
  if (kColumns) {
    origins = {_mm256_add_epi16(s.origin, load(s.columns)),
               _mm256_add_epi16(s.origin, load(s.columns + 16))};
  }
  format.merge(unpack_high(symbol), origins, s.packed, s.bytes, out);
}

// Makes the first `count` of 32 elements, and writes nothing after them.
template <bool kColumns, class Format>
void merge_part(const Format& format, V symbol, Source s, int count, std::uint8_t* out) {
  const auto n = static_cast<std::size_t>(count);
  std::uint16_t columns[32] = {};
  std::uint8_t whole[32 * Format::kElementBytes];
  if (kColumns) {
    std::memcpy(columns, s.columns, 2 * n);
    s.columns = columns;
  }
  merge<kColumns>(format, symbol, s, whole);
  std::memcpy(out, whole, n * Format::kElementBytes);
}

template <class Format, bool kColumns>
void decode_chunk(DecodeJob& job) {
  const Format format;
  const Grid& grid = job.grid;
  const auto lanes = static_cast<std::uint64_t>(grid.lanes);
  const int streams = grid.lanes / kStreamLanes;
  const std::uint8_t* packed = job.packed;
  const std::uint8_t* bytes = job.bytes;
  std::uint8_t* out = job.out;
  // Copies these, because the compiler then knows that writing elements does not change them.
  alignas(64) States states = job.states;
  std::array<Cursor, kMaxStreams> cursors = job.streams;
  const std::uint8_t* escapes = job.escapes.at;
  alignas(64) std::uint8_t found[1 << kMaxLanesLog2];
  Hash hash(job);
  const auto past_end = [&] {
    std::ptrdiff_t left = job.escapes.end - escapes;
    for (int i = 0; i < streams; ++i) left |= cursors[i].end - cursors[i].at;
    return left < 0;
  };
  const std::uint64_t rows = grid.rows();
  for (std::uint64_t r = 0; r < rows; ++r) {
    const Row& row = job.rows[r];
    const Tables tables(job.tables[row.table]);
    std::uint64_t left = grid.row_end(r) - grid.row_begin(r);
    Source source{packed, bytes, nullptr,
                  _mm256_set1_epi16(static_cast<short>(row.base - kSymbolBias))};
    if (kColumns) source.columns = job.columns + (r == 0 ? grid.first : 0);
    packed += job.layout.packed_size(left);
    bytes += left * Format::kRestBytes;
    const auto take = [&](int n) __attribute__((always_inline)) {
      source.packed += n * Format::kPackedBits / 8;
      source.bytes += n * Format::kRestBytes;
      if (kColumns) source.columns += n;
      out += n * Format::kElementBytes;
    };
    for (; left >= lanes; left -= lanes) {
      for (int i = 0; i < streams; ++i) {
        find(tables, states.data() + kStreamLanes * i, found + kStreamLanes * i);
      }
      for (int i = 0; i < streams; ++i) {
        const int lane = kStreamLanes * i;
        const std::uint8_t* stream = cursors[i].at;
        V symbols[2];
        for (int k = 0; k < 2; ++k) {
          const int at = lane + kHalf * k;
          symbols[k] = advance<true>(tables, states.data() + at, found + at, kHalf, stream);
        }
        cursors[i].at = stream;
        take_escapes(symbols, escapes);
        for (const V symbol : symbols) {
          merge<kColumns>(format, symbol, source, out);
          take(kHalf);
        }
      }
      hash.follow(out);
      if (past_end()) break;
    }
    for (int i = 0; left > 0 && !past_end(); ++i) {
      const int lane = kStreamLanes * i;
      const int count = left < kStreamLanes ? static_cast<int>(left) : kStreamLanes;
      find(tables, states.data() + lane, found + lane);
      V symbols[2];
      for (int k = 0; k < 2; ++k) {
        const int at = lane + kHalf * k;
        symbols[k] = advance<false>(tables, states.data() + at, found + at, count - kHalf * k,
                                    cursors[i].at);
      }
      take_escapes(symbols, escapes);
      for (int k = 0; k < 2 && count > kHalf * k; ++k) {
        const int n = count < kHalf * (k + 1) ? count - kHalf * k : kHalf;
        merge_part<kColumns>(format, symbols[k], source, n, out);
        take(n);
      }
      left -= static_cast<std::uint64_t>(count);
    }
    if (past_end()) {
      job.overrun = true;
      return;
    }
    hash.follow(out);
  }
  hash.store(job);
  job.states = states;
  job.streams = cursors;
  job.escapes.at = escapes;
}

template <class Format>
void decode_format(DecodeJob& job) {
  return job.columns != nullptr ? decode_chunk<Format, true>(job)
                                : decode_chunk<Format, false>(job);
}

}  // namespace
}  // namespace avx2

void avx2_decode(DecodeJob& job) {
  using namespace avx2;
  switch (job.layout.element_bytes) {
    case 1:
      if (job.layout.packed_bits == 0) return decode_format<Byte>(job);
      return job.layout.packed_bits == 3 ? decode_format<F8<3>>(job) : decode_format<F8<2>>(job);
    case 2:
      return job.layout.packed_bits == 7 ? decode_format<Bf16>(job) : decode_format<F16>(job);
    default:
      return decode_format<F32>(job);
  }
}

}  // namespace bbz::codec::split

BBZ_AVX2_END

#endif  // defined(__x86_64__)
