// Decoding with AVX2.
//
// There is no permute of 256 bytes here: one is made of 16 shuffles within 16 bytes and a tree of
// choices, which beats gathers and loads one by one. One such lookup is enough, for both a slot's
// symbol and the next state; see DecodeTable::excess_index. A table of shuffles spreads a stream's
// bytes to the lanes that need one.
//
// A step goes through its stages lane group by lane group, each stage with all groups before the
// next, since a machine does not look far enough ahead to work on one group while another waits for
// its own results.
#include "bbz/codec/split/avx2.h"

#if defined(__x86_64__)

#include <cstring>

#include "bbz/codec/split/avx2_format.h"

namespace bbz::codec::split {
namespace avx2 {
namespace {

// For each set of eight lanes, the shuffle that moves the i-th byte to the i-th lane of the set, as
// a word, and zero to the others.
struct Spread {
  alignas(64) std::array<std::array<std::uint8_t, 16>, 256> shuffle{};

  constexpr Spread() {
    for (unsigned set = 0; set < 256; ++set) {
      std::uint8_t next = 0;
      for (unsigned lane = 0; lane < 8; ++lane) {
        shuffle[set][2 * lane] = (set >> lane & 1) != 0 ? next++ : 0x80;
        shuffle[set][2 * lane + 1] = 0x80;
      }
    }
  }
};
constexpr Spread kSpreadTable;

}  // namespace
}  // namespace avx2
}  // namespace bbz::codec::split

BBZ_AVX2_BEGIN

namespace bbz::codec::split {
namespace avx2 {
namespace {

// 32 lanes as words.
struct Words {
  V low;
  V high;
};

// Of 32 words, each below 256: a register of bytes, in the order in which unpack() takes them back.
inline V pack(const Words& w) {
  return _mm256_packus_epi16(w.low, w.high);
}
inline Words unpack_low(V bytes) {
  return {_mm256_unpacklo_epi8(bytes, V{}), _mm256_unpackhi_epi8(bytes, V{})};
}
inline Words unpack_high(V bytes) {
  return {_mm256_unpacklo_epi8(V{}, bytes), _mm256_unpackhi_epi8(V{}, bytes)};
}

// The next bytes of a stream for the lanes of a set in turn, and zero for the others; `set` has the
// bits of packed bytes.
inline Words spread(const std::uint8_t*& at, unsigned set) {
  const auto* table = reinterpret_cast<const std::uint8_t*>(kSpreadTable.shuffle.data());
  const auto shuffle = [&](unsigned s) { return table + (s & 0xFF0); };
  // Counted from the start each time, so that no count waits for another.
  const Words bytes{join(at, at + _mm_popcnt_u32(set & 0xFF)),
                    join(at + _mm_popcnt_u32(set & 0xFF00FF), at + _mm_popcnt_u32(set & 0xFFFFFF))};
  at += _mm_popcnt_u32(set);
  return {_mm256_shuffle_epi8(bytes.low, join(shuffle(set << 4), shuffle(set >> 12))),
          _mm256_shuffle_epi8(bytes.high, join(shuffle(set >> 4), shuffle(set >> 20)))};
}

inline unsigned lanes_of(V mask) {
  return static_cast<unsigned>(_mm256_movemask_epi8(mask));
}

// What finds a slot's byte in a table of 256: 16 shuffles within 16 bytes each, between which the
// slot's upper four bits choose. A shuffle chooses by the highest bit itself, since it gives zero
// where that is set. The two lowest choose by blends. Those take the ports that shuffles need, so
// the third chooses as a ^ (b & mask), where the table has a ^ b in the place of b.
struct ByteTable {
  alignas(32) std::uint8_t part[16][16];

