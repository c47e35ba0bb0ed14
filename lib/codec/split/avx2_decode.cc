// Decoding with AVX2.
//
// There is no permute of 256 bytes here, and a gather costs more than the loads that it stands for;
// so slots are looked up one by one in a table of words and put into registers without a detour
// through memory, which could not be loaded from so soon after narrower stores. A table of shuffles
// spreads a stream's bytes to the lanes that need one.
#include "bbz/codec/split/avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "bbz/codec/split/steps.h"

namespace bbz::codec::split {
namespace avx2 {
namespace {

// For each set of eight lanes, the shuffle that moves the i-th byte to the i-th lane of the set and
// zero to the others; the second half of the table for the upper eight bytes of a register.
struct Spread {
  alignas(64) std::array<std::array<std::uint8_t, 8>, 512> shuffle{};

  constexpr Spread() {
    for (unsigned set = 0; set < 256; ++set) {
      std::uint8_t next = 0;
      for (unsigned lane = 0; lane < 8; ++lane) {
        const bool in = (set >> lane & 1) != 0;
        shuffle[set][lane] = in ? next : 0x80;
        shuffle[256 + set][lane] = in ? static_cast<std::uint8_t>(8 + next) : 0x80;
        if (in) ++next;
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

using V = __m256i;

inline V load(const void* p) {
  return _mm256_loadu_si256(static_cast<const V*>(p));
}
inline void store(void* p, V v) {
  _mm256_storeu_si256(static_cast<V*>(p), v);
}

// 16 bytes as words: eight from `low` on and eight from `high` on, spread to the lanes of two sets.
inline V spread(const std::uint8_t* low, unsigned low_set, const std::uint8_t* high,
                unsigned high_set) {
  const auto half = [](const void* a, const void* b) __attribute__((always_inline)) {
    return _mm_castps_si128(
        _mm_loadh_pi(_mm_castsi128_ps(_mm_loadl_epi64(static_cast<const __m128i*>(a))),
                     static_cast<const __m64*>(b)));
  };
  const __m128i bytes = half(low, high);
  const __m128i shuffle =
      half(kSpreadTable.shuffle[low_set].data(), kSpreadTable.shuffle[256 + high_set].data());
  return _mm256_cvtepu8_epi16(_mm_shuffle_epi8(bytes, shuffle));
}

// The entries of eight states, every other one from `states` on, so that a shift and a blend of the
// even and the odd lanes' entries make words in lane order.
inline V look_up(const std::uint32_t* table, const std::uint16_t* states) {
  const auto entry = [&](int i) __attribute__((always_inline)) {
    return static_cast<int>(table[static_cast<std::uint8_t>(states[i])]);
  };
  const auto four = [&](int i) __attribute__((always_inline)) {
    __m128i v = _mm_cvtsi32_si128(entry(i));
    v = _mm_insert_epi32(v, entry(i + 2), 1);
    v = _mm_insert_epi32(v, entry(i + 4), 2);
    return _mm_insert_epi32(v, entry(i + 6), 3);
  };
  return _mm256_inserti128_si256(_mm256_castsi128_si256(four(0)), four(8), 1);
}

// The next state of 16 lanes before renormalisation, and their symbol bytes as words.
inline V advance(const std::uint32_t* table, const std::uint16_t* states, V& symbol) {
  const V even = look_up(table, states);
  const V odd = look_up(table, states + 1);
  const V state = load(states);
  const V freq_rank = _mm256_blend_epi16(even, _mm256_slli_epi32(odd, 16), 0xAA);
  symbol = _mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, 0xAA);
  const V freq = _mm256_and_si256(freq_rank, _mm256_set1_epi16(0xFF));
  return _mm256_add_epi16(_mm256_mullo_epi16(freq, _mm256_srli_epi16(state, 8)),
                          _mm256_srli_epi16(freq_rank, 8));
}

// Decodes a symbol byte, as a word, for each of the 64 lanes of a stream. Returns whether any is
// the escape.
inline __attribute__((always_inline)) bool decode_stream(const std::uint32_t* table,
                                                         std::uint16_t* states,
                                                         const std::uint8_t*& stream,
                                                         std::uint16_t* symbols) {
  const std::uint8_t* at = stream;
  V escaped = _mm256_setzero_si256();
#pragma GCC unroll 2
  for (int lane = 0; lane < kStreamLanes; lane += 32) {
    V x[2];
    V need[2];
    for (int i = 0; i < 2; ++i) {
      const int first = lane + 16 * i;
      V symbol;
      x[i] = advance(table, states + first, symbol);
      store(symbols + first, symbol);
      escaped =
          _mm256_or_si256(escaped, _mm256_cmpeq_epi16(symbol, _mm256_set1_epi16(kEscapeByte)));
      need[i] = _mm256_cmpeq_epi16(_mm256_srli_epi16(x[i], 8), _mm256_setzero_si256());
    }
    // Packing takes eight lanes from each register in turn.
    const auto sets =
        static_cast<unsigned>(_mm256_movemask_epi8(_mm256_packs_epi16(need[0], need[1])));
    const unsigned set[4] = {sets & 0xFF, sets >> 16 & 0xFF, sets >> 8 & 0xFF, sets >> 24};
    for (int i = 0; i < 2; ++i) {
      const std::uint8_t* second = at + _mm_popcnt_u32(set[2 * i]);
      const V bytes = spread(at, set[2 * i], second, set[2 * i + 1]);
      at = second + _mm_popcnt_u32(set[2 * i + 1]);
      const V longer = _mm256_blendv_epi8(x[i], _mm256_slli_epi16(x[i], 8), need[i]);
      store(states + lane + 16 * i, _mm256_or_si256(longer, bytes));
    }
  }
  stream = at;
  return _mm256_testz_si256(escaped, escaped) == 0;
}

// Puts the next escaped bytes in the place of escapes. Returns false where there are too few.
bool take_escapes(DecodeJob& job, std::uint16_t* symbols) {
  const V escape = _mm256_set1_epi16(kEscapeByte);
  for (int i = 0; i < kStreamLanes; i += 32) {
    const V found = _mm256_packs_epi16(_mm256_cmpeq_epi16(load(symbols + i), escape),
                                       _mm256_cmpeq_epi16(load(symbols + i + 16), escape));
    const V in_order = _mm256_permute4x64_epi64(found, 0xD8);
    for (auto set = static_cast<unsigned>(_mm256_movemask_epi8(in_order)); set != 0;
         set &= set - 1) {
      if (job.escapes.at == job.escapes.end) return false;
      symbols[i + __builtin_ctz(set)] = *job.escapes.at++;
    }
  }
  return true;
}

// Unpacks fields of kBits bits as words. A field lies within two bytes: those are brought to its
// word, shifted up by a multiplication, which drops what is above, and down again.
template <int kBits>
struct UnpackTable {
  alignas(32) std::array<std::uint8_t, 32> bytes{};
  alignas(32) std::array<std::uint16_t, 16> up{};

  constexpr UnpackTable() {
    for (unsigned i = 0; i < 16; ++i) {
      const unsigned bit = i % 8 * kBits;
      bytes[2 * i] = static_cast<std::uint8_t>(bit / 8);
      bytes[2 * i + 1] = static_cast<std::uint8_t>(bit / 8 + 1);
      up[i] = static_cast<std::uint16_t>(1u << (16 - kBits - bit % 8));
    }
  }
};
template <int kBits>
constexpr UnpackTable<kBits> kUnpackTable;

template <int kBits>
struct Unpack {
  V bytes;
  V up;

  Unpack()
      : bytes(load(kUnpackTable<kBits>.bytes.data())), up(load(kUnpackTable<kBits>.up.data())) {}
  // The fields of 16 elements from p on.
  V operator()(const std::uint8_t* p) const {
    const V both = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + kBits)), 1);
    return _mm256_srli_epi16(_mm256_mullo_epi16(_mm256_shuffle_epi8(both, bytes), up), 16 - kBits);
  }
};

inline V rotate_words(V v) {
  return _mm256_or_si256(_mm256_srli_epi16(v, 1), _mm256_slli_epi16(v, 15));
}

// Each format puts 16 elements together from their keys (not yet cut to their bits), packed bits
// and bytes.
struct Bf16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 7;
  static constexpr int kRestBytes = 0;
  Unpack<7> unpack;

