#include "bbz/symmetry/bitsback/internal/frame.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "bbz/symmetry/linalg/factor.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::bitsback {

namespace {

using linalg::Op;

// Half the width of the strip around a half in which the encoder lists a decision, far above the
// error of double arithmetic.
constexpr double kMargin = 0x1p-26;

// The number of sums of the rough frame to which each column is added.
constexpr std::uint64_t kPlaces = 8;

// The number of columns for each row that measure_row_exponents() samples, and the most blocks of
// them: a root mean square of some thousand columns is within some per cent.
constexpr std::size_t kSampleFactor = 4;
constexpr std::size_t kMostSampledBlocks = 4;

int round_within(double value, int most) {
  return static_cast<int>(
      std::nearbyint(std::clamp(value, static_cast<double>(-most), static_cast<double>(most))));
}

int neighbour(double value, bool upper, int most) {
  const double limit = most + 1;
  const int below = static_cast<int>(std::floor(std::clamp(value, -limit, limit)));
  return std::clamp(below + (upper ? 1 : 0), -most, most);
}

// Returns a block for the columns that a loop takes at a time, of which first_of() gives the first.
Matrix block_for(const Operand& operand) {
  return Matrix(std::min(kBlockColumns, operand.columns()), operand.width());
}

linalg::View first_of(Matrix& block, std::size_t count) {
  return block.topRows(static_cast<Eigen::Index>(count));
}

std::span<double> column_of(linalg::View block, std::size_t j) {
  return {block.row(static_cast<Eigen::Index>(j)).data(), static_cast<std::size_t>(block.cols())};
}

// Loads columns first ... first + block.rows() - 1 of the operand, scaled by their exponents.
void fetch_scaled(const Operand& operand, std::span<const std::int16_t> exponents,
                  std::size_t first, linalg::View block) {
  operand.fetch(first, block);
  for (Eigen::Index j = 0; j < block.rows(); ++j) {
    block.row(j) *= std::ldexp(1.0, -exponents[first + static_cast<std::size_t>(j)]);
  }
}

}  // namespace

int RoundingDecider::decide(std::uint64_t index, double value, double, int most) {
  const int decided = round_within(value, most);
  if (index < exponents_.size()) {
    exponents_[index] = static_cast<std::int16_t>(decided);
  } else {
    weights_[index - exponents_.size()] = static_cast<std::int8_t>(decided);
  }
  return decided;
}

int ListingDecider::decide(std::uint64_t index, double value, double margin, int most) {
  const int planned =
      index < exponents_.size() ? exponents_[index] : weights_[index - exponents_.size()];
  const double fraction = value - std::floor(value);
  const bool beside_half = std::abs(fraction - 0.5) <= margin;
  if (!beside_half && round_within(value, most) == planned) return planned;

  const bool upper = planned == neighbour(value, true, most);
  const bool beside_whole = std::min(fraction, 1 - fraction) <= margin;
  if (beside_whole || planned != neighbour(value, upper, most)) ok_ = false;
  listed_.push_back({index, upper});
  return planned;
}

int ListedDecider::decide(std::uint64_t index, double value, double, int most) {
  if (rest_.empty() || rest_.front().index != index) return round_within(value, most);
  const bool upper = rest_.front().upper;
  rest_ = rest_.subspan(1);
  return neighbour(value, upper, most);
}

std::vector<std::int16_t> column_exponents(const Operand& operand, Decider& decider) {
  // A column with a norm of 2^least has mostly subnormal elements, whose spacing no longer shrinks.
  // More weight for smaller columns would only amplify rounding.
  const int norm_of_ones = (static_cast<int>(std::bit_width(operand.width())) - 1) / 2;
  const double least = operand.precision().least_normal_exponent + norm_of_ones;
  std::vector<std::int16_t> exponents(operand.columns());
  Matrix block = block_for(operand);
  for_each_block(operand.columns(), [&](std::size_t first, std::size_t count) {
    const linalg::View columns = first_of(block, count);
    operand.fetch(first, columns);
    for (std::size_t j = 0; j < count; ++j) {
      const double square = columns.row(static_cast<Eigen::Index>(j)).squaredNorm();
      const double value = std::max(0.5 * std::log2(square), least);
      exponents[first + j] =
          static_cast<std::int16_t>(decider.decide(first + j, value, kMargin, kMostColumnExponent));
    }
  });
  return exponents;
}