  explicit ByteTable(const std::uint8_t* bytes) {
    std::memcpy(part, bytes, sizeof part);
    for (int i = 0; i < 16; ++i) {
      for (int j = 0; (i & 4) != 0 && j < 16; ++j) part[i][j] ^= part[i - 4][j];
    }
  }
  V operator[](V slots) const {
    const V bit6 = _mm256_add_epi8(slots, slots);
    const V bit5 = _mm256_add_epi8(bit6, bit6);
    const Choices by{_mm256_add_epi8(bit5, bit5), bit5, _mm256_cmpgt_epi8(V{}, bit6)};
    const V low = choose<3>(part, slots, by);
    const V high = choose<3>(part + 8, _mm256_xor_si256(slots, _mm256_set1_epi8(-128)), by);
    return _mm256_or_si256(low, high);
  }

 private:
  struct Choices {
    V bit4;  // in the highest bit of each byte
    V bit5;
    V bit6;  // in all bits
  };
  // From the 1 << kBits parts that begin at `from`.
  template <int kBits>
  static inline __attribute__((always_inline)) V choose(const std::uint8_t (*from)[16], V slots,
                                                        const Choices& by) {
    if constexpr (kBits == 0) {
      const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(from));
      return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), slots);
    } else {
      const V a = choose<kBits - 1>(from, slots, by);
      const V b = choose<kBits - 1>(from + (1 << (kBits - 1)), slots, by);
      if constexpr (kBits < 3) return _mm256_blendv_epi8(a, b, kBits == 1 ? by.bit4 : by.bit5);
      V chosen = _mm256_xor_si256(a, _mm256_and_si256(b, by.bit6));
      asm("" : "+x"(chosen));  // now, not when all shuffles are done and few registers left
      return chosen;
    }
  }
};

struct Tables {
  ByteTable excess_index;
  V freq[2];  // of indices 0 to 15, and what to add for 16 to 31; the same in each half

  explicit Tables(const DecodeTable& t) : excess_index(t.excess_index.data()) {
    for (int i = 0; i < 2; ++i) {
      const V words = load(t.freq.data() + 16 * i);
      freq[i] = _mm256_permute4x64_epi64(_mm256_packus_epi16(words, words), 0x88);
    }
    freq[1] = _mm256_xor_si256(freq[0], freq[1]);
  }
  V freq_of(V index) const {
    const V upper = _mm256_cmpgt_epi8(index, _mm256_set1_epi8(15));
    return _mm256_xor_si256(_mm256_shuffle_epi8(freq[0], index),
                            _mm256_and_si256(_mm256_shuffle_epi8(freq[1], index), upper));
  }
};

// The first `count` lanes of 32.
inline Words first_lanes(int count) {
  const V index = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const auto below = [&](int n) {
    return _mm256_cmpgt_epi16(_mm256_set1_epi16(static_cast<short>(n)), index);
  };
  return {below(count), below(count - 16)};
}

// Steps of words: freq * x / 256 plus the excess, whose bits are the top three of `excess`.
inline V next_state(V x, V freq, V excess) {
  return _mm256_add_epi16(_mm256_mulhi_epu16(x, freq), _mm256_srai_epi16(excess, 13));
}
inline V is_short(V x) {
  return _mm256_cmpeq_epi16(_mm256_min_epu16(x, _mm256_set1_epi16(0xFF)), x);
}
inline V lengthen(V x, V need) {
  return _mm256_blendv_epi8(x, _mm256_slli_epi16(x, 8), need);
}

// A step on its way through the stages, in groups of 32 lanes; bytes and bits are in the order of
// pack().
struct Stages {
  alignas(32) std::uint8_t found[1 << kMaxLanesLog2];    // of DecodeTable::excess_index
  alignas(32) std::uint8_t symbols[1 << kMaxLanesLog2];  // symbol bytes
  std::uint32_t needing[8];                              // lanes that take a byte of their stream
  std::uint32_t escaped[8];                              // lanes that take an escape
};

inline void find(const ByteTable& table, const std::uint16_t* states, int groups, Stages& s) {
  const V byte = _mm256_set1_epi16(0xFF);
  for (int g = 0; g < groups; ++g) {
    const V slots = pack({_mm256_and_si256(load(states + 32 * g), byte),
                          _mm256_and_si256(load(states + 32 * g + 16), byte)});
    store(s.found + 32 * g, table[slots]);
  }
}

