// The frame of a junction: a rotation F(Y) that follows the carriers Y smoothly, F(QY) = Q F(Y).
// Found in two steps: a rough frame by QR of fixed random sums of columns, and from it the fine
// one, the polar factor of Y Wᵀ with W the carriers in the rough frame rounded to small whole
// numbers. Internal; format-spec/bits-back.md section 3.
#pragma once

#include <vector>

#include "bbz/symmetry/bitsback/internal/operand.h"

namespace bbz::bitsback {

inline constexpr int kMostColumnExponent = 1000;
inline constexpr int kMostWeight = 127;
inline constexpr int kMostRowExponent = 64;

// The whole numbers that a frame depends on, one for each column and one for each element, are
// decided in this order.
constexpr std::uint64_t decision_count(std::uint64_t width, std::uint64_t columns) {
  return columns + width * columns;
}

// A decision for which rounding is not to be trusted, because the measured value lies beside a half
// or rounding to the stored type moved it across. The whole number above the value is meant, or the
// one below.
struct Listed {
  std::uint64_t index = 0;
  bool upper = false;
};

// Turns a measured value into a whole number in -most ... most. A value off by less than `margin`
// must give the same.
class Decider {
 public:
  virtual ~Decider() = default;
  virtual int decide(std::uint64_t index, double value, double margin, int most) = 0;
};

// The planning encoder: rounds, and keeps what it decided.
class Rounding final : public Decider {
 public:
  // Decisions 0 ... exponents.size() - 1 go to `exponents`, the rest to `weights`.
  Rounding(std::span<std::int16_t> exponents, std::span<std::int8_t> weights)
      : exponents_(exponents), weights_(weights) {}
  int decide(std::uint64_t index, double value, double margin, int most) override;

 private:
  std::span<std::int16_t> exponents_;
  std::span<std::int8_t> weights_;
};

// The checking encoder: decides as planned, and lists where a decoder would not or might not.
class Listing final : public Decider {
 public:
  Listing(std::span<const std::int16_t> exponents, std::span<const std::int8_t> weights)
      : exponents_(exponents), weights_(weights) {}
  int decide(std::uint64_t index, double value, double margin, int most) override;

  // No planned number was out of a listing's reach.
  bool ok() const { return ok_; }
  std::vector<Listed> take() { return std::move(listed_); }

 private:
  std::span<const std::int16_t> exponents_;
  std::span<const std::int8_t> weights_;
  std::vector<Listed> listed_;
  bool ok_ = true;
};

// The decoder: rounds, or does as listed. Precondition: indices ascend.
class Following final : public Decider {
 public:
  explicit Following(std::span<const Listed> listed) : rest_(listed) {}
  int decide(std::uint64_t index, double value, double margin, int most) override;

 private:
  std::span<const Listed> rest_;
};

// For each column, the exponent e for which 2^-e brings its norm near 1.
std::vector<std::int16_t> column_exponents(const Operand& operand, Decider& decider);

// The rough frame: the orthogonal factor of S, whose d columns are sums of the columns of Y, scaled
// by their exponents, with signs and places from the seed. `conditioning`, where not null, receives
// the least over the largest diagonal element of the triangular factor.
Matrix rough_frame(const Operand& operand, std::span<const std::int16_t> exponents,
                   std::uint8_t seed, double* conditioning = nullptr);

// Y Wᵀ for the scaled columns, d×d, with W decided from the rough frame. W's rows are in units of
// 2^row_exponents.
Matrix weighted_sum(const Operand& operand, std::span<const std::int16_t> exponents,
                    const Matrix& rough, std::span<const std::int8_t> row_exponents,
                    Decider& decider);

// For each row of Y in the rough frame, about log2 of its root mean square, from a sample of the
// columns: row exponents as the planning encoder chooses them.
std::vector<std::int8_t> measure_row_exponents(const Operand& operand,
                                               std::span<const std::int16_t> exponents,
                                               const Matrix& rough);

// The bijection of 64-bit words that finishes SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): here
// the source of signs, places and whitening.
constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

}  // namespace bbz::bitsback
