#include "codec/generate_numbers.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "codec/generate.h"

namespace bbz::codec {
namespace {

using Draw = NumbersCase::Draw;

constexpr std::uint64_t kRow = 4096;

// A value of a type, and the distance of its neighbours.
struct Rounded {
  double value;
  double step;
};

// Rounds to a type.
Rounded nearest(double value, const FloatLimits& limits) {
  int exponent = limits.min_exponent + 1;
  if (value != 0) std::frexp(value, &exponent);
  const double step =
      std::ldexp(1.0, std::max(exponent - 1, limits.min_exponent) - limits.mantissa);
  return {std::nearbyint(value / step) * step, step};
}

// Returns -log2 of the probability that a number of variance 1 is within `width` of `x` in all.
double information(double x, double width) {
  if (width < 1e-3) {
    return x * x / 2 * std::numbers::log2e + std::log2(std::sqrt(2 * std::numbers::pi) / width);
  }
  const double root = std::numbers::sqrt2;
  const double p = (std::erfc((std::fabs(x) - width / 2) / root) -
                    std::erfc((std::fabs(x) + width / 2) / root)) /
                   2;
  return -std::log2(std::max(p, 1e-30));
}

class Maker {
 public:
  Maker(const NumbersCase& which, std::uint64_t elements) : case_(which) {
    numbers_.name = which.name;
    numbers_.shape = {which.dtype, elements, kRow, 0};
    numbers_.bytes.resize(elements * static_cast<std::uint64_t>(dtype_info(which.dtype).bits) / 8);
  }

  Numbers make() {
    std::vector<double> row(kRow);
    for (std::uint64_t begin = 0; begin < numbers_.shape.elements; begin += kRow) {
      const double scale = std::ldexp(rough_exp(0.3 * random_.gaussian()), -6);
      switch (case_.draw) {
        case Draw::kProducts:
          put_products(scale);
          break;
        case Draw::kIntegers:
          put_integers(scale * 64 * case_.most);
          break;
        case Draw::kSmooth:
          put_smooth(row, begin == 0);
          break;
        default:
          put_rounded(scale);
      }
    }
    return std::move(numbers_);
  }

 private:
  std::uint64_t row_end() const { return std::min(place_ + kRow, numbers_.shape.elements); }

  void put_bits(std::uint64_t bits) {
    const auto size = static_cast<std::size_t>(dtype_info(case_.dtype).bits / 8);
    std::memcpy(numbers_.bytes.data() + place_++ * size, &bits, size);
  }

  // Puts a float, which is of the dtype already.
  void put(double value, double entropy) {
    put_bits(round_to(case_.dtype, value));
    numbers_.entropy += entropy;
  }

  void put_rounded(double scale) {
    const std::uint64_t end = row_end();
    std::uint64_t kept = 0;
    while (place_ < end) {
      double bits = 0;
      bool is_zero = false;
      if (case_.draw == Draw::kZeros) {
        is_zero = random_.below(256) < case_.zeros;
        bits = -std::log2((is_zero ? case_.zeros : 256 - case_.zeros) / 256.0);
      } else if (case_.draw == Draw::kPairs) {
        if (place_ % 4 == 0) {
          constexpr std::uint64_t kPairs[] = {3, 5, 6, 9, 10, 12};
          kept = kPairs[random_.below(6)];
        }
        is_zero = (kept >> place_ % 4 & 1) == 0;
        bits = 1;
      }
      if (is_zero) {
        const bool is_negative = case_.both_signs && random_.below(2) != 0;
        put(is_negative ? -0.0 : 0.0, bits + (case_.both_signs ? 1 : 0));
        continue;
      }
      const Rounded r = nearest(scale * random_.gaussian(), case_.limits);
      // A zero has a sign, so it is half as wide.
      const bool is_half = r.value == 0;
      put(r.value, bits + information((std::fabs(r.value) + (is_half ? r.step / 4 : 0)) / scale,
                                      (is_half ? r.step / 2 : r.step) / scale));
    }
  }

  void put_products(double scale) {
    std::vector<double> values(row_end() - place_);
    for (double& value : values) value = scale * random_.gaussian();
    double largest = 0;
    for (const double value : values) largest = std::max(largest, std::fabs(value));
    // The scale has the dtype.
    const double step = value_of(case_.dtype, round_to(case_.dtype, largest / case_.most));
    numbers_.entropy += dtype_info(case_.dtype).bits;
    for (const double value : values) {
      const double integer = std::nearbyint(value / step);
      // 0 has no sign, as integers of two's complement have none.
      put(integer == 0 ? 0.0 : integer * step, information(integer * step / scale, step / scale));
    }
  }

