#include "bbz/symmetry/gauge/polar.h"

#include <cmath>
#include <cstring>

#include "bbz/base/format.h"
#include "bbz/symmetry/gauge/internal/frame.h"
#include "bbz/symmetry/gauge/internal/shortcut.h"
#include "bbz/symmetry/linalg/convert.h"

namespace bbz::gauge {
namespace {

using linalg::Index;
using linalg::Matrix;

constexpr double kLeastPivot = 0x1p-20;

// Reads the marks of a shortcut: read() sets the pivots and, in a new matrix, F's entries there. It
// returns false if the upper triangle is not a marked copy of the lower, or the marks are invalid.
class MarkReader {
 public:
  MarkReader(Bytes shortcut, std::uint64_t rows, std::uint64_t cols, DType dtype)
      : shortcut_(shortcut),
        dtype_(dtype),
        rows_(rows),
        places_(rows, cols, element_bytes(dtype)) {}

  bool read(Matrix& factor, std::vector<std::uint32_t>& pivots) {
    const DType dtype = *factor_dtype(dtype_);
    const std::uint64_t room = rows_ * (rows_ - 1) / 2;
    const std::uint32_t rank = room >= 16 ? field(16) : 0;
    if (!ok_ || rank > rows_ || mark_bits(rank, dtype) > room) return false;
    factor = Matrix::Zero(static_cast<Index>(rows_), rank);
    std::vector<bool> seen(rows_);
    for (std::uint32_t k = 0; k < rank; ++k) {
      const std::uint32_t pivot = field(16);
      const std::uint32_t bits = field(dtype_info(dtype).bits);
      if (!ok_ || pivot >= rows_ || seen[pivot]) return false;
      seen[pivot] = true;
      pivots.push_back(pivot);
      linalg::load(std::as_bytes(std::span(&bits, 1)).first(element_bytes(dtype)), dtype,
                   {&factor(pivot, k), 1});
      if (!(factor(pivot, k) > 0 && factor(pivot, k) <= 2)) return false;
    }
    while (ok_ && !places_.done()) ok_ = difference() == 0;
    return ok_;
  }

 private:
  // Returns the bits in which the next entry of the upper triangle differs from its mirror image.
  std::uint32_t difference() {
    const UpperTriangle::Place place = places_.next();
    std::uint32_t upper = 0, lower = 0;
    std::memcpy(&upper, shortcut_.data() + place.upper, element_bytes(dtype_));
    std::memcpy(&lower, shortcut_.data() + place.lower, element_bytes(dtype_));
    return upper ^ lower;
  }

  std::uint32_t field(int bits) {
    std::uint32_t value = 0;
    for (int b = 0; ok_ && b < bits; ++b) {
      const std::uint32_t mark = difference();
      ok_ = mark <= 1;
      value |= mark << b;
    }
    return value;
  }

