// The numbers of a chunk for the encoder: each element as a sign and a magnitude.
#pragma once

#include <vector>

#include "bbz/base/wire.h"
#include "bbz/codec/number/merge.h"
#include "bbz/codec/number/scale.h"

namespace bbz::codec::number {

// What the rows of a chunk have, beside the header.
struct RowNumbers {
  // The centres: none, one, or one for each row.
  std::vector<std::uint64_t> centres;
  std::vector<float> scales;  // one for each row if the kind is kScaled

  std::uint64_t centre(std::uint64_t row) const {
    return centres.empty() ? 0 : centres[centres.size() == 1 ? 0 : row];
  }
};

// The sign and the magnitude of an element, or that it must be stored whole.
struct Number {
  bool sign = false;
  bool is_whole = false;
  std::uint64_t magnitude = 0;
};

// Reads elements. T is the unsigned integer of their size, at least a byte. Its memory is the caller's.
template <class T>
struct Source {
  static constexpr int kSign = 8 * sizeof(T) - 1;

  Model model;
  const std::byte* in = nullptr;
  std::uint64_t width = 1;
  const RowNumbers* rows = nullptr;

  T element(std::uint64_t place) const {
    if (sizeof(T) == 1 && model.bits == 4) {
      const auto byte = std::to_integer<unsigned>(in[place / 2]);
      return static_cast<T>(place % 2 == 0 ? byte & 15 : byte >> 4);
    }
    return load_le<T>(in + place * sizeof(T));
  }

  // Returns an element as the differences take it.
  T ordered(std::uint64_t place) const {
    const T value = element(place);
    return model.float_bits != 0 && value >> kSign != 0 ? static_cast<T>(value ^ low_mask(kSign))
                                                        : value;
  }

  // Returns the number of a sum modulo 2^bits.
  Number number_of(std::uint64_t value, int bits) const {
    value &= low_mask(bits);
    const bool sign = (value >> (bits - 1) & 1) != 0;
    return {sign, false, sign ? (std::uint64_t{0} - value) & low_mask(bits) : value};
  }

  // Returns the number of an element. kKind is that of the model, and kFirstDifference for both kinds
  // of differences.
  template <Kind kKind>
  Number number(std::uint64_t place, std::uint64_t row) const {
    if constexpr (kKind == Kind::kFloat) {
      const T value = element(place);
      return {value >> kSign != 0, false, value & low_mask(kSign)};
    } else if constexpr (kKind == Kind::kInteger) {
      return number_of(std::uint64_t{element(place)} - rows->centre(row), model.bits);
    } else if constexpr (kKind == Kind::kScaled) {
      return number_of_product(element(place), rows->scales[row], rows->centre(row));
    } else {
      T predicted = place < width ? T{0} : ordered(place - width);
      if (model.kind == Kind::kSecondDifference && place >= 2 * width) {
        predicted = static_cast<T>(2 * predicted - ordered(place - 2 * width));
      }
      return number_of(static_cast<T>(ordered(place) - predicted), model.bits);
    }
  }

  // Returns the number whose product with a scale is the element.
  Number number_of_product(T value, float scale, std::uint64_t centre) const {
    const std::int32_t integer = integer_of(model, value, scale);
    if (scaled(model, integer, scale) != value) {
      return {true, value != T{1} << kSign, 0};  // -0, or no product
    }
    return number_of(static_cast<std::uint64_t>(integer) - centre, kScaledBits);
  }
};

// Calls f<kind>() for the kind of a model, with kFirstDifference for both kinds of differences.
template <class F>
void with_kind(const Model& model, F f) {
  switch (model.kind) {
    case Kind::kFloat:
      return f.template operator()<Kind::kFloat>();
    case Kind::kInteger:
      return f.template operator()<Kind::kInteger>();
    case Kind::kScaled:
      return f.template operator()<Kind::kScaled>();
    default:
      return f.template operator()<Kind::kFirstDifference>();
  }
}

}  // namespace bbz::codec::number
