// Encoding with AVX-512: the inverse of decode.cc.
//
// Here each lane is a word, because the division of a state by the frequency of its symbol needs
// words. It is a multiplication by the reciprocal, whose result is at most one too low, and a
// correction.
#include "bbz/codec/split/avx512/avx512.h"

#if defined(__x86_64__)

BBZ_AVX512_BEGIN

namespace bbz::codec::split {
namespace avx512 {
namespace {

// Two registers of 32 words: 64 lanes.
struct Words {
  V low;
  V high;
};

inline V low_bytes(const Words& w) {
  return join(_mm512_cvtepi16_epi8(w.low), _mm512_cvtepi16_epi8(w.high));
}

// Writes the bytes of the lanes in `chosen`, in order, so that they end at `at`, and moves `at` to
// the first.
inline void put_before(std::uint8_t*& at, __mmask64 chosen, V bytes) {
  const auto count = static_cast<unsigned>(_mm_popcnt_u64(chosen));
  at -= count;
  _mm512_mask_storeu_epi8(at, _bzhi_u64(~0ull, count), _mm512_maskz_compress_epi8(chosen, bytes));
}

struct Tables {
  ByteTable slot;
  V freq_start;  // the frequency below the start
  V reciprocal;

  explicit Tables(const EncodeTable& t)
      : slot(t.slot.data()),
        freq_start(
            _mm512_or_si512(load(t.freq.data()), _mm512_slli_epi16(load(t.start.data()), 8))),
        reciprocal(load(t.reciprocal.data())) {}
};

// The 64 lanes of a stream.
struct Lanes {
  Words state;
  std::uint8_t* at;

  Lanes() {}
  Lanes(const std::uint16_t* states, std::uint8_t* stream)
      : state{load(states), load(states + 32)}, at(stream) {}
  void store(std::uint16_t* states) const {
    _mm512_storeu_si512(states, state.low);
    _mm512_storeu_si512(states + 32, state.high);
  }

  // Encodes a symbol index (0-31) in every active lane.
  template <bool kAll>
  void put(const Tables& t, const Words& index, __mmask64 active) {
    const V byte = _mm512_set1_epi16(0x00FF);
    Words quotient;
    Words position;
    __mmask32 need[2];
    const auto divide = [&](V x, V i, V & q, V & p, __mmask32 & n) __attribute__((always_inline)) {
      const V both = _mm512_permutexvar_epi16(i, t.freq_start);
      const V f = _mm512_and_si512(both, byte);
      const V x_high = _mm512_srli_epi16(x, 8);
      n = _mm512_cmpge_epu16_mask(x_high, f);
      x = _mm512_mask_mov_epi16(x, n, x_high);
      q = _mm512_mulhi_epu16(x, _mm512_permutexvar_epi16(i, t.reciprocal));
      V r = _mm512_sub_epi16(x, _mm512_mullo_epi16(q, f));
      const __mmask32 low = _mm512_cmpge_epu16_mask(r, f);
      q = _mm512_mask_sub_epi16(q, low, q, _mm512_set1_epi16(-1));
      r = _mm512_mask_sub_epi16(r, low, r, f);
      p = _mm512_add_epi16(r, _mm512_srli_epi16(both, 8));
    };
    divide(state.low, index.low, quotient.low, position.low, need[0]);
    divide(state.high, index.high, quotient.high, position.high, need[1]);
    const V slot = t.slot[_mm512_or_si512(position.low, _mm512_slli_epi16(position.high, 8))];
    const V x0 = select(byte, slot, _mm512_slli_epi16(quotient.low, 8));
    const V x1 = _mm512_or_si512(_mm512_srli_epi16(slot, 8), _mm512_slli_epi16(quotient.high, 8));
    __mmask64 all = _mm512_kunpackd(need[1], need[0]);
    if (!kAll) all &= active;
    put_before(at, all, low_bytes(state));
    if (kAll) {
      state = {x0, x1};
    } else {
      state.low = _mm512_mask_mov_epi16(state.low, static_cast<__mmask32>(active), x0);
      state.high = _mm512_mask_mov_epi16(state.high, static_cast<__mmask32>(active >> 32), x1);
    }
  }
};

// Packs the low kBits bits of 64 bytes, whose other bits are zero, into the first 8 kBits bytes.
template <int kBits>
struct Pack {
  V gather;

