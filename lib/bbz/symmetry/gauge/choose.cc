#include "bbz/symmetry/gauge/choose.h"

#include <cmath>

#include "bbz/base/format.h"
#include "bbz/symmetry/gauge/internal/polar_factor.h"
#include "bbz/symmetry/gauge/lower.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/factor.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::gauge {
namespace {

using linalg::Matrix;

std::size_t bytes_of(const Matrix& m, DType dtype) {
  return static_cast<std::size_t>(m.size()) * dtype_info(dtype).bits / 8;
}

// Returns S U, to be compared with what is derived from a factor: for a type of 16 bits, its rounding
// is thousands of times that of float.
Matrix rotated(const Matrix& s, const Matrix& u, DType dtype) {
  if (element_bytes(dtype) > 2) return linalg::product(s, u);
  linalg::FloatMatrix out(s.rows(), u.cols());
  linalg::multiply(linalg::FloatMatrix(s.cast<float>()), linalg::Op::kPlain,
                   linalg::FloatMatrix(u.cast<float>()), linalg::Op::kPlain, out);
  return out.cast<double>();
}

// Chooses polar, with U from the matrix itself. Errors, with the reason why that is not possible:
// kUnsupported; kInternal if a decomposition does not converge.
Result<Choice> choose_polar(const Matrix& s, DType dtype) {
  if (!factor_dtype(dtype)) {
    return make_error(Code::kUnsupported, "expected F16, BF16 or F32, found {}",
                      dtype_info(dtype).name);
  }
  if (bytes_of(s, dtype) > kMaxPolarBytes) {
    return make_error(Code::kUnsupported, "expected at most {} bytes to derive, found {}",
                      kMaxPolarBytes, bytes_of(s, dtype));
  }
  BBZ_ASSIGN(PolarFactor exact, polar_factor(s, dtype));
  BBZ_ASSIGN(PolarForm form,
             quantise(exact.factor, exact.pivots, dtype, static_cast<std::uint64_t>(s.cols())));
  Choice choice;
  choice.gauge = Gauge::kPolar;
  choice.u = std::move(exact.u);
  choice.stored.resize(bytes_of(s, dtype));
  BBZ_TRY(decode_polar(form, choice.stored));
  const Matrix derived = linalg::load_matrix(choice.stored, dtype, s.rows(), s.cols());
  choice.deviation.add(rotated(s, *choice.u, dtype), derived);
  if (!(choice.deviation.largest <= polar_tolerance(dtype))) {
    return make_error(Code::kUnsupported,
                      "expected I - F F^T within {:.3g} of the rotated shortcut, found {:.3g}",
                      polar_tolerance(dtype), choice.deviation.largest);
  }
  choice.polar = recover_polar(choice.stored, dtype, form.rows, form.cols);
  if (!choice.polar) {
    return make_error(Code::kUnsupported,
                      "found a factor that cannot be read back from the rotated shortcut");
  }
  return choice;
}

}  // namespace

std::string_view gauge_name(Gauge gauge) {
  return gauge == Gauge::kPolar ? "polar" : "triangular";
}

Result<Choice> choose(const Matrix& s, std::optional<Bytes> bytes, DType dtype, bool polar) {
  const auto rows = static_cast<std::uint64_t>(s.rows());
  const auto cols = static_cast<std::uint64_t>(s.cols());
  Choice choice;
  if (polar) {
    if (bytes) {
      choice.polar = recover_polar(*bytes, dtype, rows, cols);
      if (choice.polar) {
        choice.gauge = Gauge::kPolar;
        choice.stored.assign(bytes->begin(), bytes->end());
        choice.deviation.add(s, s);
        return choice;
      }
    }
    Result<Choice> found = choose_polar(s, dtype);
    if (found.ok()) return found;
    choice.note = found.error().message;
  }
  if (bytes && is_lower(*bytes, dtype, rows, cols)) {
    choice.stored.assign(bytes->begin(), bytes->end());
    choice.deviation.add(s, s);
    return choice;
  }
  linalg::Lq lq = linalg::lq(s);
  choice.u = lq.q.transpose();
  choice.stored.resize(bytes_of(s, dtype));
  linalg::store_matrix(lq.l, dtype, choice.stored);
  const Matrix rounded = linalg::load_matrix(choice.stored, dtype, s.rows(), s.cols());
  if (!rounded.allFinite()) {
    return make_error(Code::kUnsupported, "an entry of the rotated matrix overflows {}",
                      dtype_info(dtype).name);
  }
  choice.deviation.add(lq.l, rounded);
  if (polar) {
    // Tries polar for the rounded triangle: at the edge of the tolerance, it may be possible
    // although it is not for s. Packing the triangle again would choose it.
    Result<Choice> found = choose_polar(rounded, dtype);
    if (found.ok()) {
      found->u = linalg::product(*choice.u, *found->u);
      found->deviation = {};
      found->deviation.add(rotated(s, *found->u, dtype),
                           linalg::load_matrix(found->stored, dtype, s.rows(), s.cols()));
      return found;
    }
  }
  return choice;
}

}  // namespace bbz::gauge
