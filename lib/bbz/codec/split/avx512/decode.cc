// Decoding with AVX-512.
//
// The states of a stream's 64 lanes are in two registers, one for the low bytes and one for the
// high bytes, so each byte position is a lane. The low bytes are the slots, and a state is below
// 256 if its high byte is 0. Renormalising moves low bytes to high bytes and expands the stream's
// next bytes into the low ones. Only the product of frequency and quotient needs words, and is
// computed separately for even and odd lanes.
#include "bbz/codec/split/avx512/avx512.h"

#if defined(__x86_64__)

#include <utility>

#include "bbz/codec/split/avx512/format.h"
#include "bbz/codec/split/avx512/hash.h"

BBZ_AVX512_BEGIN

namespace bbz::codec::split {
namespace avx512 {
namespace {

struct Tables {
  ByteTable symbol;
  ByteTable rank;
  V freq;  // indexed by the low six bits of a symbol byte

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

  // Returns the next symbol byte of every lane. Lanes that are not active do not change.
  template <bool kAll>
  V next(const Tables& t, __mmask64 active) {
    const V even = _mm512_set1_epi16(0x00FF);
    const V symbol = t.symbol[low];
    const V rank = t.rank[low];
    const V freq = _mm512_permutexvar_epi8(symbol, t.freq);
    // Odd lanes are multiplied in place, and the upper half of the product is their result, because
    // masks can use more ports than shifts.
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

// Replaces escapes by the next escaped bytes. Takes none or one without an expand, which is slow,
// and without a branch, which would be mispredicted often.
inline V take_escapes(V symbol, __mmask64 active, const std::uint8_t*& at) {
  const __mmask64 escaped = _mm512_cmpeq_epi8_mask(symbol, _mm512_set1_epi8(-1)) & active;
  if (__builtin_expect((escaped & (escaped - 1)) != 0, 0)) {
    symbol = _mm512_mask_expand_epi8(symbol, escaped, load(at));
    at += _mm_popcnt_u64(escaped);
    return symbol;
  }
  V next = _mm512_set1_epi8(static_cast<char>(*at));
  asm("" : "+v"(next));  // otherwise GCC uses a masked load, which is slower
  at += escaped != 0;
  return _mm512_mask_mov_epi8(symbol, escaped, next);
}

// Calls f with the constants 0, 1, ... until it returns false. Array elements stay in registers
// only if their indices are constants.
template <int kCount, class F>
BBZ_AVX512_INLINE void for_each(F f) {
  const auto all = [&]<int... kI>(std::integer_sequence<int, kI...>)
      __attribute__((always_inline)) {
    (f(std::integral_constant<int, kI>{}) && ...);
  };
  all(std::make_integer_sequence<int, kCount>{});
}

// Prefetches inputs and output. A chunk is read from up to six places at once, more than the
// hardware tracks by itself, and a written cache line is read first. One prefetch for each stream
// spreads the requests. It makes decoding from and to memory a fifth faster.
template <class Format>
BBZ_AVX512_INLINE void prefetch(const Source& source, const Lanes& lanes, const std::uint8_t* out) {
  for (int at = 0; at < kStreamLanes * Format::kPackedBits / 8; at += 64) {
    _mm_prefetch(source.packed + 2048 + at, _MM_HINT_T0);
  }
  for (int at = 0; at < kStreamLanes * Format::kRestBytes; at += 64) {
    _mm_prefetch(source.bytes + 2048 + at, _MM_HINT_T0);
  }
  _mm_prefetch(lanes.at + 1024, _MM_HINT_T0);
  for (int at = 0; at < kStreamLanes * Format::kElementBytes; at += 64) {
    // __builtin_prefetch may become a prefetch for reading, which is worse than none.
    asm volatile("prefetchw %0" : : "m"(out[4096 + at]));
  }
}

template <class Format, int kStreams, bool kColumns>
void decode_chunk(DecodeJob& job) {
  const Format format;
  const Grid& grid = job.grid;
  Lanes lanes[kStreams];
  for_each<kStreams>([&](auto i) __attribute__((always_inline)) {
    lanes[i] = Lanes(job.states.data() + 64 * i, job.streams[i].at);
    return true;
  });
  const std::uint8_t* escapes = job.escapes.at;
  const std::uint8_t* packed = job.packed;
  const std::uint8_t* bytes = job.bytes;
  std::uint8_t* out = job.out;
  Hash hash(job);
  // A step reads at most 64 bytes of each stream and one escape for each lane. So a check after
  // each step keeps all reads within the two bytes for each lane after the end.
  const auto past_end = [&]() __attribute__((always_inline)) {
    std::ptrdiff_t left = job.escapes.end - escapes;
    for_each<kStreams>([&](auto i) __attribute__((always_inline)) {
      left |= job.streams[i].end - lanes[i].at;
      return true;
    });
    return left < 0;
  };
  const std::uint64_t rows = grid.rows();
  for (std::uint64_t r = 0; r < rows; ++r) {
    const Tables tables(job.tables[job.rows[r].table]);
    const std::uint64_t size = grid.row_end(r) - grid.row_begin(r);
    Source source{packed, bytes, nullptr, job.rows[r].base - unsigned{kSymbolBias}};
    if (kColumns) source.columns = job.columns + (r == 0 ? grid.first : 0);
    std::uint64_t left = size;
    // Decodes `count` lanes of a stream.
    const auto decode = [&]<bool kAll>(Lanes & from, std::uint64_t count, std::bool_constant<kAll>)
        __attribute__((always_inline)) {
      const __mmask64 active = kAll ? ~__mmask64{0} : first_lanes(count);
      V symbol = from.template next<kAll>(tables, active);
      symbol = take_escapes(symbol, active, escapes);
      format.template merge<kAll, kColumns>(symbol, source, active, out);
      source.packed += count * Format::kPackedBits / 8;
      source.bytes += count * Format::kRestBytes;
      if (kColumns) source.columns += count;
      out += count * Format::kElementBytes;
    };
    while (left >= 64 * kStreams) {
      for_each<kStreams>([&](auto i) __attribute__((always_inline)) {
        prefetch<Format>(source, lanes[i], out);
        decode(lanes[i], 64, std::true_type{});
        return true;
      });
      left -= 64 * kStreams;
      hash.follow(out);
      if (past_end()) break;
    }
    for_each<kStreams>([&](auto i) __attribute__((always_inline)) {
      if (left == 0 || past_end()) return false;
      const std::uint64_t count = left < 64 ? left : 64;
      decode(lanes[i], count, std::false_type{});
      left -= count;
      return true;
    });
    if (past_end()) {
      job.overrun = true;
      return;
    }
    hash.follow(out);
    packed += job.layout.packed_size(size);
    bytes += size * Format::kRestBytes;
  }
  hash.store(job);
  for_each<kStreams>([&](auto i) __attribute__((always_inline)) {
    lanes[i].store(job.states.data() + 64 * i);
    job.streams[i].at = lanes[i].at;
    return true;
  });
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
      if (layout.packed_bits == 0) return decode_format<Byte>(job);
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