  Pack() {
    alignas(64) std::uint8_t g[64] = {};
    for (int i = 0; i < 8 * kBits; ++i) {
      g[i] = static_cast<std::uint8_t>(i / kBits * 8 + i % kBits);
    }
    gather = load(g);
  }
  void store(std::uint8_t* p, V bytes, std::uint64_t count) const {
    const V pairs =
        _mm512_maddubs_epi16(_mm512_set1_epi16(static_cast<short>((1 << kBits) << 8 | 1)), bytes);
    const V fours = _mm512_madd_epi16(pairs, _mm512_set1_epi32(1 << (16 + 2 * kBits) | 1));
    const V eights = select(_mm512_set1_epi64((1ll << (4 * kBits)) - 1), fours,
                            _mm512_srli_epi64(fours, 32 - 4 * kBits));
    const __mmask64 used = first_lanes((count * kBits + 7) / 8);
    _mm512_mask_storeu_epi8(p, used, _mm512_permutexvar_epi8(gather, eights));
  }
};

// The memory for the parts of 64 elements, and the origin of their keys.
struct Target {
  std::uint8_t* packed;
  std::uint8_t* bytes;
  const std::uint16_t* columns;  // or nullptr
  unsigned base;
};

template <bool kAll>
V load_elements(const std::uint8_t* in, __mmask64 active, int part, int bytes) {
  const std::uint8_t* p = in + 64 * part;
  if (kAll) return load(p);
  const auto shifted = active >> (64 / bytes * part);
  switch (bytes) {
    case 1:
      return _mm512_maskz_loadu_epi8(shifted, p);
    case 2:
      return _mm512_maskz_loadu_epi16(static_cast<__mmask32>(shifted), p);
    default:
      return _mm512_maskz_loadu_epi32(static_cast<__mmask16>(shifted), p);
  }
}

// Each format has a function that stores the rests of 64 elements and returns their keys.
struct Bf16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 7;
  static constexpr int kRestBytes = 0;
  static constexpr int kKeyBits = 9;
  Pack<7> pack;

  Bf16() {}
  // Splits elements that are rotated left.
  Words keys(const Words& turned, const Target& t, std::uint64_t count) const {
    pack.store(t.packed, _mm512_and_si512(low_bytes(turned), _mm512_set1_epi8(0x7F)), count);
    return {_mm512_srli_epi16(turned.low, 7), _mm512_srli_epi16(turned.high, 7)};
  }
  template <bool kAll>
  Words split(const std::uint8_t* in, const Target& t, __mmask64 active,
              std::uint64_t count) const {
    const V a = load_elements<kAll>(in, active, 0, 2);
    const V b = load_elements<kAll>(in, active, 1, 2);
    return keys({_mm512_shldi_epi16(a, a, 1), _mm512_shldi_epi16(b, b, 1)}, t, count);
  }
};

struct F16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 2;
  static constexpr int kRestBytes = 1;
  static constexpr int kKeyBits = 6;
  Pack<2> pack;

  F16() {}
  template <bool kAll>
  Words split(const std::uint8_t* in, const Target& t, __mmask64 active,
              std::uint64_t count) const {
    V a = load_elements<kAll>(in, active, 0, 2);
    V b = load_elements<kAll>(in, active, 1, 2);
    a = _mm512_shldi_epi16(a, a, 1);
    b = _mm512_shldi_epi16(b, b, 1);
    _mm512_mask_storeu_epi8(t.bytes, active, low_bytes({a, b}));
    const V top = low_bytes({_mm512_srli_epi16(a, 8), _mm512_srli_epi16(b, 8)});
    pack.store(t.packed, _mm512_and_si512(top, _mm512_set1_epi8(3)), count);
    return {_mm512_srli_epi16(a, 10), _mm512_srli_epi16(b, 10)};
  }
};

struct F32 {
  static constexpr int kElementBytes = 4;
  static constexpr int kPackedBits = 7;
  static constexpr int kRestBytes = 2;
  static constexpr int kKeyBits = 9;
  Bf16 top;