  Bf16() {}
  V turned(V keys, const std::uint8_t* packed) const {
    return _mm256_or_si256(_mm256_slli_epi16(keys, 7), unpack(packed));
  }
  void merge(V keys, const std::uint8_t* packed, const std::uint8_t*, std::uint8_t* out) const {
    store(out, rotate_words(turned(keys, packed)));
  }
};

struct F16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 2;
  static constexpr int kRestBytes = 1;
  Unpack<2> unpack;

  F16() {}
  void merge(V keys, const std::uint8_t* packed, const std::uint8_t* bytes,
             std::uint8_t* out) const {
    const V low = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
    const V top = _mm256_slli_epi16(_mm256_or_si256(_mm256_slli_epi16(keys, 2), unpack(packed)), 8);
    store(out, rotate_words(_mm256_or_si256(top, low)));
  }
};

struct F32 {
  static constexpr int kElementBytes = 4;
  static constexpr int kPackedBits = 7;
  static constexpr int kRestBytes = 2;
  Bf16 top;

  F32() {}
  static V rotate(V v) {
    return _mm256_or_si256(_mm256_srli_epi32(v, 1), _mm256_slli_epi32(v, 31));
  }
  void merge(V keys, const std::uint8_t* packed, const std::uint8_t* bytes,
             std::uint8_t* out) const {
    const V high = top.turned(keys, packed);
    const V low = load(bytes);
    const V a = rotate(_mm256_unpacklo_epi16(low, high));
    const V b = rotate(_mm256_unpackhi_epi16(low, high));
    store(out, _mm256_permute2x128_si256(a, b, 0x20));
    store(out + 32, _mm256_permute2x128_si256(a, b, 0x31));
  }
};

template <int kRest>
struct F8 {
  static constexpr int kElementBytes = 1;
  static constexpr int kPackedBits = kRest;
  static constexpr int kRestBytes = 0;
  Unpack<kRest> unpack;