// The states before they take their bytes; lanes from `count` on stay as they are.
template <bool kAll>
inline void advance(const Tables& t, std::uint16_t* states, int count, int groups, Stages& s) {
  for (int g = 0; g < groups; ++g) {
    std::uint16_t* const at = states + 32 * g;
    const V found = load(s.found + 32 * g);
    const Words x{load(at), load(at + 16)};
    const V index = _mm256_and_si256(found, _mm256_set1_epi8(kIndices - 1));
    const Words freq = unpack_high(t.freq_of(index));
    const Words excess = unpack_high(found);
    const Words y{next_state(x.low, freq.low, excess.low),
                  next_state(x.high, freq.high, excess.high)};
    Words need{is_short(y.low), is_short(y.high)};
    const V symbol = _mm256_or_si256(found, _mm256_set1_epi8(static_cast<char>(kSymbolBias)));
    V escaped = _mm256_cmpeq_epi8(symbol, _mm256_set1_epi8(-1));
    Words z{lengthen(y.low, need.low), lengthen(y.high, need.high)};
    if (!kAll) {
      const Words active = first_lanes(count - 32 * g);
      need = {_mm256_and_si256(need.low, active.low), _mm256_and_si256(need.high, active.high)};
      escaped = _mm256_and_si256(escaped, _mm256_packs_epi16(active.low, active.high));
      z = {_mm256_blendv_epi8(x.low, z.low, active.low),
           _mm256_blendv_epi8(x.high, z.high, active.high)};
    }
    s.needing[g] = lanes_of(_mm256_packs_epi16(need.low, need.high));
    store(s.symbols + 32 * g, symbol);
    store(at, z.low);
    store(at + 16, z.high);
    s.escaped[g] = lanes_of(escaped);
  }
}

inline void renormalise(std::uint16_t* states, int groups, const Stages& s, Cursor* streams) {
  const auto one = [&](int g, const std::uint8_t*& from) __attribute__((always_inline)) {
    std::uint16_t* const at = states + 32 * g;
    const Words bytes = spread(from, s.needing[g]);
    store(at, _mm256_or_si256(load(at), bytes.low));
    store(at + 16, _mm256_or_si256(load(at + 16), bytes.high));
  };
  for (int g = 0; g < groups; g += 2) {
    const std::uint8_t* from = streams[g / 2].at;
    one(g, from);
    if (g + 1 < groups) one(g + 1, from);
    streams[g / 2].at = from;
  }
}

// Puts the next escaped bytes in the place of escapes. One in 32 lanes is taken without a branch,
// which would go either way all the time.
inline void take_escapes(int groups, Stages& s, const std::uint8_t*& escapes) {
  std::uint8_t nowhere;
  for (int g = 0; g < groups; ++g) {
    std::uint8_t* const symbols = s.symbols + 32 * g;
    const std::uint32_t set = s.escaped[g];
    if (__builtin_expect((set & (set - 1)) != 0, 0)) {
      const V symbol = load(symbols);
      const V escaped = _mm256_cmpeq_epi8(symbol, _mm256_set1_epi8(-1));
      store(symbols, _mm256_blendv_epi8(symbol, pack(spread(escapes, set)), escaped));
      continue;
    }
    std::uint8_t* const at = set != 0 ? symbols + __builtin_ctz(set | 1u << 31) : &nowhere;
    *at = *escapes;
    escapes += set != 0;
  }
}

// Where the stored parts of 32 elements are, and what their keys are relative to.
struct Source {
  const std::uint8_t* packed;
  const std::uint8_t* bytes;
  const std::uint16_t* columns;  // or nullptr
  V origin;
};