  F32() {}
  template <bool kAll>
  Words split(const std::uint8_t* in, const Target& t, __mmask64 active,
              std::uint64_t count) const {
    V v[4];
    for (int i = 0; i < 4; ++i) {
      v[i] = _mm512_rol_epi32(load_elements<kAll>(in, active, i, 4), 1);
    }
    Words turned;
    for (int half = 0; half < 2; ++half) {
      const V a = v[2 * half];
      const V b = v[2 * half + 1];
      const V bottom = join(_mm512_cvtepi32_epi16(a), _mm512_cvtepi32_epi16(b));
      _mm512_mask_storeu_epi16(t.bytes + 64 * half, static_cast<__mmask32>(active >> (32 * half)),
                               bottom);
      (half == 0 ? turned.low : turned.high) =
          join(_mm512_cvtepi32_epi16(_mm512_srli_epi32(a, 16)),
               _mm512_cvtepi32_epi16(_mm512_srli_epi32(b, 16)));
    }
    return top.keys(turned, t, count);
  }
};

template <int kRest>
struct F8 {
  static constexpr int kElementBytes = 1;
  static constexpr int kPackedBits = kRest;
  static constexpr int kRestBytes = 0;
  static constexpr int kKeyBits = 8 - kRest;
  Pack<kRest> pack;

  F8() {}
  template <bool kAll>
  Words split(const std::uint8_t* in, const Target& t, __mmask64 active,
              std::uint64_t count) const {
    const V v = load_elements<kAll>(in, active, 0, 1);
    // The sign is the lowest bit, and the low mantissa bits are above it.
    const V rest = select(_mm512_set1_epi8(1), _mm512_srli_epi16(v, 7), _mm512_slli_epi16(v, 1));
    pack.store(t.packed, _mm512_and_si512(rest, _mm512_set1_epi8((1 << kRest) - 1)), count);
    const V magnitude = _mm512_and_si512(v, _mm512_set1_epi8(0x7F));
    const V a = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(magnitude));
    const V b = _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(magnitude, 1));
    return {_mm512_srli_epi16(a, kRest - 1), _mm512_srli_epi16(b, kRest - 1)};
  }
};

// Bytes that are keys as a whole: kByteLayout.
struct Byte {
  static constexpr int kElementBytes = 1;
  static constexpr int kPackedBits = 0;
  static constexpr int kRestBytes = 0;
  static constexpr int kKeyBits = 8;

  template <bool kAll>
  Words split(const std::uint8_t* in, const Target&, __mmask64 active, std::uint64_t) const {
    const V v = load_elements<kAll>(in, active, 0, 1);
    return {_mm512_cvtepu8_epi16(_mm512_castsi512_si256(v)),
            _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(v, 1))};
  }
};

// Stores the escaped bytes of the lanes in `escaped`, from their symbols, and appends patches if
// they need them.
template <int kKeyBits>
__attribute__((noinline)) void put_escapes(EncodeJob& job, std::uint64_t element, __mmask64 escaped,
                                           const Words& key, const Words& symbol) {
  alignas(64) std::uint16_t keys[64];
  alignas(64) std::uint16_t symbols[64];
  _mm512_store_si512(keys, key.low);
  _mm512_store_si512(keys + 32, key.high);
  _mm512_store_si512(symbols, symbol.low);
  _mm512_store_si512(symbols + 32, symbol.high);
  while (escaped != 0) {
    const auto lane = 63 - static_cast<unsigned>(__builtin_clzll(escaped));
    escaped = _bzhi_u64(escaped, lane);
    unsigned escape = (symbols[lane] + unsigned{kSymbolBias}) & ((1u << kKeyBits) - 1);
    if (escape > 255) {
      job.patches->push_back({static_cast<std::uint32_t>(element + lane), keys[lane]});
      escape = 0;
    }
    *--job.escapes = static_cast<std::uint8_t>(escape);
  }
}