Matrix rough_frame(const Operand& operand, std::span<const std::int16_t> exponents,
                   std::uint8_t seed, double* conditioning) {
  const std::uint64_t width = operand.width();
  Matrix sums = Matrix::Zero(width, width);
  Matrix block = block_for(operand);
  for_each_block(operand.columns(), [&](std::size_t first, std::size_t count) {
    const linalg::View columns = first_of(block, count);
    fetch_scaled(operand, exponents, first, columns);
    for (std::size_t j = 0; j < count; ++j) {
      for (std::uint64_t k = 0; k < kPlaces; ++k) {
        const std::uint64_t word =
            mix(mix(static_cast<std::uint64_t>(seed) + 1) + (first + j) * kPlaces + k);
        const std::uint64_t place = ((word >> 32) * width) >> 32;
        const double sign = (word & 1) != 0 ? -1.0 : 1.0;
        sums.row(static_cast<Eigen::Index>(place)) +=
            sign * columns.row(static_cast<Eigen::Index>(j));
      }
    }
  });
  // The sums are the rows of Sᵀ, and Sᵀ = L Q is the transpose of S = C R.
  linalg::Lq factors = linalg::lq(sums);
  if (conditioning != nullptr) {
    const double largest = factors.l.diagonal().maxCoeff();
    *conditioning = largest > 0 ? factors.l.diagonal().minCoeff() / largest : 0;
  }
  factors.q.transposeInPlace();
  return std::move(factors.q);
}

Matrix weighted_sum(const Operand& operand, std::span<const std::int16_t> exponents,
                    const Matrix& rough, std::span<const std::int8_t> row_exponents,
                    Decider& decider) {
  const std::size_t width = operand.width();
  std::vector<double> unit(width);
  for (std::size_t i = 0; i < width; ++i) unit[i] = std::ldexp(1.0, row_exponents[i]);

  Matrix sum = Matrix::Zero(static_cast<Eigen::Index>(width), static_cast<Eigen::Index>(width));
  Matrix block = block_for(operand);
  Matrix in_frame = block_for(operand);
  for_each_block(operand.columns(), [&](std::size_t first, std::size_t count) {
    const linalg::View columns = first_of(block, count);
    const linalg::View weights = first_of(in_frame, count);
    fetch_scaled(operand, exponents, first, columns);
    linalg::multiply(columns, Op::kPlain, rough, Op::kPlain, weights);
    for (std::size_t j = 0; j < count; ++j) {
      const std::uint64_t index = operand.columns() + (first + j) * width;
      const std::span<double> column = column_of(weights, j);
      for (std::size_t i = 0; i < width; ++i) {
        column[i] = unit[i] *
                    decider.decide(index + i, column[i] / unit[i], kMargin / unit[i], kMostWeight);
      }
    }
    linalg::multiply(columns, Op::kTransposed, weights, Op::kPlain, sum, 1.0, 1.0);
  });
  return sum;
}

std::vector<std::int8_t> measure_row_exponents(const Operand& operand,
                                               std::span<const std::int16_t> exponents,
                                               const Matrix& rough) {
  const std::size_t width = operand.width();
  const std::size_t blocks = divide_up(operand.columns(), kBlockColumns);
  const std::size_t sampled =
      std::min(divide_up(kSampleFactor * width, kBlockColumns), kMostSampledBlocks);
  const std::size_t stride = std::max<std::size_t>(1, blocks / sampled);

  Eigen::VectorXd squares = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(width));
  double seen = 0;
  Matrix block = block_for(operand);
  Matrix in_frame = block_for(operand);
  for_each_block(operand.columns(), [&](std::size_t first, std::size_t count) {
    if (first / kBlockColumns % stride != 0) return;
    const linalg::View columns = first_of(block, count);
    const linalg::View turned = first_of(in_frame, count);
    fetch_scaled(operand, exponents, first, columns);
    linalg::multiply(columns, Op::kPlain, rough, Op::kPlain, turned);
    squares += turned.colwise().squaredNorm();
    seen += static_cast<double>(count);
  });

  std::vector<std::int8_t> row_exponents(width);
  for (std::size_t i = 0; i < width; ++i) {
    const double value = 0.5 * std::log2(squares(static_cast<Eigen::Index>(i)) / seen);
    row_exponents[i] = static_cast<std::int8_t>(
        round_within(std::isfinite(value) ? value : -kMostRowExponent, kMostRowExponent));
  }
  return row_exponents;
}

}  // namespace bbz::bitsback
