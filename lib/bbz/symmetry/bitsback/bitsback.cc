#include "bbz/symmetry/bitsback/bitsback.h"

#include <algorithm>
#include <cmath>

#include "bbz/base/format.h"
#include "bbz/base/hash.h"
#include "bbz/symmetry/bitsback/internal/frame.h"
#include "bbz/symmetry/bitsback/internal/record.h"
#include "bbz/symmetry/bitsback/internal/rotation.h"
#include "bbz/symmetry/gauge/members.h"
#include "bbz/symmetry/linalg/inverse.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::bitsback {

namespace {

using linalg::Op;

// Parameters are drawn from about ±kRange / sqrt(d). A wider range gains log2 of the factor, and
// loses log2(1 + kRange² / 3) because the Cayley transform amplifies noise; the optimum is near
// sqrt(3).
constexpr double kRange = 1.75;

// The step of the grid, in standard deviations of the expected noise. A finer grid only costs more
// listed points near a half; a coarser one leaves payload unused.
constexpr double kStepsPerNoise = 0.7;

// The fewest bits for each degree of freedom at which a junction is worth its record.
constexpr int kLeastBits = 4;

// The ratio of the rough frame's diagonal below which the carriers count as rank-deficient.
constexpr double kLeastConditioning = 1e-8;
constexpr int kSeeds = 4;

// The standard deviation of rounding a normally distributed value of deviation 1 to a type without
// mantissa bits: (E[4^floor(log2 |x|)] / 12)^(1/2). Each mantissa bit halves it.
constexpr double kRoundingNoise = 0.212;

constexpr std::string_view kTooFar =
    "rounding moves the carriers too far for their frame to be found again";

Error no_frame(std::string_view why) {
  return make_error(Code::kUnsupported, "frame: {}", why);
}

// Returns the standard deviation of the recovered parameters that the rounding of the stored
// carriers will cause: that of the polar factor of Y Wᵀ if each entry of Y has the rounding noise
// of its type.
double expect_noise(const Plan& plan, const Precision& precision, Matrix polar_part) {
  const auto width = static_cast<Eigen::Index>(plan.width);
  Eigen::VectorXd squares = Eigen::VectorXd::Zero(width);  // of the rows of W
  for (std::size_t at = 0; at < plan.weights.size();) {
    for (Eigen::Index i = 0; i < width; ++i, ++at) {
      squares(i) += static_cast<double>(plan.weights[at]) * plan.weights[at];
    }
  }
  for (Eigen::Index i = 0; i < width; ++i) {
    squares(i) = std::ldexp(squares(i), 2 * plan.row_exponents[static_cast<std::size_t>(i)]);
  }
  // The stiffness of an axis lies between the diagonal of the polar part and the reciprocal of the
  // diagonal of its inverse. The geometric mean of the two agrees with the average over
  // eigenvalues.
  Eigen::VectorXd along = polar_part.diagonal(), inverse;
  if (linalg::diagonal_of_inverse(polar_part, inverse)) {
    along = (along.array() / inverse.array()).sqrt();
  }
  double sum = 0;
  for (Eigen::Index i = 1; i < width; ++i) {
    for (Eigen::Index j = 0; j < i; ++j) {
      const double stiffness = along(i) + along(j);
      sum += (squares(i) + squares(j)) / (stiffness * stiffness);
    }
  }
  const double entry_noise =
      std::ldexp(kRoundingNoise, -precision.mantissa_bits) / std::sqrt(static_cast<double>(width));
  const double angle =
      entry_noise * std::sqrt(sum / static_cast<double>(degrees_of_freedom(plan.width)));
  return 0.5 * (1 + kRange * kRange / 3) * angle;
}

Result<Grid> choose_grid(std::uint64_t width, double noise) {
  const double range = kRange / std::sqrt(static_cast<double>(width));
  const double step = std::max(kStepsPerNoise * noise, 2 * kLeastStep);
  const double bits = std::nearbyint(std::log2(2 * range / step));
  if (!(bits >= kLeastBits)) return no_frame("the carriers' rounding leaves no room for a payload");
  Grid grid = grid_covering(range, static_cast<int>(std::min<double>(bits, kMostBits)));
  if (!valid(grid)) return make_error(Code::kInternal, "bits-back: no grid for width {}", width);
  return grid;
}

// The carriers W as W U, rounded to their type, and the rounding.
struct Rotated {
  std::vector<std::vector<std::byte>> carriers;
  gauge::Rounding rounding;
};

Result<Rotated> rotate(std::uint64_t width, std::span<const Carrier> carriers,
                       const Matrix& rotation) {
  Rotated rotated;
  for (const Carrier& carrier : carriers) {
    TensorInfo info;
    info.name = "carrier";
    info.dtype = carrier.dtype;
    info.shape = {carrier.bytes.size() / element_bytes(carrier.dtype) / width, width};
    auto turned = gauge::rotate_member(info, junction::Role::kReads, carrier.bytes, rotation,
                                       gauge::Floor::kNone, rotated.rounding);
    if (!turned.ok() && turned.code() == Code::kUnsupported) {
      return no_frame("a rotated element is beyond the range of its type");
    }
    if (!turned.ok()) return turned.error();
    rotated.carriers.push_back(*std::move(turned));
  }
  return rotated;
}

std::vector<Carrier> views(DType dtype, std::span<const std::vector<std::byte>> carriers) {
  std::vector<Carrier> result;
  for (const auto& bytes : carriers) result.push_back({dtype, bytes});
  return result;
}

}  // namespace

