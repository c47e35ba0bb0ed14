// The polar gauge: a shortcut that is symmetric and derived, P = I - F F^T, from a small factor F.
//
// Decoding is exact arithmetic: the entries of F lie on a grid so coarse, and the rows of F are so
// short, that every sum of products is a number of float64 whatever the order of summation. One
// rounding to the shortcut's own type follows, so the bits are the same on every machine.
//
// Packing what was unpacked must find the same F again. An entry F(i, j) below a pivot can be read
// off P(i, pivot j) once the columns before j are known, if the steps of its grid are no finer than
// the last place of P allows; quantise() chooses them so. What P cannot show, it carries as marks:
// the pivots and F's diagonal are written into the last bits of P's upper triangle, which is
// otherwise a copy of the lower. See the chapter on symmetry in the specification.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/dtype.h"
#include "bbz/base/error.h"
#include "bbz/parallel/thread_pool.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::gauge {

// A shortcut of d1 x d2, d1 <= d2, that is [round(I - F F^T) 0] with F of d1 x r.
struct PolarForm {
  std::uint64_t rows = 0;
  std::uint64_t cols = 0;
  DType dtype{};                      // of the shortcut: F16, BF16 or F32
  std::vector<std::uint32_t> pivots;  // r different rows of F: row pivots[k] is zero after column k
  // The other entries of F, as factor_dtype(dtype): for k from 0 the k + 1 entries of row
  // pivots[k], then the r entries of every other row, in ascending order of rows.
  std::vector<std::byte> factor;

  std::uint64_t rank() const { return pivots.size(); }
  friend bool operator==(const PolarForm&, const PolarForm&) = default;
};

// The same, of a form that lives elsewhere.
struct PolarView {
  PolarView() = default;
  PolarView(const PolarForm& form)  // NOLINT: a form is passed wherever one is looked at
      : rows(form.rows),
        cols(form.cols),
        dtype(form.dtype),
        pivots(form.pivots),
        factor(form.factor) {}

  std::uint64_t rows = 0;
  std::uint64_t cols = 0;
  DType dtype{};
  std::span<const std::uint32_t> pivots;
  Bytes factor;

  std::uint64_t rank() const { return pivots.size(); }
};

// The widest shortcut that has a polar form: pivots are 16 bits wide.
inline constexpr std::uint64_t kMaxPolarRows = 65535;
// The largest one in bytes: a decoder holds it whole.
inline constexpr std::uint64_t kMaxPolarBytes = std::uint64_t{1} << 30;

// The type of F's entries: F32 for a shortcut of F32, F16 for F16 and BF16; nothing for others.
std::optional<DType> factor_dtype(DType shortcut);

// r d1 - r (r - 1) / 2. Preconditions: rank <= rows < 2^31.
std::uint64_t factor_count(std::uint64_t rows, std::uint64_t rank);

// Checks everything that decoding relies on, without allocating by it: types, widths, pivots, room
// for the marks, the size of the factor.
// Errors: kMalformed naming expected and found.
Status check_polar(const PolarView& form);

// The shortcut's bytes, rows * cols elements in `out`; on the pool's threads too, where there is
// one. Takes memory for F and some rows.
// Errors: those of check_polar(); kMalformed where an entry of F is not finite, is off its grid, or
// a row of F is longer than sqrt(2); kInvalidArgument where out has another size.
Status decode_polar(const PolarView& form, MutableBytes out, parallel::ThreadPool* pool = nullptr);

// The form of a shortcut that decode_polar() made, the same that it was made from; nothing for any
// other bytes. Precondition: `shortcut` has rows * cols elements.
std::optional<PolarForm> recover_polar(Bytes shortcut, DType dtype, std::uint64_t rows,
                                       std::uint64_t cols);

// The nearest form that recover_polar() finds again, for a factor (d1 x r) that is zero right of
// the k-th entry of row pivots[k], with a positive entry there.
// Errors: kUnsupported, with the reason, where there is none: no room for the marks, too small a
// pivot, too long a row. Precondition: dtype has a factor_dtype().
Result<PolarForm> quantise(const linalg::Matrix& factor, const std::vector<std::uint32_t>& pivots,
                           DType dtype, std::uint64_t cols);

}  // namespace bbz::gauge
