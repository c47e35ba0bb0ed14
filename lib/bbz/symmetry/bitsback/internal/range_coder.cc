#include "bbz/symmetry/bitsback/internal/range_coder.h"

#include <bit>
#include <limits>

namespace bbz::bitsback {

namespace {
constexpr std::uint32_t kRenormalise = 1U << 24;
}  // namespace

void RangeEncoder::put(BitModel& model, bool bit) {
  const std::uint32_t bound = (range_ >> 15) * model.zero_share();
  if (bit) {
    narrow_to(bound, range_ - bound);
  } else {
    narrow_to(0, bound);
  }
  model.learn(bit);
}

bool RangeDecoder::get(BitModel& model) {
  const std::uint32_t bound = (range_ >> 15) * model.zero_share();
  const bool bit = code_ >= bound;
  if (bit) {
    code_ -= bound;
    range_ -= bound;
  } else {
    range_ = bound;
  }
  model.learn(bit);
  refill();
  return bit;
}

void RangeEncoder::put_raw(std::uint32_t value, int count) {
  for (int i = count - 1; i >= 0; --i) {
    const std::uint32_t bound = range_ >> 1;
    if ((value >> i & 1) != 0) {
      narrow_to(bound, range_ - bound);
    } else {
      narrow_to(0, bound);
    }
  }
}

std::uint32_t RangeDecoder::get_raw(int count) {
  std::uint32_t value = 0;
  for (int i = 0; i < count; ++i) {
    const std::uint32_t bound = range_ >> 1;
    const bool bit = code_ >= bound;
    if (bit) {
      code_ -= bound;
      range_ -= bound;
    } else {
      range_ = bound;
    }
    value = value << 1 | (bit ? 1U : 0U);
    refill();
  }
  return value;
}

void RangeEncoder::narrow_to(std::uint32_t offset, std::uint32_t size) {
  low_ += offset;
  range_ = size;
  while (range_ < kRenormalise) {
    range_ <<= 8;
    shift_low();
  }
}

void RangeDecoder::refill() {
  while (range_ < kRenormalise) {
    range_ <<= 8;
    code_ = code_ << 8 | next_byte();
  }
}

// Moves the top byte of low_ out. A carry can still change a byte 0xFF and the byte before it, so
// these are held back.
void RangeEncoder::shift_low() {
  const bool carry = low_ >> 32 != 0;
  const auto top = static_cast<std::uint8_t>(low_ >> 24);
  if (carry || top != 0xFF) {
    if (holding_) out_.push_back(static_cast<std::byte>(held_ + (carry ? 1 : 0)));
    for (; pending_ > 0; --pending_) out_.push_back(carry ? std::byte{0} : std::byte{0xFF});
    held_ = top;
    holding_ = true;
  } else {
    ++pending_;
  }
  low_ = (low_ & 0x00FFFFFF) << 8;
}

std::vector<std::byte> RangeEncoder::finish() {
  // Any value in [low, low + range) decodes to the same bits. Takes the one with the most trailing
  // zero bits, and omits up to four zero bytes at the end, since the decoder reads zeros there.
  const std::uint64_t last = low_ + range_ - 1;
  for (int zeros = 32; zeros >= 0; --zeros) {
    const std::uint64_t candidate = last >> zeros << zeros;
    if (candidate >= low_) {
      low_ = candidate;
      break;
    }
  }
  for (int i = 0; i < 5; ++i) shift_low();
  for (int i = 0; i < kUnwritten && !out_.empty() && out_.back() == std::byte{0}; ++i) {
    out_.pop_back();
  }
  return std::move(out_);
}

RangeDecoder::RangeDecoder(Bytes in) : in_(in) {
  for (int i = 0; i < 4; ++i) code_ = code_ << 8 | next_byte();
}

std::uint8_t RangeDecoder::next_byte() {
  const std::uint8_t byte = next_ < in_.size() ? static_cast<std::uint8_t>(in_[next_]) : 0;
  if (!starved()) ++next_;
  return byte;
}

void NumberModel::put(RangeEncoder& out, std::uint32_t value) {
  for (std::uint32_t place = 0; place < kUnary; ++place) {
    out.put(places_[place], value > place);
    if (value <= place) return;
  }
  const std::uint32_t rest = value - kUnary + 1;
  const int width = static_cast<int>(std::bit_width(rest));
  out.put_raw(0, width - 1);
  out.put_raw(rest, width);
}

std::uint32_t NumberModel::get(RangeDecoder& in) {
  for (std::uint32_t place = 0; place < kUnary; ++place) {
    if (!in.get(places_[place])) return place;
  }
  int extra = 0;
  while (in.get_raw(1) == 0) {
    if (++extra == 32) return std::numeric_limits<std::uint32_t>::max();
  }
  const std::uint32_t rest = (1U << extra) | in.get_raw(extra);
  if (rest > std::numeric_limits<std::uint32_t>::max() - kUnary) {
    return std::numeric_limits<std::uint32_t>::max();
  }
  return rest + kUnary - 1;
}

}  // namespace bbz::bitsback
