#include "bbz/symmetry/bitsback/internal/rotation.h"

#include <algorithm>
#include <cmath>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"
#include "bbz/symmetry/bitsback/internal/frame.h"
#include "bbz/symmetry/linalg/inverse.h"

namespace bbz::bitsback {

namespace {

// Returns word k of the whitening, which keeps a payload with long runs from drawing an extreme
// rotation.
std::uint64_t whitening(std::uint8_t seed, std::uint64_t k) {
  return mix(mix(static_cast<std::uint64_t>(seed) + 257) + k);
}

// Returns word k of the payload, which zeros extend.
std::uint64_t payload_word(Bytes payload, std::uint64_t k) {
  if (8 * k >= payload.size()) return 0;
  std::uint64_t word = 0;
  std::memcpy(&word, payload.data() + 8 * k, std::min<std::size_t>(8, payload.size() - 8 * k));
  return word;
}

// Returns the grid coordinate of a parameter as a real number.
double position(const Grid& grid, double parameter) {
  return parameter / grid.step() + std::ldexp(0.5, grid.bits) - 0.5;
}

// Calls visit(q, i, j) for each degree of freedom in order.
template <class Visit>
void for_each_freedom(std::uint64_t width, Visit visit) {
  std::size_t q = 0;
  for (Eigen::Index i = 1; i < static_cast<Eigen::Index>(width); ++i) {
    for (Eigen::Index j = 0; j < i; ++j) visit(q++, i, j);
  }
}

}  // namespace

double Grid::step() const {
  return std::ldexp(static_cast<double>(scale), 1 - shift);
}

double Grid::value(std::uint32_t n) const {
  const std::int64_t odd = 2 * static_cast<std::int64_t>(n) + 1 - (std::int64_t{1} << bits);
  return std::ldexp(static_cast<double>(odd * scale), -shift);
}

bool valid(const Grid& grid) {
  return grid.bits >= 1 && grid.bits <= kMostBits && grid.scale >= kLeastScale &&
         grid.scale <= kMostScale && grid.shift >= 0 && grid.shift <= kMostShift &&
         grid.step() >= kLeastStep && std::ldexp(grid.step(), grid.bits - 1) <= kMostParameter;
}

Grid grid_covering(double range, int bits) {
  // range = scale 2^(bits - shift)
  int exponent = 0;
  const double fraction = std::frexp(range, &exponent);
  Grid grid;
  grid.bits = bits;
  grid.scale = std::min(static_cast<int>(std::ldexp(fraction, 8)), kMostScale);
  grid.shift = bits - exponent + 8;
  return grid;
}

std::vector<std::uint32_t> draw_coordinates(std::uint64_t width, int bits, std::uint8_t seed,
                                            Bytes payload) {
  std::vector<std::uint32_t> coordinates(degrees_of_freedom(width));
  const std::uint32_t mask = (1U << bits) - 1;
  std::uint64_t pool = 0;  // bits of the current word that are not taken yet
  int pooled = 0;
  std::uint64_t next = 0;
  for (std::uint32_t& coordinate : coordinates) {
    std::uint64_t taken = pool;
    if (pooled < bits) {
      const std::uint64_t word = payload_word(payload, next) ^ whitening(seed, next);
      ++next;
      taken |= word << pooled;
      pool = word >> (bits - pooled);
      pooled += 64 - bits;
    } else {
      pool >>= bits;
      pooled -= bits;
    }
    coordinate = static_cast<std::uint32_t>(taken) & mask;
  }
  return coordinates;
}

Result<std::vector<std::byte>> payload_of(std::span<const std::uint32_t> coordinates, int bits,
                                          std::uint8_t seed, std::uint64_t size) {
  const std::uint64_t all_bits = coordinates.size() * static_cast<std::uint64_t>(bits);
  std::vector<std::byte> bytes(divide_up(all_bits, 64) * 8);
  std::uint64_t pool = 0;  // bits that are not written yet
  int pooled = 0;
  std::uint64_t next = 0;
  for (const std::uint32_t coordinate : coordinates) {
    pool |= static_cast<std::uint64_t>(coordinate) << pooled;
    pooled += bits;
    if (pooled < 64) continue;
    store_le(bytes.data() + 8 * next, pool ^ whitening(seed, next));
    ++next;
    pooled -= 64;
    pool = static_cast<std::uint64_t>(coordinate) >> (bits - pooled);
  }
  if (pooled > 0) {
    const std::uint64_t mask = (std::uint64_t{1} << pooled) - 1;
    store_le(bytes.data() + 8 * next, (pool ^ whitening(seed, next)) & mask);
  }
  const auto after = bytes.begin() + static_cast<std::ptrdiff_t>(size);
  if (std::any_of(after, bytes.end(), [](std::byte b) { return b != std::byte{0}; })) {
    return make_error(Code::kMalformed,
                      "bits-back: the bytes after the {} bytes of payload are not zero", size);
  }
  bytes.resize(size);
  return bytes;
}

Result<Matrix> rotation_at(std::uint64_t width, const Grid& grid,
                           std::span<const std::uint32_t> coordinates) {
  Matrix skew = Matrix::Zero(static_cast<Eigen::Index>(width), static_cast<Eigen::Index>(width));
  for_each_freedom(width, [&](std::size_t q, Eigen::Index i, Eigen::Index j) {
    const double value = grid.value(coordinates[q]);
    skew(i, j) = value;
    skew(j, i) = -value;
  });
  Matrix rotation = linalg::cayley(skew);
  if (!rotation.allFinite()) {
    return make_error(Code::kInternal, "bits-back: the drawn rotation cannot be computed");
  }
  return rotation;
}

Result<Matrix> parameters_of(const Matrix& rotation) {
  Matrix parameters = linalg::cayley(rotation);
  if (!parameters.allFinite()) {
    return make_error(Code::kMalformed,
                      "bits-back: the frame of the carriers has no rotation parameters");
  }
  // Drops the symmetric part, which is noise.
  for (Eigen::Index i = 0; i < parameters.rows(); ++i) {
    for (Eigen::Index j = 0; j <= i; ++j) {
      const double skew = 0.5 * (parameters(i, j) - parameters(j, i));
      parameters(i, j) = skew;
      parameters(j, i) = -skew;
    }
  }
  return parameters;
}

std::vector<std::int32_t> corrections_for(const Grid& grid, const Matrix& parameters,
                                          std::span<const std::uint32_t> coordinates) {
  const double trusted = 0.5 - kGridMargin / grid.step();
  std::vector<std::int32_t> corrections(coordinates.size());
  const auto width = static_cast<std::uint64_t>(parameters.rows());
  for_each_freedom(width, [&](std::size_t q, Eigen::Index i, Eigen::Index j) {
    const double missing = coordinates[q] - position(grid, parameters(i, j));
    const double whole = std::clamp(std::nearbyint(missing), -0x1p29, 0x1p29);
    const double left = missing - whole;
    const int odd = std::abs(left) <= trusted ? 0 : left > 0 ? 1 : -1;
    corrections[q] = 2 * static_cast<std::int32_t>(whole) + odd;
  });
  return corrections;
}

Result<std::vector<std::uint32_t>> coordinates_from(const Grid& grid, const Matrix& parameters,
                                                    std::span<const std::int32_t> corrections) {
  // Allows half the encoder's margin, so that a machine with larger errors than rounding reports
  // them.
  const double trusted = 0.5 - 0.5 * kGridMargin / grid.step();
  const double most = std::ldexp(1.0, grid.bits) - 1;
  std::vector<std::uint32_t> coordinates(corrections.size());
  std::size_t bad = corrections.size();
  const auto width = static_cast<std::uint64_t>(parameters.rows());
  for_each_freedom(width, [&](std::size_t q, Eigen::Index i, Eigen::Index j) {
    const double corrected = position(grid, parameters(i, j)) + 0.5 * corrections[q];
    const double whole = std::nearbyint(corrected);
    if (!(std::abs(corrected - whole) <= trusted && whole >= 0 && whole <= most)) {
      bad = std::min(bad, q);
      return;
    }
    coordinates[q] = static_cast<std::uint32_t>(whole);
  });
  if (bad != corrections.size()) {
    return make_error(Code::kMalformed,
                      "bits-back: degree of freedom {} of {} is not on the grid of {} bits: the "
                      "carriers are not those of this record",
                      bad, corrections.size(), grid.bits);
  }
  return coordinates;
}

}  // namespace bbz::bitsback
