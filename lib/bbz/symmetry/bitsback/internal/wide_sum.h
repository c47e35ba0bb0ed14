// weighted_sum() for wide junctions, with float products where float decides the same.
#pragma once

#include <cstdint>
#include <vector>

#include "bbz/parallel/thread_pool.h"
#include "bbz/symmetry/bitsback/internal/frame.h"

namespace bbz::bitsback {

// Narrower junctions take double: float saves little there.
inline constexpr std::uint64_t kLeastFloatWidth = 256;

// Computes Y Wᵀ, some columns of Y at a time.
//
// W in double, before it is rounded, is first computed in float, in parts of some hundred terms. The
// error of that has a bound that holds for any order of summation in a part: the number of terms of
// one times 2^-24 times the lengths of the column and the axis. An element whose float is so near
// to a half that the bound matters is computed again in double, about one in several hundred. So
// the decisions are those of double arithmetic.
class WideSum {
 public:
  // The arguments are those of weighted_sum(), and must outlive the object.
  WideSum(const Operand& operand, std::span<const std::int16_t> exponents, const Matrix& axes,
          std::span<const std::int8_t> row_exponents, Decider& decider);

  // Returns the sum. Precondition: it is called once.
  Matrix compute();

 private:
  // Elements of a column of W that are decided from double.
  struct Open {
    std::vector<std::uint32_t> places;
    std::vector<double> values;
  };

  void load(std::size_t first, Eigen::Index count);
  void multiply_in_float(Eigen::Index count);
  void decide(std::size_t first, Eigen::Index count);
  void measure_open(Eigen::Index count);
  void add(Eigen::Index count);

  const Operand& operand_;
  std::span<const std::int16_t> exponents_;
  const Matrix& axes_;
  Decider& decider_;
  parallel::ThreadPool pool_;
  bool sum_in_float_;
  std::vector<float> units_, per_unit_;  // of the rows of W, and their inverses
  linalg::FloatMatrix scaled_axes_;      // in units
  // Of a block, a column to a row: Y, the same in float, W in float, a part of its
  // sum, and W in double.
  Matrix columns_, exact_;
  linalg::FloatMatrix in_float_, weights_, part_;
  std::vector<Open> open_;
  linalg::FloatMatrix float_sum_;
  Matrix sum_;
};

}  // namespace bbz::bitsback
