// The arithmetic of the polar form that decoding, recovering and quantising share. Internal.
#pragma once

#include <algorithm>

#include "bbz/symmetry/gauge/polar.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::gauge {

inline constexpr std::uint64_t kNoPivot = ~std::uint64_t{0};

// For each row the column whose pivot it is, or kNoPivot. Precondition: pivots are valid.
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

// F from its packed entries and back. Preconditions: check_polar() holds for the form.
linalg::Matrix unpack_factor(const PolarView& form);
std::vector<std::byte> pack_factor(const linalg::Matrix& factor,
                                   std::span<const std::uint32_t> pivots, DType dtype);

// The smallest step of F's entries, a power of two: products are multiples of its square.
double factor_grid(DType factor);

// Errors: kMalformed where an entry is not finite, off the grid, or a row longer than sqrt(2).
Status check_factor(const linalg::Matrix& factor, DType dtype);

// value rounded to a multiple of the largest of: step, the grid, the last place of value in the
// factor's type. Precondition: step is a power of two.
double snap(double value, double step, DType factor);

// The step of F(i, j) that an entry p of a shortcut of type dtype can show under a pivot: the
// smallest power of two that is more than the last place of p over the pivot.
double visible_step(double p, double pivot, DType dtype);

// F(i, j) as p = P(i, pivot j) shows it; inner = sum over k < j of F(i, k) F(pivot j, k), exact.
double visible_entry(double p, double inner, double pivot, DType dtype, DType factor);

// Fills F column by column: entry(i, j, inner, pivot, out) puts F(i, j) into out for every row i
// that is no pivot of a column up to j, or returns false to stop; factor(pivots[j], j) must be
// there before. Sums run in panels, as matrix products: they are exact, so their order is free.
template <class Entry>
bool fill_columns(linalg::Matrix& factor, const std::vector<std::uint32_t>& pivots,
                  const std::vector<std::uint64_t>& columns, const Entry& entry) {
  constexpr std::size_t kPanel = 64;
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
    for (std::size_t j = begin; j < end; ++j) {
      const double pivot = factor(pivots[j], j);
      for (linalg::Index i = 0; i < factor.rows(); ++i) {
        if (columns[i] <= j) continue;
        double sum = inner(i, j - begin);
        for (std::size_t k = begin; k < j; ++k) sum += factor(i, k) * factor(pivots[j], k);
        if (!entry(i, j, sum, pivot, factor(i, j))) return false;
      }
    }
  }
  return true;
}

// The number of marks that a form of this rank needs: 0 for rank 0.
std::uint64_t mark_bits(std::uint64_t rank, DType factor);

}  // namespace bbz::gauge