Status check_built() {
  return {};
}

std::uint64_t capacity_bytes(const Plan& plan) {
  return capacity_bits(plan.width, plan.grid.bits) / 8;
}

double expected_net_bits(const Plan& plan) {
  // The entropy of the noise on the grid, which vanishes if the step is far wider than the noise.
  const double spread = plan.expected_noise / plan.grid.step();
  const double correction = 0.5 * std::log2(1 + 2 * M_PI * M_E * spread * spread);
  return static_cast<double>(degrees_of_freedom(plan.width)) * (plan.grid.bits - correction);
}

Result<Plan> plan_junction(std::uint64_t width, std::span<const Carrier> carriers) {
  BBZ_ASSIGN(const Operand operand, Operand::open(width, carriers));
  BBZ_TRY(operand.require_finite());
  if (width < 2) return no_frame("a junction of width 1 has no rotation");
  if (operand.columns() < width) {
    return make_error(Code::kUnsupported,
                      "frame: {} carrier rows are too few for a junction of width {}",
                      operand.columns(), width);
  }
  Plan plan;
  plan.width = width;
  plan.column_exponents.resize(operand.columns());
  plan.weights.resize(operand.columns() * width);
  RoundingDecider rounding(plan.column_exponents, plan.weights);
  column_exponents(operand, rounding);

  Matrix rough;
  double conditioning = 0;
  for (int seed = 0; seed < kSeeds && conditioning < kLeastConditioning; ++seed) {
    plan.seed = static_cast<std::uint8_t>(seed);
    rough = rough_frame(operand, plan.column_exponents, plan.seed, &conditioning);
  }
  if (conditioning < kLeastConditioning) {
    return no_frame("the carriers do not have full rank, so they do not fix a rotation");
  }
  plan.row_exponents = measure_row_exponents(operand, plan.column_exponents, rough);

  const Matrix sum =
      weighted_sum(operand, plan.column_exponents, rough, plan.row_exponents, rounding);
  plan.frame = sum;
  // An error of float is far below what the rounding of 16 bits does to the frame.
  const bool is_short = operand.precision().bytes == 2;
  if (!linalg::polarise(plan.frame,
                        is_short ? linalg::Accuracy::kFloat : linalg::Accuracy::kDouble)) {
    return no_frame("the carriers do not have full rank, so they do not fix a rotation");
  }
  Matrix polar_part(width, width);
  linalg::multiply(plan.frame, Op::kTransposed, sum, Op::kPlain, polar_part);
  plan.expected_noise = expect_noise(plan, operand.precision(), std::move(polar_part));
  BBZ_ASSIGN(plan.grid, choose_grid(width, plan.expected_noise));
  return plan;
}

