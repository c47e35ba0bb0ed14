// Decoding with AVX-512.
//
// A stream's 64 lanes live in two registers, the low bytes and the high bytes of their states, so
// that a byte position is a lane throughout: the low bytes are the slots, a state is below 256
// where its high byte is 0, and renormalising is one move of low to high bytes and one expand of
// the stream's next bytes into the low ones. Only the product of frequency and quotient needs
// words; it is done for even and odd lanes apart.
#include "bbz/codec/split/avx512_hash.h"

#if defined(__x86_64__)

BBZ_AVX512_BEGIN

namespace bbz::codec::split {
namespace avx512 {
namespace {

struct Tables {
  ByteTable symbol;
  ByteTable rank;
  V freq;  // at the place that the low six bits of a symbol byte name

  explicit Tables(const DecodeTable& t) : symbol(t.symbol.data()), rank(t.rank.data()) {
    const __m256i bytes = _mm512_cvtepi16_epi8(load(t.freq.data()));
    freq = join(bytes, bytes);
  }
};

// The 64 lanes of a stream.
struct Lanes {
  V low;
  V high;
  const std::uint8_t* at;

  Lanes() {}
  Lanes(const std::uint16_t* states, const std::uint8_t* stream) : at(stream) {
    const V a = load(states);
    const V b = load(states + 32);
    low = join(_mm512_cvtepi16_epi8(a), _mm512_cvtepi16_epi8(b));
    high = join(_mm512_cvtepi16_epi8(_mm512_srli_epi16(a, 8)),
                _mm512_cvtepi16_epi8(_mm512_srli_epi16(b, 8)));
  }
  void store(std::uint16_t* states) const {
    std::uint8_t l[64];
    std::uint8_t h[64];
    _mm512_storeu_si512(l, low);
    _mm512_storeu_si512(h, high);
    for (int i = 0; i < 64; ++i) states[i] = static_cast<std::uint16_t>(l[i] | h[i] << 8);
  }

  // The next symbol byte of every lane; lanes that are not active stay as they are.
  template <bool kAll>
  V next(const Tables& t, __mmask64 active) {
    const V even = _mm512_set1_epi16(0x00FF);
    const V symbol = t.symbol[low];
    const V rank = t.rank[low];
    const V freq = _mm512_permutexvar_epi8(symbol, t.freq);
    // Odd lanes are multiplied where they are, and the upper half of the product is theirs: masks
    // have more ports to go through than shifts.
    const V p0 = _mm512_mullo_epi16(_mm512_and_si512(freq, even), _mm512_and_si512(high, even));
    const V p1 =
        _mm512_mulhi_epu16(_mm512_andnot_si512(even, freq), _mm512_andnot_si512(even, high));
    const V x0 = _mm512_add_epi16(p0, _mm512_and_si512(rank, even));
    const V x1 = _mm512_add_epi16(p1, _mm512_srli_epi16(rank, 8));
    V l = select(even, x0, _mm512_slli_epi16(x1, 8));
    V h = select(even, _mm512_srli_epi16(x0, 8), x1);
    __mmask64 need = _mm512_testn_epi8_mask(h, h);
    if (!kAll) {
      l = _mm512_mask_mov_epi8(low, active, l);
      h = _mm512_mask_mov_epi8(high, active, h);
      need &= active;
    }
    high = _mm512_mask_mov_epi8(h, need, l);
    low = _mm512_mask_expand_epi8(l, need, load(at));
    at += _mm_popcnt_u64(need);
    return symbol;
  }
};

// Puts the next escaped bytes where a symbol byte is the escape.
inline V take_escapes(V symbol, __mmask64 active, const std::uint8_t*& at) {
  const __mmask64 escaped = _mm512_cmpeq_epi8_mask(symbol, _mm512_set1_epi8(-1)) & active;
  const V taken = _mm512_mask_expand_epi8(symbol, escaped, load(at));
  at += _mm_popcnt_u64(escaped);
  return taken;
}

// Unpacks 64 fields of kBits bits, each into the top bits of a byte shifted down by kDown; the
// other bits of the byte are not defined.
template <int kBits, int kDown>
struct Unpack {
  V group;
  V shift;

