// Payload to rotation and back: the payload, whitened, is the coordinates of a skew matrix on a
// grid, and the rotation is its Cayley transform. Internal; format-spec/bits-back.md section 4.
#pragma once

#include <vector>

#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::bitsback {

using linalg::Matrix;

inline constexpr int kMostBits = 24;
inline constexpr int kLeastScale = 128;
inline constexpr int kMostScale = 255;
inline constexpr int kMostShift = 64;

// Half the width of the strip between two grid points in which the encoder does not trust a
// recovered parameter. The least step is eight times as wide.
inline constexpr double kGridMargin = 0x1p-27;
inline constexpr double kLeastStep = 0x1p-24;

// The most that a parameter may be in size.
inline constexpr double kMostParameter = 4;

// Every field in its range, a step that leaves room for the margin, parameters not too large.
bool valid(const Grid& grid);

// The finest grid of 2^bits values that covers about ±range.
Grid grid_covering(double range, int bits);

// Grid coordinates n, one for each degree of freedom, drawn from the payload and, past its end,
// from zeros. Precondition: 8 payload.size() <= capacity_bits(width, bits).
std::vector<std::uint32_t> draw_coordinates(std::uint64_t width, int bits, std::uint8_t seed,
                                            Bytes payload);

// The inverse of draw_coordinates() for a payload of `size` bytes.
// Errors: kMalformed where what follows the payload is not zero.
Result<std::vector<std::byte>> payload_of(std::span<const std::uint32_t> coordinates, int bits,
                                          std::uint8_t seed, std::uint64_t size);

// The rotation at grid coordinates: degree of freedom q is element (i, j), i > j, of the skew
// matrix, row after row. Errors: kInternal, since I + A is regular for every skew A.
Result<Matrix> rotation_at(std::uint64_t width, const Grid& grid,
                           std::span<const std::uint32_t> coordinates);

// The skew parameters of a recovered rotation. Errors: kMalformed for the eigenvalue -1.
Result<Matrix> parameters_of(const Matrix& rotation);

// What takes recovered parameters to the grid coordinates: a count of half steps for each degree of
// freedom. Even, unless the parameter then came close to halfway between two grid points.
std::vector<std::int32_t> corrections_for(const Grid& grid, const Matrix& parameters,
                                          std::span<const std::uint32_t> coordinates);

// The inverse: parameters and corrections to coordinates.
// Errors: kMalformed where a parameter, corrected, is off the grid or halfway between two points.
Result<std::vector<std::uint32_t>> coordinates_from(const Grid& grid, const Matrix& parameters,
                                                    std::span<const std::int32_t> corrections);

}  // namespace bbz::bitsback
