#include "codec/generate.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace bbz::codec {

std::uint64_t Random::bits() {
  std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

double Random::gaussian() {
  std::int64_t sum = 0;
  for (int i = 0; i < 6; ++i) {
    const std::uint64_t two = bits();
    sum += static_cast<std::int64_t>(two >> 32) + static_cast<std::int64_t>(two & 0xFFFFFFFF);
  }
  return static_cast<double>(sum - (std::int64_t{6} << 32)) / 4294967296.0;
}

double rough_exp(double x) {
  double power = 1 + x / 1024;
  for (int i = 0; i < 10; ++i) power *= power;
  return power;
}

std::uint64_t round_to(DType dtype, double value) {
  const DTypeInfo& info = dtype_info(dtype);
  if (dtype == DType::kF64) return std::bit_cast<std::uint64_t>(value);
  const int mantissa_bits = info.layout.mantissa_bits;
  const std::uint64_t sign = std::uint64_t{std::signbit(value)} << (info.bits - 1);
  const int bias = (1 << (info.layout.exponent_bits - 1)) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto biased_exponent = static_cast<int>(bits >> 52 & 0x7FF);
  if (biased_exponent == 0) return sign;  // zero, and what is far below the other dtypes' last bits
  const int exponent = biased_exponent - 1023;
  // The place of the last bit: of a normal number, or of the subnormal ones.
  const int last = std::max(exponent, 1 - bias) - mantissa_bits;
  const int dropped = std::min(52 + last - exponent, 63);
  const std::uint64_t significand =
      (std::uint64_t{1} << 52) | (bits & ((std::uint64_t{1} << 52) - 1));
  std::uint64_t integer = significand >> dropped;
  const std::uint64_t rest = significand & ((std::uint64_t{1} << dropped) - 1);
  const std::uint64_t half = std::uint64_t{1} << (dropped - 1);
  if (rest > half || (rest == half && integer % 2 == 1)) ++integer;
  // The implicit bit adds one to the exponent, and so does a mantissa that rounds up to the next.
  const auto biased = static_cast<std::uint64_t>(last + mantissa_bits + bias - 1);
  const std::uint64_t magnitude = (biased << mantissa_bits) + integer;
  const std::uint64_t most = (std::uint64_t{1} << (info.bits - 1)) - 1;
  return sign | std::min(magnitude, most);
}

double value_of(DType dtype, std::uint64_t bits) {
  const DTypeInfo& info = dtype_info(dtype);
  const int mantissa_bits = info.layout.mantissa_bits;
  const int bias = (1 << (info.layout.exponent_bits - 1)) - 1;
  const std::uint64_t magnitude = bits & ((std::uint64_t{1} << (info.bits - 1)) - 1);
  const auto exponent = static_cast<int>(magnitude >> mantissa_bits);
  std::uint64_t mantissa = magnitude & ((std::uint64_t{1} << mantissa_bits) - 1);
  if (exponent != 0) mantissa |= std::uint64_t{1} << mantissa_bits;
  const int last = std::max(exponent, 1) - bias - mantissa_bits;
  const auto unit = std::bit_cast<double>(static_cast<std::uint64_t>(last + 1023) << 52);
  const double value = unit * static_cast<double>(mantissa);
  return magnitude == bits ? value : -value;
}

std::vector<std::byte> descendant(DType dtype, Bytes base, double step, std::uint64_t seed,
                                  unsigned kept) {
  Random random(seed);
  const auto size = static_cast<std::size_t>(dtype_info(dtype).bits / 8);
  std::vector<std::byte> bytes(base.begin(), base.end());
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    if (random.below(256) < kept) continue;
    std::uint64_t element = 0;
    std::memcpy(&element, base.data() + at, size);
    element = round_to(dtype, value_of(dtype, element) + step * random.gaussian());
    std::memcpy(bytes.data() + at, &element, size);
  }
  return bytes;
}

std::vector<std::byte> gaussian_rows(DType dtype, std::uint64_t elements, std::uint64_t row_length,
                                     std::uint64_t seed, double column_spread) {
  Random random(seed);
  const auto size = static_cast<std::size_t>(dtype_info(dtype).bits / 8);
  std::vector<double> column(row_length, 1.0);
  if (column_spread != 0) {
    for (double& scale : column) scale = rough_exp(column_spread * random.gaussian());
  }
  std::vector<std::byte> bytes(elements * size);
  double scale = 0;
  for (std::uint64_t i = 0; i < elements; ++i) {
    if (i % row_length == 0) scale = 0.02 * rough_exp(0.3 * random.gaussian());
    const double value = scale * column[i % row_length] * random.gaussian();
    const std::uint64_t bits = round_to(dtype, value);
    std::memcpy(bytes.data() + i * size, &bits, size);
  }
  return bytes;
}

}  // namespace bbz::codec