  Unpack() {
    alignas(64) std::uint8_t g[64];
    alignas(64) std::uint8_t s[64];
    for (int i = 0; i < 64; ++i) {
      g[i] = static_cast<std::uint8_t>(i / 8 * kBits + i % 8);
      s[i] = static_cast<std::uint8_t>((i % 8 * kBits - (8 - kBits - kDown) + 64) % 64);
    }
    group = load(g);
    shift = load(s);
  }
  V operator()(const std::uint8_t* p) const {
    return _mm512_multishift_epi64_epi8(shift, _mm512_permutexvar_epi8(group, load(p)));
  }
};

// Indices that interleave the low (kHalf 0) or high halves of two registers' units.
template <int kUnits>
V interleave(int half) {
  if constexpr (kUnits == 64) {
    alignas(64) std::uint8_t index[64];
    for (int i = 0; i < 64; ++i) {
      index[i] = static_cast<std::uint8_t>(half * 32 + i / 2 + i % 2 * 64);
    }
    return load(index);
  } else {
    alignas(64) std::uint16_t index[32];
    for (int i = 0; i < 32; ++i) {
      index[i] = static_cast<std::uint16_t>(half * 16 + i / 2 + i % 2 * 32);
    }
    return load(index);
  }
}

// Where the stored parts of 64 elements are, and what their keys are relative to.
struct Source {
  const std::uint8_t* packed;
  const std::uint8_t* bytes;
  const std::uint16_t* columns;  // or nullptr
  unsigned base;                 // of symbol byte 0
};

// The shifts of 64 columns as bytes.
inline V byte_columns(const std::uint16_t* columns, __mmask64 active) {
  return join(_mm512_cvtepi16_epi8(load_columns(columns, active, 0)),
              _mm512_cvtepi16_epi8(load_columns(columns, active, 1)));
}

template <bool kAll>
void store_words(std::uint8_t* out, __mmask64 active, V a, V b) {
  if (kAll) {
    _mm512_storeu_si512(out, a);
    _mm512_storeu_si512(out + 64, b);
  } else {
    _mm512_mask_storeu_epi16(out, static_cast<__mmask32>(active), a);
    _mm512_mask_storeu_epi16(out + 64, static_cast<__mmask32>(active >> 32), b);
  }
}

// BF16, 9-bit keys: all seven bits of the rest are packed.
struct Bf16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 7;
  static constexpr int kRestBytes = 0;
  Unpack<7, 0> unpack;
  V low;
  V high;

  Bf16() : low(interleave<64>(0)), high(interleave<64>(1)) {}
  // Key above rest, of half of the elements.
  template <bool kColumns>
  static V word(V mixed, const Source& s, __mmask64 active, int half) {
    V base = _mm512_set1_epi16(static_cast<short>(s.base << 7));
    if (kColumns) {
      base = _mm512_add_epi16(base, _mm512_slli_epi16(load_columns(s.columns, active, half), 7));
    }
    return _mm512_add_epi16(_mm512_srli_epi16(mixed, 1), base);
  }
  template <bool kAll, bool kColumns>
  void merge(V symbol, const Source& s, __mmask64 active, std::uint8_t* out) const {
    const V rest = unpack(s.packed);
    const V a = word<kColumns>(_mm512_permutex2var_epi8(rest, low, symbol), s, active, 0);
    const V b = word<kColumns>(_mm512_permutex2var_epi8(rest, high, symbol), s, active, 1);
    store_words<kAll>(out, active, _mm512_shldi_epi16(a, a, 15), _mm512_shldi_epi16(b, b, 15));
  }
};

// F16, 6-bit keys: a byte and two packed bits of rest.
struct F16 {
  static constexpr int kElementBytes = 2;
  static constexpr int kPackedBits = 2;
  static constexpr int kRestBytes = 1;
  Unpack<2, 6> unpack;
  V low;
  V high;

  F16() : low(interleave<64>(0)), high(interleave<64>(1)) {}
  template <bool kAll, bool kColumns>
  void merge(V symbol, const Source& s, __mmask64 active, std::uint8_t* out) const {
    V key = _mm512_add_epi8(symbol, _mm512_set1_epi8(static_cast<char>(s.base)));
    if (kColumns) key = _mm512_add_epi8(key, byte_columns(s.columns, active));
    const V top = select(_mm512_set1_epi8(3), unpack(s.packed), _mm512_slli_epi16(key, 2));
    const V rest = load(s.bytes);
    const V a = _mm512_permutex2var_epi8(rest, low, top);
    const V b = _mm512_permutex2var_epi8(rest, high, top);
    store_words<kAll>(out, active, _mm512_shldi_epi16(a, a, 15), _mm512_shldi_epi16(b, b, 15));
  }
};

// F32, 9-bit keys: as BF16 above two whole bytes.
struct F32 {
  static constexpr int kElementBytes = 4;
  static constexpr int kPackedBits = 7;
  static constexpr int kRestBytes = 2;
  Unpack<7, 0> unpack;
  V low;
  V high;
  V word_low;
  V word_high;

