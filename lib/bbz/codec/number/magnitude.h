// The parts of an element: its sign, and the class and the fraction of its magnitude. See
// format-spec/codecs.md, "Numbers".
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "bbz/codec/number/layout.h"

namespace bbz::codec::number {

// A sign and a magnitude. The magnitude 0 has no class; others have a fraction of lead() bits.
struct Parts {
  bool sign = false;
  bool is_zero = false;
  int order = 0;  // the class of the magnitude
  std::uint64_t fraction = 0;
};

// Returns the number of bits of the fraction of a class.
inline int lead(const Model& model, int order) {
  return std::min(order, model.mantissa_bits());
}

// Returns the number of bits of a fraction that are stored, in the key or below it, if the precision is
// that of the model, or another.
inline int depth(const Model& model, int order, int floor, int precision) {
  return std::min({lead(model, order), precision, std::max(order - floor, 0)});
}
inline int depth(const Model& model, int order, int floor) {
  return depth(model, order, floor, model.precision);
}

// Returns the number of bits that are stored of an element beside its key.
inline int low_bits(const Model& model, int order, int floor) {
  return 1 - model.sign_bits + std::max(depth(model, order, floor) - model.top_bits, 0);
}

// Returns the mask of the lowest `bits` bits (0-64).
inline std::uint64_t low_mask(int bits) {
  return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

// Returns the parts of a magnitude.
inline Parts parts_of(const Model& model, bool sign, std::uint64_t magnitude) {
  const int mantissa = model.mantissa_bits();
  Parts parts{sign, magnitude == 0, 0, 0};
  if (parts.is_zero) return parts;
  if (magnitude >> mantissa != 0) {
    parts.order = static_cast<int>(magnitude >> mantissa) + mantissa - 1;
    parts.fraction = magnitude & low_mask(mantissa);
  } else {
    parts.order = static_cast<int>(std::bit_width(magnitude)) - 1;
    parts.fraction = magnitude ^ std::uint64_t{1} << parts.order;
  }
  return parts;
}

// Returns the magnitude of a class and a fraction, modulo 2^64.
inline std::uint64_t magnitude_of(const Model& model, int order, std::uint64_t fraction) {
  const int mantissa = model.mantissa_bits();
  if (order < mantissa) return (std::uint64_t{1} << order) + fraction;
  return (static_cast<std::uint64_t>(order - mantissa + 1) << mantissa) + fraction;
}

// Returns the key of parts that are not zero.
inline unsigned key_of(const Model& model, const Parts& parts) {
  const int bits = lead(model, parts.order);
  const int top = model.top_bits;
  const std::uint64_t upper =
      bits >= top ? parts.fraction >> (bits - top) : parts.fraction << (top - bits);
  return ((static_cast<unsigned>(parts.order) << top | static_cast<unsigned>(upper))
          << model.sign_bits) |
         (model.sign_bits != 0 && parts.sign ? 1U : 0U);
}

// What a key says of an element.
struct KeyMeaning {
  std::uint64_t magnitude = 0;  // without the bits below the key
  std::uint16_t order = 0;      // the class
  std::uint8_t lead = 0;        // bits of the fraction
  std::uint8_t sign = 0;        // 0 if it is not in the key
  // For one floor: the number of bits that are stored beside the key, with that of the sign if it is
  // not in the key, and how far those of the fraction are shifted.
  std::uint8_t low_bits = 0;
  std::uint8_t shift = 0;

  void set_floor(const Model& model, int floor) {
    const int depth = std::min({int{lead}, model.precision, std::max(order - floor, 0)});
    low_bits = static_cast<std::uint8_t>(1 - model.sign_bits + std::max(depth - model.top_bits, 0));
    shift = static_cast<std::uint8_t>(lead - depth);
  }
};

// Returns what a key means, for a floor.
inline KeyMeaning meaning_of(const Model& model, unsigned key, int floor) {
  KeyMeaning meaning;
  meaning.sign = static_cast<std::uint8_t>(key & (1U << model.sign_bits >> 1));
  key >>= model.sign_bits;
  const int top = model.top_bits;
  const auto order = static_cast<int>(key >> top);
  const std::uint64_t upper = key & ((1U << top) - 1);
  const int bits = lead(model, order);
  const std::uint64_t fraction = bits >= top ? upper << (bits - top) : upper >> (top - bits);
  meaning.magnitude = magnitude_of(model, order, fraction);
  meaning.order = static_cast<std::uint16_t>(order);
  meaning.lead = static_cast<std::uint8_t>(bits);
  meaning.set_floor(model, floor);
  return meaning;
}

}  // namespace bbz::codec::number
