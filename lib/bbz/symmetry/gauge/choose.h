// The choice of gauge at one junction: which rotation, and how the matrix that fixes it is stored.
#pragma once

#include <optional>
#include <string>

#include "bbz/symmetry/gauge/internal/deviation.h"
#include "bbz/symmetry/gauge/polar.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::gauge {

// How a gauge is fixed. These numbers are the program's own; those of the format are
// symmetry::kMethod*.
enum class Method : std::uint8_t {
  kTriangular = 1,
  kPolar = 2,
};

// "triangular", "polar".
std::string_view method_name(Method method);

struct Choice {
  Method method = Method::kTriangular;
  // U, of the junction's width; nothing where it is the identity and every tensor stays as it is.
  std::optional<linalg::Matrix> u;
  std::vector<std::byte> stored;   // S U as decoding gives it: all rows, in the tensor's type
  std::optional<PolarForm> polar;  // where method is kPolar
  Deviation deviation;             // of `stored` from S U
  std::string note;                // where polar was wanted and is not had: why
};

// Fixes the gauge of the junction that `s` (m x d, double, exact) enters: S U is lower triangular
// with a non-negative diagonal, or, where `polar` is wanted and possible, [round(I - F F^T) 0].
//
// `bytes`: the tensor's stored bytes where s is exactly what they hold, else nothing. Bytes that
// either gauge has made before are recognised and kept, U = I, so that packing what was unpacked
// changes nothing. A polar form is given up where an entry would differ from S U by more than
// polar_tolerance(); whatever leads to triangular does so again when its result is packed.
//
// Errors: kUnsupported if an entry overflows the type.
// Preconditions: s is finite; dtype is a float type.
Result<Choice> choose(const linalg::Matrix& s, std::optional<Bytes> bytes, DType dtype, bool polar);

}  // namespace bbz::gauge