  F32()
      : low(interleave<64>(0)),
        high(interleave<64>(1)),
        word_low(interleave<32>(0)),
        word_high(interleave<32>(1)) {}
  template <bool kAll>
  void store(V top, const std::uint8_t* rest, __mmask32 active, std::uint8_t* out) const {
    const V bottom = load(rest);
    const V a = _mm512_ror_epi32(_mm512_permutex2var_epi16(bottom, word_low, top), 1);
    const V b = _mm512_ror_epi32(_mm512_permutex2var_epi16(bottom, word_high, top), 1);
    if (kAll) {
      _mm512_storeu_si512(out, a);
      _mm512_storeu_si512(out + 64, b);
    } else {
      _mm512_mask_storeu_epi32(out, static_cast<__mmask16>(active), a);
      _mm512_mask_storeu_epi32(out + 64, static_cast<__mmask16>(active >> 16), b);
    }
  }
  template <bool kAll, bool kColumns>
  void merge(V symbol, const Source& s, __mmask64 active, std::uint8_t* out) const {
    const V rest = unpack(s.packed);
    const V a = Bf16::word<kColumns>(_mm512_permutex2var_epi8(rest, low, symbol), s, active, 0);
    const V b = Bf16::word<kColumns>(_mm512_permutex2var_epi8(rest, high, symbol), s, active, 1);
    store<kAll>(a, s.bytes, static_cast<__mmask32>(active), out);
    store<kAll>(b, s.bytes + 64, static_cast<__mmask32>(active >> 32), out + 128);
  }
};

// F8_E4M3 with 5-bit keys (kRest 3) and F8_E5M2 with 6-bit keys (kRest 2).
template <int kRest>
struct F8 {
  static constexpr int kElementBytes = 1;
  static constexpr int kPackedBits = kRest;
  static constexpr int kRestBytes = 0;
  Unpack<kRest, 8 - kRest> unpack;

