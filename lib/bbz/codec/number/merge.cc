// The loops for every machine.
#include "bbz/codec/number/loops.h"

namespace bbz::codec::number {
namespace {

// Rounds a binary32 to a float of 16 bits with so many mantissa bits, to nearest and ties to even.
std::uint32_t narrowed(std::uint32_t bits, int mantissa) {
  const std::uint32_t sign = bits >> 31 << 15;
  const std::uint32_t magnitude = bits & 0x7FFFFFFF;
  const int exponent_bits = 15 - mantissa;
  const auto infinity = static_cast<std::uint32_t>(low_mask(exponent_bits) << mantissa);
  if (magnitude > 0x7F800000) return sign | infinity | 1U << (mantissa - 1);  // not a number
  // The exponent is taken down from that of binary32, and the unit of the last place follows.
  const int bias = 127 - ((1 << (exponent_bits - 1)) - 1);
  const int exponent = static_cast<int>(magnitude >> 23);
  std::uint64_t significand = magnitude & 0x7FFFFF;
  int shift = 23 - mantissa;
  if (exponent > bias || (bias == 0 && exponent == 0)) {
    significand |= static_cast<std::uint64_t>(exponent - bias) << 23;
  } else {
    if (exponent != 0) significand |= std::uint64_t{1} << 23;
    shift += bias + 1 - std::max(exponent, 1);
  }
  if (shift > 40) return sign;
  const std::uint64_t half = std::uint64_t{1} << (shift - 1);
  const std::uint64_t result = (significand + half - 1 + (significand >> shift & 1)) >> shift;
  return sign | static_cast<std::uint32_t>(std::min<std::uint64_t>(result, infinity));
}

struct Portable {};

}  // namespace

void KeyTable::reset(const Header& header, unsigned highest_shift) {
  constexpr std::size_t kSlack = 64;
  const std::size_t size = std::size_t{highest_shift} + kWindow;
  meanings_.clear();
  meanings_.reserve(size);
  lanes_.magnitudes.assign(size + kSlack, 0);
  lanes_.low_bits.assign(size + kSlack, 0);
  lanes_.shifts.assign(size + kSlack, 0);
  lanes_.signs.assign(size + kSlack, 0);
  for (std::size_t i = 0; i < size; ++i) {
    const auto key = static_cast<std::uint16_t>(header.base + i);
    const KeyMeaning meaning = meaning_of(header.model, key, header.floor);
    meanings_.push_back(meaning);
    lanes_.magnitudes[i] = static_cast<std::uint32_t>(meaning.magnitude);
    lanes_.low_bits[i] = meaning.low_bits;
    lanes_.shifts[i] = meaning.shift;
    lanes_.signs[i] = meaning.sign;
  }
}

void portable_merge(MergeJob& job) {
  loop_merge<Portable>(job);
}

void portable_merge(MergeJob& job, std::uint64_t first, std::uint64_t count) {
  loop_merge<Portable>(job, first, count);
}

std::uint32_t scaled(const Model& model, std::int32_t value, float scale) {
  const std::uint32_t product = std::bit_cast<std::uint32_t>(static_cast<float>(value) * scale);
  return model.bits == 32 ? product : narrowed(product, model.float_bits);
}

}  // namespace bbz::codec::number