// Splits and encodes 64 elements.
template <class Format, bool kAll, bool kColumns>
void encode_group(const Format& format, EncodeJob& job, const Tables& tables, Lanes& lanes,
                  std::uint64_t element, const Target& target, std::uint64_t count) {
  const __mmask64 active = kAll ? ~0ull : first_lanes(count);
  const Words key =
      format.template split<kAll>(job.in + element * Format::kElementBytes, target, active, count);
  Words symbol;
  Words index;
  __mmask32 coded[2];
  const auto relate = [&](V k, int half, V& s, V& i, __mmask32& c) __attribute__((always_inline)) {
    V base = _mm512_set1_epi16(static_cast<short>(target.base));
    if (kColumns) base = _mm512_add_epi16(base, load_columns(target.columns, active, half));
    s = _mm512_and_si512(_mm512_sub_epi16(k, base), _mm512_set1_epi16((1 << Format::kKeyBits) - 1));
    c = _mm512_cmplt_epu16_mask(s, _mm512_set1_epi16(kMaxSymbols));
    const V both = _mm512_permutexvar_epi16(s, tables.freq_start);
    c = _mm512_mask_test_epi16_mask(c, both, _mm512_set1_epi16(0x00FF));
    i = _mm512_mask_mov_epi16(_mm512_set1_epi16(kEscapeIndex), c, s);
  };
  relate(key.low, 0, symbol.low, index.low, coded[0]);
  relate(key.high, 1, symbol.high, index.high, coded[1]);
  const __mmask64 escaped = ~_mm512_kunpackd(coded[1], coded[0]) & active;
  if (__builtin_expect(escaped != 0, 0)) {
    put_escapes<Format::kKeyBits>(job, element, escaped, key, symbol);
  }
  lanes.template put<kAll>(tables, index, active);
}

template <class Format, int kStreams, bool kColumns>
void encode_chunk(EncodeJob& job) {
  const Format format;
  const Grid& grid = job.grid;
  constexpr std::uint64_t kStep = 64 * kStreams;
  Lanes lanes[kStreams];
  for (int i = 0; i < kStreams; ++i) {
    lanes[i] = Lanes(job.states.data() + 64 * i, job.streams[i]);
  }
  std::uint8_t* packed_row = job.packed + packed_total(job.layout, grid);
  for (std::uint64_t r = grid.rows(); r-- > 0;) {
    const Tables tables(job.tables[job.rows[r].table]);
    const std::uint64_t begin = grid.row_begin(r);
    const std::uint64_t size = grid.row_end(r) - begin;
    packed_row -= job.layout.packed_size(size);
    const auto target = [&](std::uint64_t index) __attribute__((always_inline)) {
      Target t{packed_row + index * Format::kPackedBits / 8,
               job.bytes + (begin + index) * Format::kRestBytes, nullptr, job.rows[r].base};
      if (kColumns) t.columns = job.columns + (r == 0 ? grid.first : 0) + index;
      return t;
    };
    std::uint64_t index = size / kStep * kStep;
#pragma GCC unroll 4
    for (int i = kStreams - 1; i >= 0; --i) {
      const std::uint64_t at = index + 64 * static_cast<std::uint64_t>(i);
      if (at >= size) continue;
      encode_group<Format, false, kColumns>(format, job, tables, lanes[i], begin + at, target(at),
                                            size - at < 64 ? size - at : 64);
    }
    while (index > 0) {
      index -= kStep;
#pragma GCC unroll 4
      for (int i = kStreams - 1; i >= 0; --i) {
        const std::uint64_t at = index + 64 * static_cast<std::uint64_t>(i);
        encode_group<Format, true, kColumns>(format, job, tables, lanes[i], begin + at, target(at),
                                             64);
      }
    }
  }
  for (int i = 0; i < kStreams; ++i) {
    lanes[i].store(job.states.data() + 64 * i);
    job.streams[i] = lanes[i].at;
  }
}

template <class Format, bool kColumns>
void encode_streams(EncodeJob& job) {
  switch (job.grid.lanes / kStreamLanes) {
    case 1:
      return encode_chunk<Format, 1, kColumns>(job);
    case 2:
      return encode_chunk<Format, 2, kColumns>(job);
    default:
      return encode_chunk<Format, 4, kColumns>(job);
  }
}

template <class Format>
void encode_format(EncodeJob& job) {
  return job.columns != nullptr ? encode_streams<Format, true>(job)
                                : encode_streams<Format, false>(job);
}

}  // namespace
}  // namespace avx512

void avx512_encode(EncodeJob& job) {
  using namespace avx512;
  const Layout& layout = job.layout;
  switch (layout.element_bytes) {
    case 1:
      if (layout.packed_bits == 0) return encode_format<Byte>(job);
      return layout.packed_bits == 3 ? encode_format<F8<3>>(job) : encode_format<F8<2>>(job);
    case 2:
      return layout.packed_bits == 7 ? encode_format<Bf16>(job) : encode_format<F16>(job);
    default:
      return encode_format<F32>(job);
  }
}

}  // namespace bbz::codec::split

BBZ_AVX512_END

#endif  // defined(__x86_64__)
