#include "bbz/symmetry/gauge/floor.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <queue>
#include <vector>

#include "bbz/symmetry/linalg/convert.h"

namespace bbz::gauge {
namespace {

using linalg::Index;
using linalg::Matrix;

struct FloorRow {
  std::string_view name;
  double accepted_growth;
  NoiseFloor noise;
};
constexpr std::array<FloorRow, 3> kFloors = {{
    {"0", 1, {0, 1}},
    {"0.5", 1.1, {0.5, 1.09}},
    {"1", 1.6, {1, 1.55}},
}};

const FloorRow& row_of(Floor floor) {
  return kFloors[static_cast<std::size_t>(floor)];
}

// Returns the exponent of the largest power of two that is no larger than |value|. Precondition:
// value is normal.
int exponent_of(double value) {
  constexpr std::uint64_t kMask = 0x7ff;
  return static_cast<int>(std::bit_cast<std::uint64_t>(value) >> 52 & kMask) - 1023;
}

// The units in the last place of the entries of a row, and the step that it may have.
//
// The step is 2^(top - drop), where 2^top is the largest of the units. Squares are of multiples of
// 2^top. Rounding to a unit u makes an error of u^2 / 12 on average, so sums of squares compare errors.
class RowUnits {
 public:
  RowUnits(const double* values, Index count, int mantissa_bits, int least_exponent) {
    constexpr double kSmallest = 0x1p-1022;
    double largest = 0;
    for (Index i = 0; i < count; ++i) largest = std::max(largest, std::abs(values[i]));
    const int top =
        std::max(largest < kSmallest ? least_exponent : exponent_of(largest), least_exponent);
    top_ = top - mantissa_bits;
    for (Index i = 0; i < count; ++i) {
      const double size = std::abs(values[i]);
      const int exponent = size < kSmallest ? least_exponent : exponent_of(size);
      const int depth = top - std::max(exponent, least_exponent);
      ++counts_[static_cast<std::size_t>(std::min<int>(depth, kDepths - 1))];
    }
    entries_ = count;
    for (int depth = 0; depth < kDepths; ++depth) {
      plain_ += static_cast<double>(counts_[static_cast<std::size_t>(depth)]) * square(depth);
    }
  }

  // Sets the smallest step of at least `factor` times the root mean square of the units.
  void choose(double factor) {
    const double wanted = factor * std::sqrt(plain_ / static_cast<double>(entries_));
    drop_ = std::clamp(static_cast<int>(std::floor(-std::log2(wanted))), 0, kDepths - 1);
  }

  double plain() const { return plain_ * scale(); }
  double error() const { return sum_at(drop_) * scale(); }
  // Returns whether a step of half the size makes a difference.
  bool can_halve() const { return drop_ + 1 < kDepths && finer_than(drop_) > 0; }
  // Returns the error that half the step saves, for each bit that it costs. Precondition:
  // can_halve().
  double gain() const { return (sum_at(drop_) - sum_at(drop_ + 1)) * scale() / finer_than(drop_); }
  void halve() { ++drop_; }

  // Returns the step.
  double step() const { return std::ldexp(1.0, top_ - drop_); }

 private:
  static constexpr int kDepths = 48;
  // Returns the square of the unit of entries `depth` binades below the largest.
  static double square(int depth) { return std::ldexp(1.0, -2 * depth); }
  double scale() const { return std::ldexp(1.0, 2 * std::clamp(top_, -500, 500)); }

  double sum_at(int drop) const {
    double sum = 0;
    for (int depth = 0; depth < kDepths; ++depth) {
      sum += static_cast<double>(counts_[static_cast<std::size_t>(depth)]) *
             square(std::min(depth, drop));
    }
    return sum;
  }

  // Returns the number of entries whose own unit is finer than the step of a drop.
  double finer_than(int drop) const {
    std::uint64_t sum = 0;
    for (int depth = drop + 1; depth < kDepths; ++depth) {
      sum += counts_[static_cast<std::size_t>(depth)];
    }
    return static_cast<double>(sum);
  }

