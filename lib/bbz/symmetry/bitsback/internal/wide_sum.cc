#include "bbz/symmetry/bitsback/internal/wide_sum.h"

#include <algorithm>
#include <cmath>

#include "bbz/parallel/for_each.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::bitsback {
namespace {

using linalg::Op;

constexpr std::size_t kColumns = 1024;  // of a block
// The terms that a product of floats sums at once.
constexpr Eigen::Index kTerms = 512;
// One of so many elements may be computed again one by one: more take a product in double.
constexpr std::size_t kOneOf = 32;

// Returns a bound of the error of a float product of a column and an axis, in parts of the product
// of their lengths, for any order in which each part of kTerms terms is summed. A term is rounded
// once when its axis is stored, once as a product and at most kTerms - 1 times in its part; parts
// are then added one by one. What subnormal floats lose is far below the margin, which is added to
// the bound.
float bound_of_error(Eigen::Index width) {
  const Eigen::Index parts = width / kTerms + 1;
  const auto roundings = static_cast<double>(std::min(kTerms, width) + parts + 2);
  constexpr double kForHigherOrders = 1.01;
  return static_cast<float>(kForHigherOrders * roundings * 0x1p-24);
}

}  // namespace

WideSum::WideSum(const Operand& operand, std::span<const std::int16_t> exponents,
                 const Matrix& axes, std::span<const std::int8_t> row_exponents, Decider& decider)
    : operand_(operand),
      exponents_(exponents),
      axes_(axes),
      decider_(decider),
      pool_(linalg::threads()),
      // The rounding of types of 16 bits is thousands of times that of float.
      sum_in_float_(!decider.exact() && operand.precision().bytes == 2),
      scaled_axes_(axes.rows(), axes.cols()) {
  for (const int exponent : row_exponents) {
    units_.push_back(std::ldexp(1.0F, exponent));
    per_unit_.push_back(std::ldexp(1.0F, -exponent));
  }
  parallel::for_each_index(&pool_, units_.size(), [&](std::size_t n) {
    const auto i = static_cast<Eigen::Index>(n);
    scaled_axes_.row(i) = axes_.row(i).cast<float>() * per_unit_[n];
  });
}

Matrix WideSum::compute() {
  const auto width = static_cast<Eigen::Index>(operand_.width());
  const auto block = static_cast<Eigen::Index>(std::min(kColumns, operand_.columns()));
  columns_.resize(block, width);
  in_float_.resize(block, width);
  weights_.resize(block, width);
  if (width > kTerms) part_.resize(block, width);
  open_.resize(static_cast<std::size_t>(block));
  if (sum_in_float_) {
    float_sum_.setZero(width, width);
  } else {
    exact_.resize(block, width);
    sum_.setZero(width, width);
  }
  for (std::size_t first = 0; first < operand_.columns(); first += kColumns) {
    const auto count = static_cast<Eigen::Index>(std::min(kColumns, operand_.columns() - first));
    load(first, count);
    multiply_in_float(count);
    decide(first, count);
    add(count);
  }
  if (sum_in_float_) return float_sum_.cast<double>();
  return std::move(sum_);
}

void WideSum::load(std::size_t first, Eigen::Index count) {
  parallel::for_each_index(&pool_, static_cast<std::size_t>(count), [&](std::size_t n) {
    const auto j = static_cast<Eigen::Index>(n);
    linalg::View column = columns_.middleRows(j, 1);
    operand_.fetch(first + n, column);
    column *= std::ldexp(1.0, -exponents_[first + n]);
    in_float_.row(j) = column.cast<float>();
  });
}

void WideSum::multiply_in_float(Eigen::Index count) {
  for (Eigen::Index begin = 0; begin < in_float_.cols(); begin += kTerms) {
    const Eigen::Index terms = std::min(kTerms, in_float_.cols() - begin);
    linalg::FloatMatrix& part = begin == 0 ? weights_ : part_;
    linalg::multiply(in_float_.block(0, begin, count, terms), Op::kPlain,
                     scaled_axes_.middleCols(begin, terms), Op::kTransposed, part.topRows(count));
    if (begin == 0) continue;
    // A product that adds to its result might round the sum so far with each of its terms.
    parallel::for_each_index(&pool_, static_cast<std::size_t>(count), [&](std::size_t n) {
      const auto j = static_cast<Eigen::Index>(n);
      weights_.row(j) += part_.row(j);
    });
  }
}

void WideSum::decide(std::size_t first, Eigen::Index count) {
  const std::size_t width = operand_.width();
  const float bound = bound_of_error(weights_.cols());
  const auto index_of = [&](std::size_t n) { return operand_.columns() + (first + n) * width; };
  parallel::for_each_index(&pool_, static_cast<std::size_t>(count), [&](std::size_t n) {
    const auto j = static_cast<Eigen::Index>(n);
    std::vector<float> errors;
    if (decider_.exact()) {
      const float error =
          bound * static_cast<float>(columns_.row(j).norm()) + static_cast<float>(kMargin);
      for (const float per_unit : per_unit_) errors.push_back(error * per_unit);
    }
    open_[n].places.clear();
    decider_.decide_column(index_of(n), {weights_.row(j).data(), width}, errors, open_[n].places);
  });
  measure_open(count);
  for (std::size_t n = 0; n < static_cast<std::size_t>(count); ++n) {
    const Open& open = open_[n];
    for (std::size_t k = 0; k < open.places.size(); ++k) {
      const std::uint32_t i = open.places[k];
      weights_(static_cast<Eigen::Index>(n), i) = static_cast<float>(
          decider_.decide(index_of(n) + i, open.values[k], kMargin * per_unit_[i], kMostWeight));
    }
  }
}

// Computes the open elements of W, in units, in double.
void WideSum::measure_open(Eigen::Index count) {
  std::size_t all = 0;
  for (std::size_t n = 0; n < static_cast<std::size_t>(count); ++n) all += open_[n].places.size();
  const bool by_product = all > static_cast<std::size_t>(count) * operand_.width() / kOneOf;
  if (by_product) {
    linalg::multiply(columns_.topRows(count), Op::kPlain, axes_, Op::kTransposed,
                     exact_.topRows(count));
  }
  parallel::for_each_index(&pool_, static_cast<std::size_t>(count), [&](std::size_t n) {
    const auto j = static_cast<Eigen::Index>(n);
    open_[n].values.clear();
    for (const std::uint32_t i : open_[n].places) {
      const double value = by_product ? exact_(j, i) : columns_.row(j).dot(axes_.row(i));
      open_[n].values.push_back(value * per_unit_[i]);
    }
  });
}

// Adds the block's part of the sum.
void WideSum::add(Eigen::Index count) {
  parallel::for_each_index(&pool_, static_cast<std::size_t>(count), [&](std::size_t n) {
    const auto j = static_cast<Eigen::Index>(n);
    for (std::size_t i = 0; i < units_.size(); ++i) {
      weights_(j, static_cast<Eigen::Index>(i)) *= units_[i];
    }
    if (!sum_in_float_) exact_.row(j) = weights_.row(j).cast<double>();
  });
  if (sum_in_float_) {
    linalg::multiply(in_float_.topRows(count), Op::kTransposed, weights_.topRows(count), Op::kPlain,
                     float_sum_, 1.0F, 1.0F);
  } else {
    linalg::multiply(columns_.topRows(count), Op::kTransposed, exact_.topRows(count), Op::kPlain,
                     sum_, 1.0, 1.0);
  }
}

}  // namespace bbz::bitsback
