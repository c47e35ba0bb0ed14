// The arithmetic of the polar form that decoding, recovering and quantising share.
#pragma once

#include <algorithm>
#include <atomic>
#include <optional>

#include "bbz/parallel/for_each.h"
#include "bbz/symmetry/gauge/polar.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::gauge {

// The column of a row that is no pivot.
inline constexpr std::uint64_t kNoPivot = ~std::uint64_t{0};

// Returns for each row the column whose pivot it is, or kNoPivot. Precondition: the pivots are
// valid.
std::vector<std::uint64_t> pivot_columns(std::uint64_t rows, std::span<const std::uint32_t> pivots);

// Calls visit(i, length) for every row of F in the order in which rows are packed.
template <class Visit>
void in_packed_order(std::uint64_t rows, std::span<const std::uint32_t> pivots,
                     const Visit& visit) {
  for (std::size_t k = 0; k < pivots.size(); ++k) visit(pivots[k], k + 1);
  const std::vector<std::uint64_t> columns = pivot_columns(rows, pivots);
  for (std::uint64_t i = 0; i < rows; ++i) {
    if (columns[i] == kNoPivot) visit(i, pivots.size());
  }
}

// Unpacks F from its packed entries. Precondition: check_polar() succeeds for the form.
linalg::Matrix unpack_factor(const PolarView& form);
// Packs the entries of F in the type `dtype`. Precondition: the pivots are valid.
std::vector<std::byte> pack_factor(const linalg::Matrix& factor,
                                   std::span<const std::uint32_t> pivots, DType dtype);

// Returns the smallest step of F's entries, a power of two: products are multiples of its square.
double factor_grid(DType factor);

// Checks the entries of F. Errors: kMalformed if an entry is not finite or is off the grid, or if a
// row is longer than sqrt(2).
Status check_factor(const linalg::Matrix& factor, DType dtype);

// Returns `value` rounded to a multiple of the largest of: `step`, factor_grid(), the last place of
// `value` in the factor's type. Precondition: step is a power of two.
double snap(double value, double step, DType factor);

// Returns the step of F(i, j) that an entry `p` of a shortcut of type `dtype` can show under a
// pivot: the smallest power of two that is safely more than the last place of p divided by the
// pivot.
double visible_step(double p, double pivot, DType dtype);

// Returns F(i, j) as p = P(i, pivot j) shows it. `inner` is the exact sum over k < j of
// F(i, k) F(pivot j, k).
double visible_entry(double p, double inner, double pivot, DType dtype, DType factor);

// Fills F, panel by panel of its columns. entry(i, j, inner, pivot, out) sets `out` to F(i, j) for
// every row i that is not the pivot of a column up to j, or returns false to stop; fill_columns()
// then returns false. Calls it from several threads. The entries factor(pivots[j], j) must be set
// before. Sums are matrix products of panels: they are exact, so that their order does not matter.
template <class Entry>
bool fill_columns(linalg::Matrix& factor, const std::vector<std::uint32_t>& pivots,
                  const std::vector<std::uint64_t>& columns, const Entry& entry) {
  using linalg::Index;
  constexpr std::size_t kPanel = 64, kRows = 32, kForThreads = std::size_t{1} << 18;
  const auto count = static_cast<std::size_t>(factor.rows());
  std::optional<parallel::ThreadPool> pool;
  if (count * pivots.size() >= kForThreads) pool.emplace(linalg::threads());
  linalg::Matrix rows, inner;
  for (std::size_t begin = 0; begin < pivots.size(); begin += kPanel) {
    const std::size_t end = std::min(begin + kPanel, pivots.size());
    rows.resize(end - begin, begin);
    for (std::size_t j = begin; j < end; ++j) {
      rows.row(j - begin) = factor.row(pivots[j]).head(begin);
    }
    inner.resize(factor.rows(), end - begin);
    linalg::multiply(factor.leftCols(begin), linalg::Op::kPlain, rows, linalg::Op::kTransposed,
                     inner);
    const auto fill = [&](std::size_t i, std::size_t j) {
      const double* const own = &factor(static_cast<Index>(i), 0);
      const double* const other = &factor(pivots[j], 0);
      double sum = inner(static_cast<Index>(i), static_cast<Index>(j - begin));
      for (std::size_t k = begin; k < j; ++k) sum += own[k] * other[k];
      return entry(static_cast<Index>(i), j, sum, other[j],
                   factor(static_cast<Index>(i), static_cast<Index>(j)));
    };
    // The rows of this panel's pivots come first: the others need them.
    for (std::size_t j = begin; j < end; ++j) {
      for (std::size_t k = j + 1; k < end; ++k) {
        if (!fill(pivots[k], j)) return false;
      }
    }
    std::atomic<bool> filled = true;
    const auto fill_rows = [&](std::size_t part) {
      for (std::size_t i = part * kRows; filled && i < std::min((part + 1) * kRows, count); ++i) {
        if (columns[i] < end) continue;
        for (std::size_t j = begin; j < end; ++j) {
          if (fill(i, j)) continue;
          filled = false;
          return;
        }
      }
    };
    parallel::for_each_index(pool ? &*pool : nullptr, (count + kRows - 1) / kRows, fill_rows);
    if (!filled) return false;
  }
  return true;
}

// Returns the number of marks that a form of this rank needs, in bits. For rank 0 it is 0.
std::uint64_t mark_bits(std::uint64_t rank, DType factor);

}  // namespace bbz::gauge
