#include "bbz/symmetry/bitsback/internal/frame.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "bbz/parallel/for_each.h"
#include "bbz/symmetry/bitsback/internal/wide_sum.h"
#include "bbz/symmetry/linalg/factor.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::bitsback {

namespace {

using linalg::Op;

// The number of sums of the rough frame to which each column is added.
constexpr std::uint64_t kPlaces = 8;

// The columns that a task of a thread takes.
constexpr std::size_t kTaskColumns = 64;

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

constexpr float kMostWeightFloat = kMostWeight;

// Rounds to nearest, ties to even, without a branch. Precondition: |value| < 2^22.
float nearest(float value) {
  constexpr float kMagic = 0x1.8p23F;
  return (value + kMagic) - kMagic;
}

// Returns whether a value that is off by at most `error` rounds to `whole`.
bool is_safe(float value, float whole, float error) {
  return std::abs(value - whole) < 0.5F - error;
}

// The columns from which on threads are worth while.
constexpr std::uint64_t kForThreads = std::uint64_t{1} << 18;

// The threads that work on the columns of an operand, or none if it is small.
class Threads {
 public:
  explicit Threads(const Operand& operand) {
    if (operand.width() * operand.columns() >= kForThreads) pool_.emplace(linalg::threads());
  }
  parallel::ThreadPool* pool() { return pool_ ? &*pool_ : nullptr; }