  void put_integers(double scale) {
    const std::uint64_t end = row_end();
    const double most = std::ldexp(1.0, dtype_info(case_.dtype).bits - 1) - 1;
    while (place_ < end) {
      const double value = std::clamp(std::nearbyint(scale * random_.gaussian()), -most, most);
      put_bits(static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
      numbers_.entropy += information(value / scale, 1 / scale);
    }
  }

  void put_smooth(std::vector<double>& row, bool is_first) {
    const std::uint64_t end = row_end();
    for (double& above : row) {
      if (place_ == end) return;
      const double scale = is_first ? 1.0 / 64 : case_.most / 64000.0;
      const Rounded r = nearest((is_first ? 0 : above) + scale * random_.gaussian(), case_.limits);
      put(r.value, information((r.value - (is_first ? 0 : above)) / scale, r.step / scale));
      above = r.value;
    }
  }

  const NumbersCase& case_;
  Random random_{11};
  Numbers numbers_;
  std::uint64_t place_ = 0;
};

}  // namespace

const std::vector<NumbersCase>& numbers_cases() {
  constexpr FloatLimits kF32{23, -126};
  constexpr FloatLimits kBF16{7, -126};
  constexpr FloatLimits kF16{10, -14};
  constexpr FloatLimits kTF32{10, -126};
  constexpr FloatLimits kE4M3{3, -6};
  constexpr FloatLimits kE5M2{2, -14};
  static const std::vector<NumbersCase> cases = {
      {"F32 dense", DType::kF32, Draw::kRounded, 1 << 19, kF32},
      {"BF16 dense", DType::kBF16, Draw::kRounded, 1 << 20, kBF16},
      {"F16 dense", DType::kF16, Draw::kRounded, 1 << 20, kF16},
      {"BF16 in F32", DType::kF32, Draw::kRounded, 1 << 20, kBF16},
      {"F16 in F32", DType::kF32, Draw::kRounded, 1 << 20, kF16},
      {"TF32 in F32", DType::kF32, Draw::kRounded, 1 << 20, kTF32},
      {"F8_E4M3 in F32", DType::kF32, Draw::kRounded, 5 << 19, kE4M3},
      {"F8_E5M2 in F32", DType::kF32, Draw::kRounded, 1 << 21, kE5M2},
      {"BF16, 50 % zeros", DType::kBF16, Draw::kZeros, 3 << 19, kBF16, 128},
      {"BF16, 50 % zeros of both signs", DType::kBF16, Draw::kZeros, 3 << 19, kBF16, 128, true},
      {"BF16, 85 % zeros", DType::kBF16, Draw::kZeros, 1 << 22, kBF16, 218},
      {"BF16, 85 % zeros of both signs", DType::kBF16, Draw::kZeros, 1 << 22, kBF16, 218, true},
      {"BF16, 95 % zeros", DType::kBF16, Draw::kZeros, 5 << 21, kBF16, 243},
      {"BF16, 95 % zeros of both signs", DType::kBF16, Draw::kZeros, 5 << 21, kBF16, 243, true},
      {"F16, 85 % zeros", DType::kF16, Draw::kZeros, 1 << 22, kF16, 218},
      {"F16, 85 % zeros of both signs", DType::kF16, Draw::kZeros, 1 << 22, kF16, 218, true},
      {"F32, 50 % zeros", DType::kF32, Draw::kZeros, 3 << 18, kF32, 128},
      {"F32, 50 % zeros of both signs", DType::kF32, Draw::kZeros, 3 << 18, kF32, 128, true},
      {"F32, 85 % zeros of both signs", DType::kF32, Draw::kZeros, 1 << 21, kF32, 218, true},
      {"F32, 95 % zeros of both signs", DType::kF32, Draw::kZeros, 5 << 20, kF32, 243, true},
      {"BF16, 2:4 sparse", DType::kBF16, Draw::kPairs, 3 << 19, kBF16},
      {"8 bits a row in F32", DType::kF32, Draw::kProducts, 3 << 19, {}, 0, false, 127},
      {"4 bits a row in F32", DType::kF32, Draw::kProducts, 3 << 20, {}, 0, false, 7},
      {"8 bits a row in BF16", DType::kBF16, Draw::kProducts, 3 << 19, {}, 0, false, 127},
      {"4 bits a row in BF16", DType::kBF16, Draw::kProducts, 3 << 20, {}, 0, false, 7},
      {"I16 rows", DType::kI16, Draw::kIntegers, 1 << 20, {}, 0, false, 600},
      {"I8 rows", DType::kI8, Draw::kIntegers, 3 << 19, {}, 0, false, 20},
      {"smooth rows of F32", DType::kF32, Draw::kSmooth, 1 << 19, kF32, 0, false, 1},
      // Differences of floats are counted in their distances, so that a part of the exponent of what is
      // above is in them. Columns have shifts for it, but not if rows drift far, or if differences are
      // as small as the distances.
      {"drifting rows of F16", DType::kF16, Draw::kSmooth, 3 << 19, kF16, 0, false, 8, 1.06},
      {"fine rows of F16", DType::kF16, Draw::kSmooth, 5 << 19, kF16, 0, false, 2, 1.10},
  };
  return cases;
}

Numbers make_numbers(const NumbersCase& which, std::uint64_t elements) {
  return Maker(which, elements == 0 ? which.elements : elements).make();
}

}  // namespace bbz::codec