Result<Drawn> encode(const Plan& plan, std::span<const Carrier> carriers, Bytes riders) {
  BBZ_ASSIGN(const Operand given, Operand::open(plan.width, carriers));
  if (given.columns() != plan.column_exponents.size()) {
    return make_error(Code::kInvalidArgument, "bits-back: {} carrier rows, expected {} by the plan",
                      given.columns(), plan.column_exponents.size());
  }
  if (riders.size() > capacity_bytes(plan)) {
    return make_error(Code::kInvalidArgument, "bits-back: {} bytes of riders, the limit is {}",
                      riders.size(), capacity_bytes(plan));
  }
  const std::vector<std::uint32_t> coordinates =
      draw_coordinates(plan.width, plan.grid.bits, plan.seed, riders);
  Drawn drawn;
  {
    // In their canonical frame F, the carriers are M F; with the drawn frame Q they are M F Qᵀ.
    BBZ_ASSIGN(const Matrix frame, rotation_at(plan.width, plan.grid, coordinates));
    drawn.rotation.resize(frame.rows(), frame.cols());
    linalg::multiply(plan.frame, Op::kPlain, frame, Op::kTransposed, drawn.rotation);
    BBZ_ASSIGN(Rotated rotated, rotate(plan.width, carriers, drawn.rotation));
    drawn.carriers = std::move(rotated.carriers);
    drawn.largest_rounding = rotated.rounding.stored.largest;
    drawn.rms_rounding = rotated.rounding.stored.root_mean_square();
  }

  // Decodes the result, and lists the decisions that a decoder needs to be told.
  const std::vector<Carrier> stored = views(carriers.front().dtype, drawn.carriers);
  BBZ_ASSIGN(const Operand operand, Operand::open(plan.width, stored));
  ListingDecider listing(plan.column_exponents, plan.weights);
  const auto exponents = column_exponents(operand, listing);
  Matrix frame = weighted_sum(operand, exponents, rough_frame(operand, exponents, plan.seed),
                              plan.row_exponents, listing);
  if (!listing.ok() || !linalg::polarise(frame)) return no_frame(kTooFar);
  const auto parameters = parameters_of(frame);
  if (!parameters.ok()) return no_frame(kTooFar);

  Record record;
  record.seed = plan.seed;
  record.grid = plan.grid;
  record.width = plan.width;
  record.columns = operand.columns();
  record.payload_size = riders.size();
  record.payload_checksum = xxh3_64(riders);
  record.row_exponents = plan.row_exponents;
  record.listed = listing.take();
  record.corrections = corrections_for(plan.grid, *parameters, coordinates);
  const auto recovered = coordinates_from(plan.grid, *parameters, record.corrections);
  if (!recovered.ok() || *recovered != coordinates) return no_frame(kTooFar);
  drawn.record = encode_record(record);
  return drawn;
}

Result<std::vector<std::byte>> decode(std::uint64_t width, std::span<const Carrier> carriers,
                                      Bytes record_bytes) {
  BBZ_ASSIGN(const Operand operand, Operand::open(width, carriers));
  BBZ_ASSIGN(const Record record, decode_record(record_bytes, width, operand.columns()));
  BBZ_TRY(operand.require_finite());

  ListedDecider following(record.listed);
  const auto exponents = column_exponents(operand, following);
  Matrix frame = weighted_sum(operand, exponents, rough_frame(operand, exponents, record.seed),
                              record.row_exponents, following);
  if (!linalg::polarise(frame)) {
    return make_error(Code::kMalformed,
                      "bits-back: the carriers do not have full rank, so they fix no rotation");
  }
  return read_payload(record, frame);
}

}  // namespace bbz::bitsback
