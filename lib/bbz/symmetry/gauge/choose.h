// Chooses the gauge of a junction: the rotation, and the form of the matrix that fixes it.
#pragma once

#include <optional>
#include <string>

#include "bbz/symmetry/gauge/internal/deviation.h"
#include "bbz/symmetry/gauge/polar.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::gauge {

// The gauge of a junction: how the shortcut that enters it looks. Not a part of the format, whose
// groups have a catalog::GroupMethod.
enum class Gauge : std::uint8_t {
  kTriangular,  // lower triangular, with a non-negative diagonal
  kPolar,       // I - F F^T, rounded
};

// Returns "triangular" or "polar".
std::string_view gauge_name(Gauge gauge);

// The chosen gauge.
struct Choice {
  Gauge gauge = Gauge::kTriangular;
  // U, of the junction's width, or nothing if it is the identity and no tensor changes.
  std::optional<linalg::Matrix> u;
  std::vector<std::byte> stored;   // S U as decoding gives it: all rows, in the tensor's type
  std::optional<PolarForm> polar;  // if the gauge is kPolar
  Deviation deviation;             // of `stored` from S U
  std::string note;                // why polar was asked for but is not possible
};

// Fixes the gauge of the junction that `s` (m x d, double, exact) enters: S U is lower triangular
// with a non-negative diagonal or, if `polar` is set and possible, [round(I - F F^T) 0].
//
// `bytes` are the tensor's stored bytes if `s` is exactly their value, else nothing. Bytes that
// came from either gauge are recognised and kept with U = I, so that packing an unpacked model
// changes nothing. Polar is not possible if an entry would differ from S U by more than
// polar_tolerance(). If the choice is triangular, packing its result again chooses triangular
// again.
//
// Errors: kUnsupported if an entry overflows the type.
// Preconditions: s is finite; dtype is a float type.
Result<Choice> choose(const linalg::Matrix& s, std::optional<Bytes> bytes, DType dtype, bool polar);

}  // namespace bbz::gauge
