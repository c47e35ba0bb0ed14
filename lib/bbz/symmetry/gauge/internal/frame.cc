#include "bbz/symmetry/gauge/internal/frame.h"

#include <bit>
#include <cmath>

#include "bbz/base/format.h"
#include "bbz/symmetry/linalg/convert.h"

namespace bbz::gauge {
namespace {

using linalg::Index;
using linalg::Matrix;

}  // namespace

std::vector<std::uint64_t> pivot_columns(std::uint64_t rows,
                                         std::span<const std::uint32_t> pivots) {
  std::vector<std::uint64_t> columns(rows, kNoPivot);
  for (std::size_t k = 0; k < pivots.size(); ++k) columns[pivots[k]] = k;
  return columns;
}

Matrix unpack_factor(const PolarView& form) {
  const DType dtype = *factor_dtype(form.dtype);
  const std::size_t size = element_bytes(dtype);
  Matrix factor =
      Matrix::Zero(static_cast<Index>(form.rows), static_cast<Index>(form.pivots.size()));
  Bytes rest = form.factor;
  in_packed_order(form.rows, form.pivots, [&](std::uint64_t i, std::size_t length) {
    linalg::load(rest.first(length * size), dtype,
                 {factor.row(static_cast<Index>(i)).data(), length});
    rest = rest.subspan(length * size);
  });
  return factor;
}

std::vector<std::byte> pack_factor(const Matrix& factor, std::span<const std::uint32_t> pivots,
                                   DType dtype) {
  const std::size_t size = element_bytes(dtype);
  const auto rows = static_cast<std::uint64_t>(factor.rows());
  std::vector<std::byte> packed(factor_count(rows, pivots.size()) * size);
  MutableBytes rest = packed;
  in_packed_order(rows, pivots, [&](std::uint64_t i, std::size_t length) {
    linalg::store({factor.row(static_cast<Index>(i)).data(), length}, dtype,
                  rest.first(length * size));
    rest = rest.subspan(length * size);
  });
  return packed;
}

double factor_grid(DType factor) {
  return factor == DType::kF16 ? 0x1p-15 : 0x1p-25;
}

Status check_factor(const Matrix& factor, DType dtype) {
  const double scale = 1.0 / factor_grid(dtype);
  for (Index i = 0; i < factor.rows(); ++i) {
    for (Index k = 0; k < factor.cols(); ++k) {
      const double units = factor(i, k) * scale;
      if (!(std::abs(factor(i, k)) <= 2.0) || units != std::nearbyint(units)) {
        return make_error(Code::kMalformed,
                          "polar factor row {} column {}: expected a multiple of {} no larger "
                          "than 2, found {}",
                          i, k, factor_grid(dtype), factor(i, k));
      }
    }
    if (const double length = factor.row(i).squaredNorm(); !(length <= 2.0)) {
      return make_error(Code::kMalformed,
                        "polar factor row {}: expected squares that sum to at most 2, found {}", i,
                        length);
    }
  }
  return {};
}

double snap(double value, double step, DType factor) {
  const double least = std::max({step, factor_grid(factor), linalg::ulp(factor, value)});
  return std::nearbyint(value / least) * least;
}

double visible_step(double p, double pivot, DType dtype) {
  // The quotient is x 2^e with x in [1/2, 1). Close to 1, x leaves no margin for the rounding of the
  // division. The quotient is a normal double: an ulp is at least 2^-149, and a pivot at most 2.
  constexpr std::uint64_t kMantissa = (std::uint64_t{1} << 52) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(linalg::ulp(dtype, p) / pivot);
  const double doubled = std::bit_cast<double>((bits & kMantissa) | std::uint64_t{1023} << 52);
  const std::uint64_t up = doubled > 2.0 * (1.0 - 0x1p-8) ? 2 : 1;
  return std::bit_cast<double>(((bits >> 52) + up) << 52);
}

double visible_entry(double p, double inner, double pivot, DType dtype, DType factor) {
  return snap((-p - inner) / pivot, visible_step(p, pivot, dtype), factor);
}

std::uint64_t mark_bits(std::uint64_t rank, DType factor) {
  return rank == 0 ? 0 : 16 + rank * (16 + static_cast<std::uint64_t>(dtype_info(factor).bits));
}

}  // namespace bbz::gauge
