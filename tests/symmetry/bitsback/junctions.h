// Carriers and riders to test with: the same on every machine.
#pragma once

#include <cmath>
#include <vector>

#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/bitsback/internal/frame.h"
#include "bbz/symmetry/linalg/convert.h"

namespace bbz::bitsback {

// Words of a fixed sequence for each seed.
class Words {
 public:
  explicit Words(std::uint64_t seed) : state_(mix(seed + 1)) {}
  std::uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15); }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }  // in [0, 1)
  // About normal with deviation 1: the sum of twelve uniform values, so that no library function's
  // last bit matters.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
  }

 private:
  std::uint64_t state_;
};

inline std::vector<std::byte> random_bytes(std::uint64_t seed, std::size_t size) {
  Words words(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(words.next());
  return bytes;
}

// The bytes of a [rows, width] tensor with these values.
inline std::vector<std::byte> tensor_of(DType dtype, const std::vector<double>& values) {
  std::vector<std::byte> bytes(values.size() * (dtype == DType::kF32 ? 4 : 2));
  linalg::store(values, dtype, bytes);
  return bytes;
}

// A [rows, width] tensor of normal values whose axes differ in scale by up to 2^spread.
inline std::vector<double> normal_values(std::uint64_t seed, std::size_t rows, std::size_t width,
                                         double spread = 0) {
  Words words(seed);
  std::vector<double> values(rows * width);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double axis = static_cast<double>(i % width) / static_cast<double>(width);
    values[i] = 0.02 * std::exp2(-spread * axis) * words.normal();
  }
  return values;
}

// A junction whose carriers are two tensors.
struct Junction {
  std::uint64_t width = 0;
  DType dtype{};
  std::vector<std::vector<std::byte>> tensors;

  std::vector<Carrier> carriers() const {
    std::vector<Carrier> result;
    for (const auto& bytes : tensors) result.push_back({dtype, bytes});
    return result;
  }
};

inline Junction normal_junction(DType dtype, std::size_t width, std::size_t rows,
                                std::uint64_t seed = 1, double spread = 0) {
  const std::size_t first = rows / 3;
  return {width,
          dtype,
          {tensor_of(dtype, normal_values(seed, first, width, spread)),
           tensor_of(dtype, normal_values(seed + 1000, rows - first, width, spread))}};
}

// The junction as encode() left it.
inline Junction stored(const Junction& junction, const Drawn& drawn) {
  return {junction.width, junction.dtype, drawn.carriers};
}

}  // namespace bbz::bitsback