  std::array<std::uint64_t, kDepths> counts_{};
  int top_ = 0;
  int drop_ = 0;
  double plain_ = 0;
  Index entries_ = 0;
};

// Chooses the steps of rows: those of the factor, then halved where that saves the most error for a
// bit, until the error of all rows has grown by no more than the limit.
std::vector<double> choose_steps(const linalg::ConstView& exact, DType dtype,
                                 const NoiseFloor& floor) {
  const FloatLayout& layout = dtype_info(dtype).layout;
  const int least = 2 - (1 << (layout.exponent_bits - 1));
  std::vector<RowUnits> rows;
  rows.reserve(static_cast<std::size_t>(exact.rows()));
  double plain = 0, error = 0;
  for (Index i = 0; i < exact.rows(); ++i) {
    rows.emplace_back(exact.row(i).data(), exact.cols(), layout.mantissa_bits, least);
    rows.back().choose(floor.factor);
    plain += rows.back().plain();
    error += rows.back().error();
  }
  const double most = floor.most_growth * floor.most_growth * plain;
  std::priority_queue<std::pair<double, std::size_t>> next;
  const auto offer = [&](std::size_t row) {
    if (rows[row].can_halve()) next.emplace(rows[row].gain(), row);
  };
  if (error > most) {
    for (std::size_t row = 0; row < rows.size(); ++row) offer(row);
  }
  while (error > most && !next.empty()) {
    const std::size_t row = next.top().second;
    next.pop();
    error -= rows[row].error();
    rows[row].halve();
    error += rows[row].error();
    offer(row);
  }
  std::vector<double> steps;
  steps.reserve(rows.size());
  for (const RowUnits& row : rows) steps.push_back(row.step());
  return steps;
}

// Rounds entries to multiples of a step, a power of two, unless the type is coarser there.
void apply_step(double step, int mantissa_bits, double* values, Index count) {
  // Adding a number whose own unit is the step rounds to it; ties go to even.
  const double magic = step * 0x1.8p52;
  const double below = std::ldexp(step, mantissa_bits + 1);
  for (Index i = 0; i < count; ++i) {
    const double rounded = (values[i] + magic) - magic;
    values[i] = std::abs(values[i]) < below ? rounded : values[i];
  }
}

}  // namespace

std::string_view floor_name(Floor floor) {
  return row_of(floor).name;
}

std::optional<Floor> find_floor(std::string_view name) {
  const auto* const found = std::ranges::find(kFloors, name, &FloorRow::name);
  if (found == kFloors.end()) return std::nullopt;
  return static_cast<Floor>(found - kFloors.begin());
}

double accepted_growth(Floor floor) {
  return row_of(floor).accepted_growth;
}

NoiseFloor noise_floor(Floor floor) {
  return row_of(floor).noise;
}

void Rounding::add(const Rounding& other) {
  stored.add(other.stored);
  plain.add(other.plain);
}

double Rounding::growth() const {
  return plain.sum_of_squares == 0 ? 1.0 : std::sqrt(stored.sum_of_squares / plain.sum_of_squares);
}

bool round_rows(const linalg::ConstView& exact, DType dtype, const NoiseFloor& floor,
                MutableBytes out, Rounding& measured) {
  linalg::store_matrix(exact, dtype, out);
  const auto load = [&] { return linalg::load_matrix(out, dtype, exact.rows(), exact.cols()); };
  Matrix stored = load();
  bool finite = stored.allFinite();
  measured.plain.add(exact, stored);
  // A type without a wider one has no room for the arithmetic of a step, and needs none.
  if (floor.factor != 0 && finite && exact.size() != 0 && dtype != DType::kF64) {
    const int mantissa_bits = dtype_info(dtype).layout.mantissa_bits;
    const std::vector<double> steps = choose_steps(exact, dtype, floor);
    stored = exact;
    for (Index i = 0; i < stored.rows(); ++i) {
      apply_step(steps[static_cast<std::size_t>(i)], mantissa_bits, stored.row(i).data(),
                 stored.cols());
    }
    linalg::store_matrix(stored, dtype, out);
    stored = load();
    finite = stored.allFinite();
  }
  measured.stored.add(exact, stored);
  return finite;
}

}  // namespace bbz::gauge