  Bytes shortcut_;
  DType dtype_;
  std::uint64_t rows_;
  UpperTriangle places_;
  bool ok_ = true;
};

// Returns an entry near `target` that is found again from the rounded shortcut, or NaN. Tries
// coarser and coarser steps.
double findable_entry(double target, double inner, double pivot, DType dtype, DType factor) {
  const auto shown = [&](double g) { return linalg::round_to(dtype, -(inner + g * pivot)); };
  double step = visible_step(shown(snap(target, 0.0, factor)), pivot, dtype);
  for (int attempt = 0; attempt < 64; ++attempt) {
    const double g = snap(target, step, factor);
    if (visible_entry(shown(g), inner, pivot, dtype, factor) == g) return g;
    step *= 2;
  }
  return std::nan("");
}

}  // namespace

std::optional<DType> factor_dtype(DType shortcut) {
  switch (shortcut) {
    case DType::kF16:
    case DType::kBF16:
      return DType::kF16;
    case DType::kF32:
      return DType::kF32;
    default:
      return std::nullopt;
  }
}

std::uint64_t factor_count(std::uint64_t rows, std::uint64_t rank) {
  return rank * rows - rank * (rank - 1) / 2;
}

Status check_polar(const PolarView& form) {
  const std::optional<DType> dtype = factor_dtype(form.dtype);
  if (!dtype) {
    return make_error(Code::kMalformed,
                      "polar form: expected a shortcut of F16, BF16 or F32, found type {}",
                      static_cast<int>(form.dtype));
  }
  const std::uint64_t rank = form.rank();
  if (form.rows == 0 || form.rows > kMaxPolarRows || form.cols < form.rows || rank > form.rows) {
    return make_error(Code::kMalformed,
                      "polar form: expected rank <= rows <= cols and 1 to {} rows, found rank {} "
                      "of {} x {}",
                      kMaxPolarRows, rank, form.rows, form.cols);
  }
  if (mark_bits(rank, *dtype) > form.rows * (form.rows - 1) / 2) {
    return make_error(Code::kMalformed, "polar form: expected room for {} marks, found {} rows",
                      mark_bits(rank, *dtype), form.rows);
  }
  std::vector<bool> seen(form.rows);
  for (const std::uint32_t pivot : form.pivots) {
    if (pivot >= form.rows || seen[pivot]) {
      return make_error(Code::kMalformed,
                        "polar form: expected different pivots below {}, found {}{}", form.rows,
                        pivot, pivot < form.rows ? " twice" : "");
    }
    seen[pivot] = true;
  }
  const std::uint64_t expected = factor_count(form.rows, rank) * element_bytes(*dtype);
  if (form.factor.size() != expected) {
    return make_error(Code::kMalformed, "polar form: expected a factor of {} bytes, found {}",
                      expected, form.factor.size());
  }
  return {};
}

Status decode_polar(const PolarView& form, MutableBytes out, parallel::ThreadPool* pool) {
  BBZ_TRY(check_polar(form));
  if (out.size() / form.rows / element_bytes(form.dtype) != form.cols ||
      out.size() != form.rows * form.cols * element_bytes(form.dtype)) {
    return make_error(Code::kInvalidArgument,
                      "polar form of {} x {}: a buffer of {} bytes does not fit", form.rows,
                      form.cols, out.size());
  }
  return write_shortcut(form, pool, out);
}

std::optional<PolarForm> recover_polar(Bytes shortcut, DType dtype, std::uint64_t rows,
                                       std::uint64_t cols) {
  const std::optional<DType> inner_type = factor_dtype(dtype);
  if (!inner_type || rows == 0 || rows > kMaxPolarRows || cols < rows) return std::nullopt;
  Matrix factor;
  PolarForm form{rows, cols, dtype, {}, {}};
  if (!MarkReader(shortcut, rows, cols, dtype).read(factor, form.pivots)) return std::nullopt;
  const auto shown = [&](std::uint64_t i, std::uint64_t j) {
    const std::size_t size = element_bytes(dtype);
    double p = 0;
    linalg::load(shortcut.subspan((std::max(i, j) * cols + std::min(i, j)) * size, size), dtype,
                 {&p, 1});
    return p;
  };
  const bool filled =
      fill_columns(factor, form.pivots, pivot_columns(rows, form.pivots),
                   [&](Index i, std::size_t j, double inner, double pivot, double& entry) {
                     const double p = shown(static_cast<std::uint64_t>(i), form.pivots[j]);
                     if (!std::isfinite(p)) return false;
                     entry = visible_entry(p, inner, pivot, dtype, *inner_type);
                     return std::abs(entry) <= 2.0;
                   });
  if (!filled || !check_factor(factor, *inner_type).ok()) return std::nullopt;
  form.factor = pack_factor(factor, form.pivots, *inner_type);
  std::vector<std::byte> again(shortcut.size());
  if (!write_shortcut(form, nullptr, again).ok() || !std::ranges::equal(again, shortcut)) {
    return std::nullopt;
  }
  return form;
}

Result<PolarForm> quantise(const Matrix& factor, const std::vector<std::uint32_t>& pivots,
                           DType dtype, std::uint64_t cols) {
  const DType factor_type = *factor_dtype(dtype);
  const auto rows = static_cast<std::uint64_t>(factor.rows());
  const std::uint64_t needed = mark_bits(pivots.size(), factor_type);
  if (rows > kMaxPolarRows || needed > rows * (rows - 1) / 2) {
    return make_error(Code::kUnsupported,
                      "expected room for {} marks in a shortcut of at most {} rows, found {} rows",
                      needed, kMaxPolarRows, rows);
  }
  Matrix grid = Matrix::Zero(factor.rows(), factor.cols());
  for (std::size_t k = 0; k < pivots.size(); ++k) {
    const double pivot = snap(factor(pivots[k], static_cast<Index>(k)), 0.0, factor_type);
    if (!(pivot >= kLeastPivot)) {
      return make_error(Code::kUnsupported, "expected pivots of at least {}, found {} in column {}",
                        kLeastPivot, pivot, k);
    }
    grid(pivots[k], static_cast<Index>(k)) = pivot;
  }
  const bool filled = fill_columns(
      grid, pivots, pivot_columns(rows, pivots),
      [&](Index i, std::size_t j, double inner, double pivot, double& entry) {
        entry = findable_entry(factor(i, static_cast<Index>(j)), inner, pivot, dtype, factor_type);
        return !std::isnan(entry);
      });
  if (!filled) {
    return make_error(Code::kUnsupported,
                      "found an entry that cannot be read back from the shortcut");
  }
  if (const Status checked = check_factor(grid, factor_type); !checked.ok()) {
    return error_with_message(Code::kUnsupported, checked.error().message);
  }
  return PolarForm{rows, cols, dtype, pivots, pack_factor(grid, pivots, factor_type)};
}

}  // namespace bbz::gauge