 private:
  std::optional<parallel::ThreadPool> pool_;
};

// Returns a block for the columns that a loop takes at a time, of which first_of() gives the first.
Matrix block_for(const Operand& operand) {
  return Matrix(std::min(kBlockColumns, operand.columns()), operand.width());
}

linalg::View first_of(Matrix& block, std::size_t count) {
  return block.topRows(static_cast<Eigen::Index>(count));
}

// Loads columns first ... first + block.rows() - 1 of the operand, scaled by their exponents.
void fetch_scaled(const Operand& operand, std::span<const std::int16_t> exponents,
                  std::size_t first, linalg::View block, parallel::ThreadPool* pool) {
  parallel::for_each_index(pool, static_cast<std::size_t>(block.rows()), [&](std::size_t j) {
    linalg::View column = block.middleRows(static_cast<Eigen::Index>(j), 1);
    operand.fetch(first + j, column);
    column *= std::ldexp(1.0, -exponents[first + j]);
  });
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

void RoundingDecider::decide_column(std::uint64_t index, std::span<float> decided,
                                    std::span<const float>, std::vector<std::uint32_t>&) {
  std::int8_t* const weights = weights_.data() + (index - exponents_.size());
  for (std::size_t i = 0; i < decided.size(); ++i) {
    decided[i] = nearest(std::clamp(decided[i], -kMostWeightFloat, kMostWeightFloat));
    weights[i] = static_cast<std::int8_t>(decided[i]);
  }
}

void ListingDecider::decide_column(std::uint64_t index, std::span<float> decided,
                                   std::span<const float> errors,
                                   std::vector<std::uint32_t>& open) {
  const std::int8_t* const weights = weights_.data() + (index - exponents_.size());
  for (std::size_t i = 0; i < decided.size(); ++i) {
    const float planned = weights[i];
    if (!is_safe(decided[i], planned, errors[i])) open.push_back(static_cast<std::uint32_t>(i));
    decided[i] = planned;
  }
}

void ListedDecider::decide_column(std::uint64_t index, std::span<float> decided,
                                  std::span<const float> errors, std::vector<std::uint32_t>& open) {
  auto listed = std::ranges::lower_bound(rest_, index, {}, &Listed::index);
  for (std::size_t i = 0; i < decided.size(); ++i) {
    const float whole = nearest(std::clamp(decided[i], -kMostWeightFloat, kMostWeightFloat));
    const bool is_listed = listed != rest_.end() && listed->index == index + i;
    if (is_listed) ++listed;
    if (is_listed || !is_safe(decided[i], whole, errors[i])) {
      open.push_back(static_cast<std::uint32_t>(i));
    }
    decided[i] = whole;
  }
}

std::vector<std::int16_t> column_exponents(const Operand& operand, Decider& decider) {
  // A column with a norm of 2^least has mostly subnormal elements, whose spacing no longer shrinks.
  // More weight for smaller columns would only amplify rounding.
  const int norm_of_ones = (static_cast<int>(std::bit_width(operand.width())) - 1) / 2;
  const double least = operand.precision().least_normal_exponent + norm_of_ones;
  std::vector<std::int16_t> exponents(operand.columns());
  std::vector<double> values(operand.columns());
  Threads threads(operand);
  parallel::for_each_index(
      threads.pool(), divide_up(values.size(), kTaskColumns), [&](std::size_t task) {
        Matrix column(1, operand.width());
        const std::size_t end = std::min((task + 1) * kTaskColumns, values.size());
        for (std::size_t j = task * kTaskColumns; j < end; ++j) {
          operand.fetch(j, column);
          values[j] = std::max(0.5 * std::log2(column.squaredNorm()), least);
        }
      });
  for (std::size_t j = 0; j < values.size(); ++j) {
    exponents[j] =
        static_cast<std::int16_t>(decider.decide(j, values[j], kMargin, kMostColumnExponent));
  }
  return exponents;
}

namespace {

// Adds columns of the operand, in a block, to the sums of the rough frame.
void add_to_sums(std::size_t first, const linalg::ConstView& columns, std::uint8_t seed,
                 Matrix& sums, parallel::ThreadPool* pool) {
  struct Place {
    Eigen::Index row;
    double sign;
  };
  const auto width = static_cast<std::uint64_t>(sums.rows());
  std::vector<Place> places;
  places.reserve(static_cast<std::size_t>(columns.rows()) * kPlaces);
  const std::uint64_t start = mix(static_cast<std::uint64_t>(seed) + 1) + first * kPlaces;
  for (std::uint64_t k = 0; k < static_cast<std::uint64_t>(columns.rows()) * kPlaces; ++k) {
    const std::uint64_t word = mix(start + k);
    places.push_back(
        {static_cast<Eigen::Index>(((word >> 32) * width) >> 32), (word & 1) != 0 ? -1.0 : 1.0});
  }
  // Takes some elements of every sum at a time, which stay in a core's cache.
  constexpr Eigen::Index kSlice = 32;
  const auto slices = divide_up(width, static_cast<std::uint64_t>(kSlice));
  parallel::for_each_index(pool, static_cast<std::size_t>(slices), [&](std::size_t slice) {
    const Eigen::Index begin = static_cast<Eigen::Index>(slice) * kSlice;
    const Eigen::Index count = std::min(kSlice, sums.cols() - begin);
    for (std::size_t n = 0; n < places.size(); ++n) {
      const auto j = static_cast<Eigen::Index>(n / kPlaces);
      sums.row(places[n].row).segment(begin, count) +=
          places[n].sign * columns.row(j).segment(begin, count);
    }
  });
}

}  // namespace

Matrix rough_frame(const Operand& operand, std::span<const std::int16_t> exponents,
                   std::uint8_t seed, double* conditioning) {
  const std::uint64_t width = operand.width();
  Matrix sums = Matrix::Zero(width, width);
  Threads threads(operand);
  Matrix block = block_for(operand);
  for_each_block(operand.columns(), [&](std::size_t first, std::size_t count) {
    const linalg::View columns = first_of(block, count);
    fetch_scaled(operand, exponents, first, columns, threads.pool());
    add_to_sums(first, columns, seed, sums, threads.pool());
  });
  // The sums are the rows of Sᵀ, and Sᵀ = L Q is the transpose of S = C R.
  linalg::Lq factors = linalg::lq(sums);
  if (conditioning != nullptr) {
    const double largest = factors.l.diagonal().maxCoeff();
    *conditioning = largest > 0 ? factors.l.diagonal().minCoeff() / largest : 0;
  }
  return std::move(factors.q);
}

Matrix weighted_sum(const Operand& operand, std::span<const std::int16_t> exponents,
                    const Matrix& axes, std::span<const std::int8_t> row_exponents,
                    Decider& decider) {
  if (operand.width() >= kLeastFloatWidth) {
    return WideSum(operand, exponents, axes, row_exponents, decider).compute();
  }
  const std::size_t width = operand.width();
  std::vector<double> unit(width);
  for (std::size_t i = 0; i < width; ++i) unit[i] = std::ldexp(1.0, row_exponents[i]);

  Matrix sum = Matrix::Zero(static_cast<Eigen::Index>(width), static_cast<Eigen::Index>(width));
  Matrix block = block_for(operand);
  Matrix in_frame = block_for(operand);
  for_each_block(operand.columns(), [&](std::size_t first, std::size_t count) {
    const linalg::View columns = first_of(block, count);
    linalg::View weights = first_of(in_frame, count);
    fetch_scaled(operand, exponents, first, columns, nullptr);
    linalg::multiply(columns, Op::kPlain, axes, Op::kTransposed, weights);
    for (std::size_t j = 0; j < count; ++j) {
      const std::uint64_t index = operand.columns() + (first + j) * width;
      double* const column = weights.row(static_cast<Eigen::Index>(j)).data();
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
                                               const Matrix& axes) {
  const std::size_t width = operand.width();
  const std::size_t blocks = divide_up(operand.columns(), kBlockColumns);
  const std::size_t sampled =
      std::min(divide_up(kSampleFactor * width, kBlockColumns), kMostSampledBlocks);
  const std::size_t stride = std::max<std::size_t>(1, blocks / sampled);

  Eigen::VectorXd squares = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(width));
  double seen = 0;
  Threads threads(operand);
  Matrix block = block_for(operand);
  Matrix in_frame = block_for(operand);
  for_each_block(operand.columns(), [&](std::size_t first, std::size_t count) {
    if (first / kBlockColumns % stride != 0) return;
    const linalg::View columns = first_of(block, count);
    const linalg::View turned = first_of(in_frame, count);
    fetch_scaled(operand, exponents, first, columns, threads.pool());
    linalg::multiply(columns, Op::kPlain, axes, Op::kTransposed, turned);
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
