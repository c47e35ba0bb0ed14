// Encoding with NEON: the inverse of decode.cc. The portable loops split the elements, and the
// symbols of 16 lanes are encoded at a time.
//
// Encoding a symbol gives a quotient in the upper byte of a state and a slot in the lower one. The
// division is a multiplication by the reciprocal, whose result is at most one too low, and a
// correction.
#include "bbz/codec/split/neon/neon.h"

#if defined(__aarch64__)

#include "bbz/codec/split/neon/lookup.h"
#include "bbz/codec/split/steps.h"

namespace bbz::codec::split {
namespace neon {
namespace {

struct Tables {
  ByteTable slot;
  IndexTable freq;
  IndexTable start;
  IndexTable reciprocal_low;
  IndexTable reciprocal_high;

  explicit Tables(const EncodeTable& t)
      : slot(t.slot.data()),
        freq(t.freq, false),
        start(t.start, false),
        reciprocal_low(t.reciprocal, false),
        reciprocal_high(t.reciprocal, true) {}
};

// For each set of eight lanes, a lookup that moves its bytes to the end of eight, in order.
struct Gather {
  std::array<std::array<std::uint8_t, 8>, 256> lookup{};

  constexpr Gather() {
    for (unsigned set = 0; set < 256; ++set) {
      unsigned to = 8;
      for (unsigned lane = 8; lane-- > 0;) {
        if ((set >> lane & 1) != 0) lookup[set][--to] = static_cast<std::uint8_t>(lane);
      }
    }
  }
};
constexpr Gather kGatherTable;

// Writes the bytes of the lanes for which `need` is 0xFF, in the order of lanes, so that they end
// at `at`, and moves `at` to the first. `need` is 0 for other lanes. Overwrites up to eight bytes
// before them.
inline void put_before(std::uint8_t*& at, uint8x8_t need, uint8x8_t bytes) {
  const unsigned set = set_of(need);
  vst1_u8(at - 8, vtbl1_u8(bytes, vld1_u8(kGatherTable.lookup[set].data())));
  at -= __builtin_popcount(set);
}

struct Division {
  uint16x8_t quotient;
  uint16x8_t rest;
};

// Divides x by f. m is the reciprocal of f in EncodeTable.
inline Division divide(uint16x8_t x, uint16x8_t m, uint16x8_t f) {
  const uint32x4_t low = vmull_u16(vget_low_u16(x), vget_low_u16(m));
  const uint32x4_t high = vmull_high_u16(x, m);
  const uint16x8_t q = vuzp2q_u16(vreinterpretq_u16_u32(low), vreinterpretq_u16_u32(high));
  const uint16x8_t r = vmlsq_u16(x, q, f);
  const uint16x8_t over = vcgeq_u16(r, f);
  return {vsubq_u16(q, over), vsubq_u16(r, vandq_u16(over, f))};
}

// Encodes an index in each of 16 lanes.
inline void code(const Tables& t, uint8x16_t index, std::uint16_t* states, std::uint8_t*& at) {
  auto* p = reinterpret_cast<std::uint8_t*>(states);
  const uint8x16x2_t state = vld2q_u8(p);  // low bytes, high bytes
  const uint8x16_t freq = t.freq[index];
  const uint8x16_t need = vcgeq_u8(state.val[1], freq);
  put_before(at, vget_high_u8(need), vget_high_u8(state.val[0]));
  put_before(at, vget_low_u8(need), vget_low_u8(state.val[0]));
  const uint8x16_t low = vbslq_u8(need, state.val[1], state.val[0]);
  const uint8x16_t high = vbicq_u8(state.val[1], need);

  const auto words = [](uint8x16_t bytes) { return vreinterpretq_u16_u8(bytes); };
  const uint8x16_t m_low = t.reciprocal_low[index];
  const uint8x16_t m_high = t.reciprocal_high[index];
  const Division a = divide(words(vzip1q_u8(low, high)), words(vzip1q_u8(m_low, m_high)),
                            vmovl_u8(vget_low_u8(freq)));
  const Division b =
      divide(words(vzip2q_u8(low, high)), words(vzip2q_u8(m_low, m_high)), vmovl_high_u8(freq));
  const uint8x16_t rest = vcombine_u8(vmovn_u16(a.rest), vmovn_u16(b.rest));
  uint8x16x2_t next;
  next.val[0] = t.slot[vaddq_u8(t.start[index], rest)];
  next.val[1] = vcombine_u8(vmovn_u16(a.quotient), vmovn_u16(b.quotient));
  vst2q_u8(p, next);
}

// Encodes a step of all lanes.
void encode_step(EncodeJob& job, const Row& row, std::uint8_t* packed, const Step& step) {
  const Tables tables(job.tables[row.table]);
  Symbols symbols;
  portable_split_step(job.layout)(job, row, packed, step, symbols.data());
  for (int first = step.count; (first -= kStreamLanes) >= 0;) {
    std::uint8_t*& stream = job.streams[first / kStreamLanes];
    for (int lane = first + kStreamLanes; (lane -= 16) >= first;) {
      const uint8x16_t index = vandq_u8(vld1q_u8(symbols.data() + lane), vdupq_n_u8(kIndices - 1));
      code(tables, index, job.states.data() + lane, stream);
    }
  }
}

}  // namespace
}  // namespace neon

void neon_encode(EncodeJob& job) {
  encode_by_steps(job, neon::encode_step, portable_encode_step(job.layout));
}

}  // namespace bbz::codec::split

#endif  // defined(__aarch64__)
