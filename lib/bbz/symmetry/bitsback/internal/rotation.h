// Converts a payload to a rotation and back: the whitened payload gives the grid coordinates of a
// skew matrix, whose Cayley transform is the rotation. See section 4 of format-spec/bits-back.md.
#pragma once

#include <vector>

#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::bitsback {

using linalg::Matrix;

// The ranges of the fields of a Grid.
inline constexpr int kMostBits = 24;
inline constexpr int kLeastScale = 128;
inline constexpr int kMostScale = 255;
inline constexpr int kMostShift = 64;

// Half the width of the strip halfway between two grid points in which the encoder does not trust a
// recovered parameter. The least step is eight times that.
inline constexpr double kGridMargin = 0x1p-27;
inline constexpr double kLeastStep = 0x1p-24;

// The largest size of a parameter.
inline constexpr double kMostParameter = 4;

// Returns whether every field is in its range, the step is at least kLeastStep, and parameters are
// at most kMostParameter in size.
bool valid(const Grid& grid);

// Returns the finest grid of 2^bits values that covers about ±range. It may not be valid().
Grid grid_covering(double range, int bits);

// Draws grid coordinates, one for each degree of freedom, from the whitened payload, which zeros
// extend.
// Precondition: 8 payload.size() <= capacity_bits(width, bits).
std::vector<std::uint32_t> draw_coordinates(std::uint64_t width, int bits, std::uint8_t seed,
                                            Bytes payload);

// Inverts draw_coordinates() for a payload of `size` bytes. Errors: kMalformed if bits after the
// payload are not zero.
Result<std::vector<std::byte>> payload_of(std::span<const std::uint32_t> coordinates, int bits,
                                          std::uint8_t seed, std::uint64_t size);

// Returns the rotation at grid coordinates. Degree of freedom q is element (i, j), i > j, of the
// skew matrix A, row after row. Errors: kInternal if I + A is singular, which cannot happen for a
// skew A.
Result<Matrix> rotation_at(std::uint64_t width, const Grid& grid,
                           std::span<const std::uint32_t> coordinates);

// Returns the skew parameters of a recovered rotation. Errors: kMalformed if it has the eigenvalue
// -1.
Result<Matrix> parameters_of(const Matrix& rotation);

// Returns the corrections that take recovered parameters to the grid coordinates, in half steps,
// one for each degree of freedom. A correction is odd only if the parameter would otherwise be
// close to halfway between two grid points.
std::vector<std::int32_t> corrections_for(const Grid& grid, const Matrix& parameters,
                                          std::span<const std::uint32_t> coordinates);

// Returns the coordinates of parameters with corrections. Errors: kMalformed if a corrected
// parameter is off the grid or close to halfway between two points.
Result<std::vector<std::uint32_t>> coordinates_from(const Grid& grid, const Matrix& parameters,
                                                    std::span<const std::int32_t> corrections);

}  // namespace bbz::bitsback
