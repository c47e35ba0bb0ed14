// The polar gauge: a symmetric shortcut, P = I - F F^T, that is derived from a small factor F.
//
// Decoding is exact arithmetic: the entries of F lie on a grid so coarse, and the rows of F are so
// short, that float64 represents every sum of products exactly, whatever the order of summation.
// One rounding to the shortcut's own type follows, so the bits are the same on every machine.
//
// Packing an unpacked model must find the same F again. Once the columns before j are known, an
// entry F(i, j) below a pivot can be read from P(i, pivot j), if the steps of its grid are no finer
// than the last place of P allows; quantise() chooses such steps. P cannot show the pivots and the
// entries of F there. They are written as marks into the last bits of P's upper triangle, which is
// otherwise a copy of the lower one. See format-spec/symmetry.md.
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
  std::vector<std::uint32_t> pivots;  // r distinct rows of F; row pivots[k] is zero after column k
  // The other entries of F, as factor_dtype(dtype): for k from 0 the k + 1 entries of row
  // pivots[k], then the r entries of every other row, in ascending order of rows.
  std::vector<std::byte> factor;

  // Returns r, the number of columns of F.
  std::uint64_t rank() const { return pivots.size(); }
  friend bool operator==(const PolarForm&, const PolarForm&) = default;
};

// A view of a PolarForm that somebody else owns.
struct PolarView {
  PolarView() = default;
  PolarView(const PolarForm& form)  // NOLINT: implicit, so that a form can be passed as a view
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

  // Returns r, the number of columns of F.
  std::uint64_t rank() const { return pivots.size(); }
};

// The most rows of a shortcut with a polar form: pivots have 16 bits.
inline constexpr std::uint64_t kMaxPolarRows = 65535;
// The most bytes of a shortcut with a polar form: a decoder holds it in memory.
inline constexpr std::uint64_t kMaxPolarBytes = std::uint64_t{1} << 30;

// Returns the dtype of F's entries: F32 for a shortcut of F32, F16 for F16 and BF16, nothing for
// others.
std::optional<DType> factor_dtype(DType shortcut);

// Returns the number of entries of F that are stored, r d1 - r (r - 1) / 2. Preconditions: rank <=
// rows < 2^31.
std::uint64_t factor_count(std::uint64_t rows, std::uint64_t rank);

// Checks what decoding relies on: dtype, shape, pivots, space for the marks, the size of the
// factor. Allocates one bit for each row. Errors: kMalformed, naming expected and found.
Status check_polar(const PolarView& form);

// Decodes the shortcut into `out`, which has rows * cols elements. Uses the threads of `pool` too,
// if it is not null. Takes memory for F and some rows.
// Errors: those of check_polar(); kMalformed if an entry of F is not finite or is off its grid, or
// a row of F is longer than sqrt(2); kInvalidArgument if `out` has another size.
Status decode_polar(const PolarView& form, MutableBytes out, parallel::ThreadPool* pool = nullptr);

// Recovers the form of a shortcut that decode_polar() made: the form that it was made from. Returns
// nothing for any other bytes. Precondition: `shortcut` has rows * cols elements.
std::optional<PolarForm> recover_polar(Bytes shortcut, DType dtype, std::uint64_t rows,
                                       std::uint64_t cols);

// Rounds a factor (d1 x r) to a form that recover_polar() finds again. Row pivots[k] of the factor
// is zero after column k, with a positive entry there.
// Errors: kUnsupported, with the reason, if there is no such form: no space for the marks, a pivot
// that is too small, a row that is too long. Precondition: dtype has a factor_dtype().
Result<PolarForm> quantise(const linalg::Matrix& factor, const std::vector<std::uint32_t>& pivots,
                           DType dtype, std::uint64_t cols);

}  // namespace bbz::gauge
