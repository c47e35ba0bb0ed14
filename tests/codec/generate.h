// Data for the codec tests, the same on every machine: only integers, and floating-point operations
// whose results IEEE 754 fixes.
#pragma once

#include <cstdint>
#include <vector>

#include "bbz/codec/codec.h"

namespace bbz::codec {

// SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits();
  std::uint64_t below(std::uint64_t limit) { return bits() % limit; }
  // Nearly Gaussian, of mean 0 and variance 1: the sum of 12 uniform numbers.
  double gaussian();

 private:
  std::uint64_t state_;
};

// exp(x) for |x| below 4, to about 1e-2 of its value.
double rough_exp(double x);

// The bits of `value` rounded to a float dtype, to nearest and ties to even; values that are too
// large become the largest exponent's.
std::uint64_t round_to(DType dtype, double value);

// The value of the bits of a float dtype whose exponent is not the largest; the inverse of
// round_to().
double value_of(DType dtype, std::uint64_t bits);

// A chunk of `elements` weights: Gaussian rows whose scales are 0.02 exp(0.3 z), or, if
// `column_spread` is not zero, also exp(column_spread * z) by column.
std::vector<std::byte> gaussian_rows(DType dtype, std::uint64_t elements, std::uint64_t row_length,
                                     std::uint64_t seed, double column_spread = 0);

// What training makes of a chunk: each weight plus a Gaussian step, rounded, but for a share of
// `kept` / 256 of them, which stay.
std::vector<std::byte> descendant(DType dtype, Bytes base, double step, std::uint64_t seed,
                                  unsigned kept = 0);

}  // namespace bbz::codec
