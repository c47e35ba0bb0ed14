// Chunks of numbers that are not simply weights, with their entropy: floats of a narrower type, with
// zeros, on a grid, integers, and rows that resemble each other.
#pragma once

#include <string>
#include <vector>

#include "bbz/codec/codec.h"

namespace bbz::codec {

// A chunk, and what it takes at least to tell it.
struct Numbers {
  std::string name;
  ChunkShape shape;
  std::vector<std::byte> bytes;
  // In bits: the sum of -log2 p of all elements, where p is the probability of the element's value
  // under the distribution that it was drawn from, given the scale of its row, or, if rows are smooth,
  // the element above. Scales count as themselves if elements are products of them.
  double entropy = 0;
};

// The floats that elements are rounded to: of so many mantissa bits, and the least normal one is
// 2^min_exponent.
struct FloatLimits {
  int mantissa = 0;
  int min_exponent = 0;
};

// A case, whose chunk make_numbers() makes of rows of 4096 elements.
struct NumbersCase {
  enum class Draw {
    kRounded,   // Gaussian rows, rounded to `limits`
    kZeros,     // the same, and `zeros` of 256 elements are 0, of both signs if `both_signs` is set
    kPairs,     // the same, and two of four elements are 0
    kProducts,  // the integers nearest to Gaussian rows that are divided by a scale such that the
                // largest of a row is `most`, times that scale
    kIntegers,  // integers, of rows whose standard deviations are about `most`
    kSmooth,    // each row is the one before plus Gaussian noise of `most` thousandths
  };
  const char* name;
  DType dtype;
  Draw draw;
  std::uint64_t elements;
  FloatLimits limits{};
  unsigned zeros = 0;
  bool both_signs = false;
  int most = 0;
  double bound = 1.03;  // how large a payload may be, of the entropy
};

// Returns the cases, of which the tests of sizes and the benchmark are made.
const std::vector<NumbersCase>& numbers_cases();

// Makes the chunk of a case, `elements` of it, or its own number if that is 0.
Numbers make_numbers(const NumbersCase& which, std::uint64_t elements = 0);

}  // namespace bbz::codec