  F8() {}
  void merge(V keys, const std::uint8_t* packed, const std::uint8_t*, std::uint8_t* out) const {
    const V v = _mm256_or_si256(_mm256_slli_epi16(keys, kRest), unpack(packed));
    const V byte = _mm256_set1_epi16(0xFF);
    const V turned = _mm256_and_si256(v, byte);
    const V value = _mm256_and_si256(
        _mm256_or_si256(_mm256_srli_epi16(turned, 1), _mm256_slli_epi16(turned, 7)), byte);
    const V bytes = _mm256_packus_epi16(value, value);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(bytes));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + 8), _mm256_extracti128_si256(bytes, 1));
  }
};

// Asks for what is read and written some steps later; see avx512_decode.cc.
template <class Format>
inline void prefetch(const std::uint8_t* packed, const std::uint8_t* bytes, std::uint8_t* out,
                     int elements) {
  for (int at = 0; at < elements * Format::kPackedBits / 8; at += 64) {
    _mm_prefetch(packed + 2048 + at, _MM_HINT_T0);
  }
  for (int at = 0; at < elements * Format::kRestBytes; at += 64) {
    _mm_prefetch(bytes + 2048 + at, _MM_HINT_T0);
  }
  for (int at = 0; at < elements * Format::kElementBytes; at += 64) {
    asm volatile("prefetchw %0" : : "m"(out[4096 + at]));
  }
}

// A step of all lanes.
template <class Format>
bool decode_step(DecodeJob& job, const Row& row, const std::uint8_t* packed, const Step& step) {
  alignas(64) std::uint16_t symbols[kStreamLanes];
  const std::uint32_t* table = job.tables[row.table].entry.data();
  const Format format;
  const V origin = _mm256_set1_epi16(static_cast<short>(row.base - kSymbolBias));
  packed += step.index * Format::kPackedBits / 8;
  const std::uint8_t* bytes = job.bytes + step.element * Format::kRestBytes;
  std::uint8_t* out = job.out + step.element * Format::kElementBytes;
  const std::uint16_t* columns = job.columns == nullptr ? nullptr : job.columns + step.column;
  prefetch<Format>(packed, bytes, out, step.count);
  for (int first = 0; first < step.count; first += kStreamLanes) {
    Cursor& stream = job.streams[first / kStreamLanes];
    _mm_prefetch(stream.at + 1024, _MM_HINT_T0);
    const bool escaped = decode_stream(table, job.states.data() + first, stream.at, symbols);
    if (stream.at > stream.end) return false;
    if (escaped && !take_escapes(job, symbols)) return false;
#pragma GCC unroll 4
    for (int i = 0; i < kStreamLanes; i += 16) {
      V keys = _mm256_add_epi16(load(symbols + i), origin);
      if (columns != nullptr) keys = _mm256_add_epi16(keys, load(columns + first + i));
      format.merge(keys, packed + (first + i) * Format::kPackedBits / 8,
                   bytes + (first + i) * Format::kRestBytes,
                   out + (first + i) * Format::kElementBytes);
    }
  }
  return true;
}

DecodeStep step_for(const Layout& layout) {
  switch (layout.element_bytes) {
    case 1:
      return layout.packed_bits == 3 ? decode_step<F8<3>> : decode_step<F8<2>>;
    case 2:
      return layout.packed_bits == 7 ? decode_step<Bf16> : decode_step<F16>;
    default:
      return decode_step<F32>;
  }
}

}  // namespace
}  // namespace avx2

void avx2_decode(DecodeJob& job) {
  decode_by_steps(job, avx2::step_for(job.layout), portable_decode_step(job.layout));
}

}  // namespace bbz::codec::split

BBZ_AVX2_END

#endif  // defined(__x86_64__)
