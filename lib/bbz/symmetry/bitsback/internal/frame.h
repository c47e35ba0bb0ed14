// The frame of a junction: a rotation F(Y) that depends smoothly on the carriers Y, such that F(QY)
// = Q F(Y). It is found in two steps: first a rough frame by QR of fixed random sums of columns;
// then the polar factor of Y Wᵀ, in which W is the carriers in the rough frame, rounded to small
// whole numbers. See section 3 of format-spec/bits-back.md.
#pragma once

#include <cstdint>
#include <vector>

#include "bbz/symmetry/bitsback/internal/operand.h"

namespace bbz::bitsback {

// The largest sizes of the whole numbers that a frame depends on.
inline constexpr int kMostColumnExponent = 1000;
inline constexpr int kMostWeight = 127;
inline constexpr int kMostRowExponent = 64;

// Half the width of the strip around a half in which the encoder lists a decision, far above the
// error of double arithmetic.
inline constexpr double kMargin = 0x1p-26;

// Returns the number of decisions. A frame depends on a whole number for each column and one for
// each element, which are decided in this order.
constexpr std::uint64_t decision_count(std::uint64_t width, std::uint64_t columns) {
  return columns + width * columns;
}

// A decision for which a decoder must not round, because the measured value is close to a half or
// the rounding to the stored type moved it across. Gives the whole number above the value, or that
// below.
struct Listed {
  std::uint64_t index = 0;
  bool upper = false;
};

// Turns measured values into whole numbers.
class Decider {
 public:
  virtual ~Decider() = default;
  // Returns a whole number in -most ... most for decision `index`, measured as `value`. Decoders
  // may measure a value that differs by up to `margin`.
  virtual int decide(std::uint64_t index, double value, double margin, int most) = 0;

  // Decides a column of W from values in float, each off by at most its error. Sets `decided` to
  // whole numbers, and appends to `open` the places of those that it leaves to decide(), in order:
  // those whose value in double could lead to another. Threads may call it for different columns,
  // and it changes nothing but what belongs to these.
  virtual void decide_column(std::uint64_t index, std::span<float> decided,
                             std::span<const float> errors, std::vector<std::uint32_t>& open) = 0;
  // Returns whether W Yᵀ has to be that of double arithmetic. The planning encoder does not mind.
  virtual bool exact() const { return true; }
};

// Decides for the planning encoder: rounds, and stores the decisions.
class RoundingDecider final : public Decider {
 public:
  // Stores decisions 0 ... exponents.size() - 1 in `exponents`, the rest in `weights`. Both must
  // outlive this object.
  RoundingDecider(std::span<std::int16_t> exponents, std::span<std::int8_t> weights)
      : exponents_(exponents), weights_(weights) {}
  int decide(std::uint64_t index, double value, double margin, int most) override;
  void decide_column(std::uint64_t index, std::span<float> decided, std::span<const float> errors,
                     std::vector<std::uint32_t>& open) override;
  bool exact() const override { return false; }

 private:
  std::span<std::int16_t> exponents_;
  std::span<std::int8_t> weights_;
};

// Decides for the checking encoder: as planned, and lists the decisions in which a decoder would or
// might round to something else.
class ListingDecider final : public Decider {
 public:
  // Decides as planned in `exponents` and `weights`, which must outlive this object.
  ListingDecider(std::span<const std::int16_t> exponents, std::span<const std::int8_t> weights)
      : exponents_(exponents), weights_(weights) {}
  int decide(std::uint64_t index, double value, double margin, int most) override;
  void decide_column(std::uint64_t index, std::span<float> decided, std::span<const float> errors,
                     std::vector<std::uint32_t>& open) override;

  // Returns whether every planned number is one that a listed decision can give.
  bool ok() const { return ok_; }
  // Moves the listed decisions out.
  std::vector<Listed> take() { return std::move(listed_); }

 private:
  std::span<const std::int16_t> exponents_;
  std::span<const std::int8_t> weights_;
  std::vector<Listed> listed_;
  bool ok_ = true;
};

// Decides for the decoder: rounds, or follows the list, which must outlive this object.
// Precondition: indices ascend.
class ListedDecider final : public Decider {
 public:
  // Follows `listed`, in ascending order of index.
  explicit ListedDecider(std::span<const Listed> listed) : rest_(listed) {}
  int decide(std::uint64_t index, double value, double margin, int most) override;
  void decide_column(std::uint64_t index, std::span<float> decided, std::span<const float> errors,
                     std::vector<std::uint32_t>& open) override;

 private:
  std::span<const Listed> rest_;
};

// Returns for each column the exponent e for which scaling by 2^-e brings its norm near 1.
std::vector<std::int16_t> column_exponents(const Operand& operand, Decider& decider);

// Returns the transpose of the rough frame, whose rows are the axes. The frame is the orthogonal
// factor of S, whose d columns are sums of the columns of Y, scaled by their exponents, with signs
// and places from the seed. If `conditioning` is not null,
// it receives the smallest diagonal element of the triangular factor divided by the largest.
Matrix rough_frame(const Operand& operand, std::span<const std::int16_t> exponents,
                   std::uint8_t seed, double* conditioning = nullptr);

// Returns Y Wᵀ, d×d, for the scaled columns, and decides W from the axes of the rough frame. Row i
// of W is in units of 2^row_exponents[i]. The product of the axes with Y is float in wide junctions.
// Its error has a bound, and what it leaves open is decided from double.
Matrix weighted_sum(const Operand& operand, std::span<const std::int16_t> exponents,
                    const Matrix& axes, std::span<const std::int8_t> row_exponents,
                    Decider& decider);

// Returns the row exponents that the planning encoder chooses: for each row of Y in the rough frame
// about log2 of its root mean square, from a sample of the columns.
std::vector<std::int8_t> measure_row_exponents(const Operand& operand,
                                               std::span<const std::int16_t> exponents,
                                               const Matrix& axes);

// Returns the finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), a bijection of 64-bit
// words. It is the source of signs, places and whitening.
constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

}  // namespace bbz::bitsback
