#include "bbz/symmetry/linalg/convert.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace bbz::linalg {
namespace {

// The 16-bit types. Conversions have no branches, so that loops over them vectorise.

struct F16 {
  using Bits = std::uint16_t;
  static constexpr int kMantissa = 10, kMinExponent = -14;
  static float load(Bits bits) {
    // Moves the fields into a float, whose exponent bias is larger by 112. Exact for subnormals
    // too.
    const std::uint32_t magnitude = static_cast<std::uint32_t>(bits & 0x7fffu) << 13;
    const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
    const std::uint32_t special = magnitude | 0x7f800000u;
    const std::uint32_t finite = std::bit_cast<std::uint32_t>(scaled);
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
    return std::bit_cast<float>((magnitude >= 0x0f800000u ? special : finite) | sign);
  }
};

struct BF16 {
  using Bits = std::uint16_t;
  static constexpr int kMantissa = 7, kMinExponent = -126;
  static float load(Bits bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
};

// Rounds a double to a 16-bit type. Normal results: adds half of the last place to the bits of the
// double. Subnormal results: adds a power of two whose last place is the spacing of subnormals.
template <class T>
std::uint16_t store16(double value) {
  constexpr int kDropped = 52 - T::kMantissa;
  constexpr std::uint64_t kSmallestNormal = static_cast<std::uint64_t>(T::kMinExponent + 1023)
                                            << 52;
  constexpr std::uint64_t kInfinity = static_cast<std::uint64_t>(3 - 2 * T::kMinExponent)
                                      << T::kMantissa;
  constexpr double kMagic = std::bit_cast<double>(
      static_cast<std::uint64_t>(T::kMinExponent - T::kMantissa + 52 + 1023) << 52);
  const std::uint64_t all = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t magnitude = all & 0x7fffffffffffffffull;
  const std::uint64_t sign = (all >> 48) & 0x8000u;
  const std::uint64_t even = (magnitude >> kDropped) & 1u;
  const std::uint64_t rounded =
      (magnitude - kSmallestNormal + (1ull << kDropped >> 1) - 1 + even) >> kDropped;
  const std::uint64_t normal = std::min<std::uint64_t>(rounded + (1ull << T::kMantissa), kInfinity);
  const std::uint64_t subnormal =
      std::bit_cast<std::uint64_t>(std::bit_cast<double>(magnitude) + kMagic) -
      std::bit_cast<std::uint64_t>(kMagic);
  const std::uint64_t nan = kInfinity | (1ull << T::kMantissa >> 1);
  const std::uint64_t finite = magnitude < kSmallestNormal ? subnormal : normal;
  return static_cast<std::uint16_t>(magnitude > 0x7ff0000000000000ull ? nan : finite | sign);
}

template <class T, class Real>
void load16(Bytes bytes, std::span<Real> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    typename T::Bits bits;
    std::memcpy(&bits, bytes.data() + i * sizeof(bits), sizeof(bits));
    values[i] = T::load(bits);
  }
}

template <class T>
void store_all16(std::span<const double> values, MutableBytes bytes) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t bits = store16<T>(values[i]);
    std::memcpy(bytes.data() + i * sizeof(bits), &bits, sizeof(bits));
  }
}

}  // namespace

bool is_float(DType dtype) {
  return dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF32 ||
         dtype == DType::kF64;
}

void load(Bytes bytes, DType dtype, std::span<float> values) {
  if (dtype == DType::kF16) {
    load16<F16>(bytes, values);
  } else if (dtype == DType::kBF16) {
    load16<BF16>(bytes, values);
  } else if (!values.empty()) {
    std::memcpy(values.data(), bytes.data(), values.size_bytes());
  }
}

void load(Bytes bytes, DType dtype, std::span<double> values) {
  if (dtype == DType::kF16) {
    load16<F16>(bytes, values);
  } else if (dtype == DType::kBF16) {
    load16<BF16>(bytes, values);
  } else if (dtype == DType::kF32) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      float value;
      std::memcpy(&value, bytes.data() + i * sizeof(value), sizeof(value));
      values[i] = value;
    }
  } else if (!values.empty()) {
    std::memcpy(values.data(), bytes.data(), values.size_bytes());
  }
}

void store(std::span<const double> values, DType dtype, MutableBytes bytes) {
  if (dtype == DType::kF16) {
    store_all16<F16>(values, bytes);
  } else if (dtype == DType::kBF16) {
    store_all16<BF16>(values, bytes);
  } else if (dtype == DType::kF32) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float value = static_cast<float>(values[i]);
      std::memcpy(bytes.data() + i * sizeof(value), &value, sizeof(value));
    }
  } else if (!values.empty()) {
    std::memcpy(bytes.data(), values.data(), values.size_bytes());
  }
}

Matrix load_matrix(Bytes bytes, DType dtype, Index rows, Index cols) {
  Matrix matrix(rows, cols);
  load(bytes, dtype, {matrix.data(), static_cast<std::size_t>(matrix.size())});
  return matrix;
}

void store_matrix(const ConstView& matrix, DType dtype, MutableBytes bytes) {
  const std::size_t row_bytes =
      static_cast<std::size_t>(matrix.cols()) * dtype_info(dtype).bits / 8;
  for (Index i = 0; i < matrix.rows(); ++i) {
    store({matrix.data() + i * matrix.outerStride(), static_cast<std::size_t>(matrix.cols())},
          dtype, bytes.subspan(i * row_bytes, row_bytes));
  }
}

double largest(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return 65504.0;
    case DType::kBF16:
      return 0x1.fep127;
    case DType::kF32:
      return std::numeric_limits<float>::max();
    default:
      return std::numeric_limits<double>::max();
  }
}

double round_to(DType dtype, double value) {
  switch (dtype) {
    case DType::kF16:
      return F16::load(store16<F16>(value));
    case DType::kBF16:
      return BF16::load(store16<BF16>(value));
    case DType::kF32:
      return static_cast<float>(value);
    default:
      return value;
  }
}

double ulp(DType dtype, double value) {
  const FloatLayout& layout = dtype_info(dtype).layout;
  const int least = 2 - (1 << (layout.exponent_bits - 1));  // the exponent of the smallest normal
  // Of zero and of subnormal doubles, the field is 0.
  const auto field = static_cast<int>(std::bit_cast<std::uint64_t>(value) >> 52 & 0x7ffu);
  const int last = std::max(field - 1023, least) - layout.mantissa_bits;
  if (last < -1022) return std::ldexp(1.0, last);
  return std::bit_cast<double>(static_cast<std::uint64_t>(last + 1023) << 52);
}

}  // namespace bbz::linalg