  F8() {}
  template <bool kAll, bool kColumns>
  void merge(V symbol, const Source& s, __mmask64 active, std::uint8_t* out) const {
    V key = _mm512_add_epi8(symbol, _mm512_set1_epi8(static_cast<char>(s.base)));
    if (kColumns) key = _mm512_add_epi8(key, byte_columns(s.columns, active));
    const V turned =
        select(_mm512_set1_epi8((1 << kRest) - 1), unpack(s.packed), _mm512_slli_epi16(key, kRest));
    const V value =
        select(_mm512_set1_epi8(0x7F), _mm512_srli_epi16(turned, 1), _mm512_slli_epi16(turned, 7));
    if (kAll) {
      _mm512_storeu_si512(out, value);
    } else {
      _mm512_mask_storeu_epi8(out, active, value);
    }
  }
};

// A chunk is read from up to six places at once, more than hardware keeps up with by itself, and
// what is written is read first. Asking ahead for both is worth a fifth of the speed from and to
// memory.
template <class Format, int kStreams>
inline void prefetch(const Source& source, const Lanes* lanes, const std::uint8_t* out) {
  constexpr int kElements = kStreams * kStreamLanes;
  for (int at = 0; at < kElements * Format::kPackedBits / 8; at += 64) {
    _mm_prefetch(source.packed + 2048 + at, _MM_HINT_T0);
  }
  for (int at = 0; at < kElements * Format::kRestBytes; at += 64) {
    _mm_prefetch(source.bytes + 2048 + at, _MM_HINT_T0);
  }
  for (int i = 0; i < kStreams; ++i) _mm_prefetch(lanes[i].at + 1024, _MM_HINT_T0);
  for (int at = 0; at < kElements * Format::kElementBytes; at += 64) {
    // Not __builtin_prefetch, which can become one for reading, and that is worse than none.
    asm volatile("prefetchw %0" : : "m"(out[4096 + at]));
  }
}

template <class Format, int kStreams, bool kColumns>
void decode_chunk(DecodeJob& job) {
  const Format format;
  const Grid& grid = job.grid;
  Lanes lanes[kStreams];
  for (int i = 0; i < kStreams; ++i) {
    lanes[i] = Lanes(job.states.data() + 64 * i, job.streams[i].at);
  }
  const std::uint8_t* escapes = job.escapes.at;
  const std::uint8_t* packed = job.packed;
  const std::uint8_t* bytes = job.bytes;
  std::uint8_t* out = job.out;
  Hash hash(job);
  // A step reads at most 64 bytes of each stream and an escape a lane, so that looking after each
  // step keeps all reads within the two bytes a lane past the end.
  const auto past_end = [&]() __attribute__((always_inline)) {
    std::ptrdiff_t left = job.escapes.end - escapes;
    for (int i = 0; i < kStreams; ++i) left |= job.streams[i].end - lanes[i].at;
    return left < 0;
  };
  const std::uint64_t rows = grid.rows();
  for (std::uint64_t r = 0; r < rows; ++r) {
    const Tables tables(job.tables[job.rows[r].table]);
    const std::uint64_t size = grid.row_end(r) - grid.row_begin(r);
    Source source{packed, bytes, nullptr, job.rows[r].base - unsigned{kSymbolBias}};
    if (kColumns) source.columns = job.columns + (r == 0 ? grid.first : 0);
    const auto advance = [&](std::uint64_t n) __attribute__((always_inline)) {
      source.packed += n * Format::kPackedBits / 8;
      source.bytes += n * Format::kRestBytes;
      if (kColumns) source.columns += n;
      out += n * Format::kElementBytes;
    };
    std::uint64_t left = size;
    for (; left >= 64 * kStreams; left -= 64 * kStreams) {
      prefetch<Format, kStreams>(source, lanes, out);
      V symbol[kStreams];
#pragma GCC unroll 4
      for (int i = 0; i < kStreams; ++i) {
        symbol[i] = lanes[i].template next<true>(tables, ~0ull);
        symbol[i] = take_escapes(symbol[i], ~0ull, escapes);
        format.template merge<true, kColumns>(symbol[i], source, ~0ull, out);
        advance(64);
      }
      hash.follow(out);
      if (past_end()) break;
    }
#pragma GCC unroll 4
    for (int i = 0; i < kStreams; ++i) {
      if (left == 0 || past_end()) break;
      const std::uint64_t count = left < 64 ? left : 64;
      const __mmask64 active = first_lanes(count);
      V symbol = lanes[i].template next<false>(tables, active);
      symbol = take_escapes(symbol, active, escapes);
      format.template merge<false, kColumns>(symbol, source, active, out);
      advance(count);
      left -= count;
    }
    if (past_end()) {
      job.overrun = true;
      return;
    }
    hash.follow(out);
    packed += job.layout.packed_size(size);
    bytes += size * Format::kRestBytes;
  }
  hash.store(job);
  for (int i = 0; i < kStreams; ++i) {
    lanes[i].store(job.states.data() + 64 * i);
    job.streams[i].at = lanes[i].at;
  }
  job.escapes.at = escapes;
}

template <class Format, bool kColumns>
void decode_streams(DecodeJob& job) {
  switch (job.grid.lanes / kStreamLanes) {
    case 1:
      return decode_chunk<Format, 1, kColumns>(job);
    case 2:
      return decode_chunk<Format, 2, kColumns>(job);
    default:
      return decode_chunk<Format, 4, kColumns>(job);
  }
}

template <class Format>
void decode_format(DecodeJob& job) {
  return job.columns != nullptr ? decode_streams<Format, true>(job)
                                : decode_streams<Format, false>(job);
}

}  // namespace
}  // namespace avx512

void avx512_decode(DecodeJob& job) {
  using namespace avx512;
  const Layout& layout = job.layout;
  switch (layout.element_bytes) {
    case 1:
      return layout.packed_bits == 3 ? decode_format<F8<3>>(job) : decode_format<F8<2>>(job);
    case 2:
      return layout.packed_bits == 7 ? decode_format<Bf16>(job) : decode_format<F16>(job);
    default:
      return decode_format<F32>(job);
  }
}

}  // namespace bbz::codec::split

BBZ_AVX512_END

#endif  // defined(__x86_64__)
