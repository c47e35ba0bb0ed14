// Decoding with NEON. It decodes the symbols of 16 lanes at a time, with lookups in 256 bytes. The
// portable loops, which compilers vectorise, make the elements.
#include "bbz/codec/split/neon/neon.h"

#if defined(__aarch64__)

#include "bbz/codec/split/neon/lookup.h"
#include "bbz/codec/split/steps.h"

namespace bbz::codec::split {
namespace neon {
namespace {

struct Tables {
  ByteTable symbol;
  ByteTable rank;
  IndexTable freq;

  explicit Tables(const DecodeTable& t)
      : symbol(t.symbol.data()), rank(t.rank.data()), freq(t.freq, false) {}
};

// For each set of eight lanes, a lookup that moves the i-th byte to the i-th lane of the set, and
// zero to other lanes.
struct Spread {
  std::array<std::array<std::uint8_t, 8>, 256> lookup{};

  constexpr Spread() {
    for (unsigned set = 0; set < 256; ++set) {
      std::uint8_t next = 0;
      for (unsigned lane = 0; lane < 8; ++lane) {
        lookup[set][lane] = (set >> lane & 1) != 0 ? next++ : 0xFF;
      }
    }
  }
};
constexpr Spread kSpreadTable;

// Returns the next bytes of a stream in those lanes for which `need` is 0xFF. It is 0 for others.
inline uint8x8_t spread(uint8x8_t need, const std::uint8_t*& at) {
  const unsigned set = set_of(need);
  const uint8x8_t bytes = vtbl1_u8(vld1_u8(at), vld1_u8(kSpreadTable.lookup[set].data()));
  at += __builtin_popcount(set);
  return bytes;
}

// Decodes 16 lanes.
inline uint8x16_t next(const Tables& t, std::uint16_t* states, const std::uint8_t*& at) {
  auto* p = reinterpret_cast<std::uint8_t*>(states);
  const uint8x16x2_t state = vld2q_u8(p);  // low bytes, high bytes
  const uint8x16_t symbol = t.symbol[state.val[0]];
  const uint8x16_t rank = t.rank[state.val[0]];
  const uint8x16_t freq = t.freq[vandq_u8(symbol, vdupq_n_u8(kIndices - 1))];
  const uint16x8_t a =
      vaddw_u8(vmull_u8(vget_low_u8(freq), vget_low_u8(state.val[1])), vget_low_u8(rank));
  const uint16x8_t b = vaddw_high_u8(vmull_high_u8(freq, state.val[1]), rank);
  const uint8x16_t low = vcombine_u8(vmovn_u16(a), vmovn_u16(b));
  const uint8x16_t high = vcombine_u8(vshrn_n_u16(a, 8), vshrn_n_u16(b, 8));
  const uint8x16_t need = vceqzq_u8(high);
  const uint8x8_t first = spread(vget_low_u8(need), at);
  const uint8x8_t second = spread(vget_high_u8(need), at);
  uint8x16x2_t renormalised;
  renormalised.val[0] = vbslq_u8(need, vcombine_u8(first, second), low);
  renormalised.val[1] = vbslq_u8(need, low, high);
  vst2q_u8(p, renormalised);
  return symbol;
}

// Decodes a step of all lanes.
bool decode_step(DecodeJob& job, const Row& row, const std::uint8_t* packed, const Step& step) {
  const Tables tables(job.tables[row.table]);
  Symbols symbols;
  for (int first = 0; first < step.count; first += kStreamLanes) {
    Cursor& stream = job.streams[first / kStreamLanes];
    for (int lane = first; lane < first + kStreamLanes; lane += 16) {
      vst1q_u8(symbols.data() + lane, next(tables, job.states.data() + lane, stream.at));
    }
    if (stream.at > stream.end) return false;
  }
  return portable_finish_step(job.layout)(job, row, packed, step, symbols.data());
}

}  // namespace
}  // namespace neon

void neon_decode(DecodeJob& job) {
  decode_by_steps(job, neon::decode_step, portable_decode_step(job.layout));
}

}  // namespace bbz::codec::split

#endif  // defined(__aarch64__)
