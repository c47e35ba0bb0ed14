#include "bbz/bitsback/element.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"

namespace bbz::bitsback {

namespace {

// A 16-bit floating-point type with this many exponent and mantissa bits.
template <int kExponentBits, int kMantissaBits>
struct Small {
  static constexpr int kBias = (1 << (kExponentBits - 1)) - 1;
  static constexpr unsigned kTopExponent = (1U << kExponentBits) - 1;
  static constexpr unsigned kInfinity = kTopExponent << kMantissaBits;
  static constexpr int kDrop = 52 - kMantissaBits;

  static double widen(std::uint16_t bits) {
    const std::uint64_t sign = static_cast<std::uint64_t>(bits >> 15) << 63;
    const unsigned exponent = (bits >> kMantissaBits) & kTopExponent;
    const std::uint64_t mantissa = bits & ((1U << kMantissaBits) - 1);
    if (exponent == 0) {
      const double value = std::ldexp(static_cast<double>(mantissa), 1 - kBias - kMantissaBits);
      return sign != 0 ? -value : value;
    }
    const std::uint64_t wide =
        exponent == kTopExponent ? 0x7FF : exponent + static_cast<unsigned>(1023 - kBias);
    return std::bit_cast<double>(sign | wide << 52 | mantissa << kDrop);
  }

  static std::uint16_t narrow(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const auto sign = static_cast<std::uint16_t>(bits >> 63 << 15);
    const std::uint64_t magnitude = bits & ~(std::uint64_t{1} << 63);
    if (magnitude > 0x7FFULL << 52) return static_cast<std::uint16_t>(sign | (kInfinity + 1));
    if (magnitude < static_cast<std::uint64_t>(1023 - kBias + 1) << 52) {
      // Below the normal range the grid is fixed, and carrying into it gives the least normal.
      const double steps = std::nearbyint(std::ldexp(std::abs(value), kBias - 1 + kMantissaBits));
      return static_cast<std::uint16_t>(sign | static_cast<unsigned>(steps));
    }
    const std::uint64_t odd = (magnitude >> kDrop) & 1;
    const std::uint64_t rounded =
        (magnitude + (std::uint64_t{1} << (kDrop - 1)) - 1 + odd) >> kDrop;
    const std::uint64_t rebased =
        rounded - (static_cast<std::uint64_t>(1023 - kBias) << kMantissaBits);
    return static_cast<std::uint16_t>(sign | (rebased < kInfinity ? rebased : kInfinity));
  }
};

using F16 = Small<5, 10>;
using BF16 = Small<8, 7>;

template <class T>
void widen_small(const std::byte* in, std::size_t count, double* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = T::widen(load_le<std::uint16_t>(in + 2 * i));
}

template <class T>
void narrow_small(const double* in, std::size_t count, std::byte* out) {
  for (std::size_t i = 0; i < count; ++i) store_le(out + 2 * i, T::narrow(in[i]));
}

}  // namespace

Result<Precision> precision_of(tensor::DType dtype) {
  switch (dtype) {
    case tensor::DType::kF16:
      return Precision{2, 10, -14};
    case tensor::DType::kBF16:
      return Precision{2, 7, -126};
    case tensor::DType::kF32:
      return Precision{4, 23, -126};
    default:
      break;
  }
  const tensor::DTypeInfo* info = tensor::find_dtype(dtype);
  return make_error(Code::kUnsupported,
                    "dtype: a rotation hides in F16, BF16 or F32 tensors, not in {}",
                    info != nullptr ? info->name : "an unknown type");
}

void widen(tensor::DType dtype, const std::byte* in, std::size_t count, double* out) {
  if (dtype == tensor::DType::kF16) return widen_small<F16>(in, count, out);
  if (dtype == tensor::DType::kBF16) return widen_small<BF16>(in, count, out);
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = std::bit_cast<float>(load_le<std::uint32_t>(in + 4 * i));
  }
}

void narrow(tensor::DType dtype, const double* in, std::size_t count, std::byte* out) {
  if (dtype == tensor::DType::kF16) return narrow_small<F16>(in, count, out);
  if (dtype == tensor::DType::kBF16) return narrow_small<BF16>(in, count, out);
  for (std::size_t i = 0; i < count; ++i) {
    store_le(out + 4 * i, std::bit_cast<std::uint32_t>(static_cast<float>(in[i])));
  }
}

}  // namespace bbz::bitsback