// Puts 32 elements together.
template <class Format>
inline void merge(const Format& format, V symbol, const Source& s, std::uint8_t* out) {
  const Words words = unpack_low(symbol);
  V keys[2] = {words.low, words.high};
  for (int i = 0; i < 2; ++i) {
    keys[i] = _mm256_add_epi16(keys[i], s.origin);
    if (s.columns != nullptr) keys[i] = _mm256_add_epi16(keys[i], load(s.columns + 16 * i));
    format.merge(keys[i], s.packed + 2 * i * Format::kPackedBits,
                 s.bytes + 16 * i * Format::kRestBytes, out + 16 * i * Format::kElementBytes);
  }
}

// The same for the first `count` of them: nothing is written behind those.
template <class Format>
void merge_part(const Format& format, V symbol, Source s, int count, std::uint8_t* out) {
  const auto n = static_cast<std::size_t>(count);
  std::uint16_t columns[32] = {};
  std::uint8_t whole[32 * Format::kElementBytes];
  if (s.columns != nullptr) {
    std::memcpy(columns, s.columns, 2 * n);
    s.columns = columns;
  }
  merge(format, symbol, s, whole);
  std::memcpy(out, whole, n * Format::kElementBytes);
}

template <class Format>
void decode_chunk(DecodeJob& job) {
  const Format format;
  const Grid& grid = job.grid;
  const int streams = grid.lanes / kStreamLanes;
  const std::uint8_t* packed = job.packed;
  const std::uint8_t* bytes = job.bytes;
  std::uint8_t* out = job.out;
  Stages stages;
  const std::uint64_t rows = grid.rows();
  for (std::uint64_t r = 0; r < rows; ++r) {
    const Row& row = job.rows[r];
    const Tables tables(job.tables[row.table]);
    std::uint64_t left = grid.row_end(r) - grid.row_begin(r);
    Source source{packed, bytes, nullptr,
                  _mm256_set1_epi16(static_cast<short>(row.base - kSymbolBias))};
    if (job.columns != nullptr) source.columns = job.columns + (r == 0 ? grid.first : 0);
    packed += job.layout.packed_size(left);
    bytes += left * Format::kRestBytes;
    while (left > 0) {
      const bool all = left >= static_cast<std::uint64_t>(grid.lanes);
      const int count = all ? grid.lanes : static_cast<int>(left);
      const int groups = (count + 31) / 32;
      std::uint16_t* states = job.states.data();
      find(tables.excess_index, states, groups, stages);
      if (all) {
        advance<true>(tables, states, count, groups, stages);
      } else {
        advance<false>(tables, states, count, groups, stages);
      }
      take_escapes(groups, stages, job.escapes.at);
      renormalise(states, groups, stages, job.streams.data());
      for (int g = 0; g < groups; ++g) {
        const V symbol = load(stages.symbols + 32 * g);
        if (32 * g + 32 <= count) {
          merge(format, symbol, source, out);
        } else {
          merge_part(format, symbol, source, count - 32 * g, out);
        }
        source.packed += 4 * Format::kPackedBits;
        source.bytes += 32 * Format::kRestBytes;
        if (source.columns != nullptr) source.columns += 32;
        out += 32 * Format::kElementBytes;
      }
      out -= static_cast<std::size_t>(32 * groups - count) * Format::kElementBytes;
      left -= static_cast<std::size_t>(count);
      bool overrun = job.escapes.at > job.escapes.end;
      for (int i = 0; i < streams; ++i) overrun |= job.streams[i].at > job.streams[i].end;
      if (overrun) {
        job.overrun = true;
        return;
      }
    }
  }
}

}  // namespace
}  // namespace avx2

void avx2_decode(DecodeJob& job) {
  using namespace avx2;
  switch (job.layout.element_bytes) {
    case 1:
      return job.layout.packed_bits == 3 ? decode_chunk<F8<3>>(job) : decode_chunk<F8<2>>(job);
    case 2:
      return job.layout.packed_bits == 7 ? decode_chunk<Bf16>(job) : decode_chunk<F16>(job);
    default:
      return decode_chunk<F32>(job);
  }
}

}  // namespace bbz::codec::split

BBZ_AVX2_END

#endif  // defined(__x86_64__)
