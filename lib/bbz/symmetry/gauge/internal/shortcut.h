// Computes the bytes of a shortcut from its factor, which decodes a polar form.
#pragma once

#include "bbz/symmetry/gauge/internal/fixed_kernel.h"
#include "bbz/symmetry/gauge/polar.h"

namespace bbz::gauge {

// Writes every byte of `out`, which has form.rows * form.cols elements, by the faster of the two
// ways below. Precondition: check_polar() succeeds. Errors: those of check_factor().
Status write_shortcut(const PolarView& form, parallel::ThreadPool* pool, MutableBytes out);

// Writes the same bytes with integers. Returns false, and writes nothing, if the type has more than
// 16 bits or the factor does not fit FixedFactor.
bool write_shortcut_by_integers(const PolarView& form, const FixedKernel& kernel,
                                parallel::ThreadPool* pool, MutableBytes out);
// Writes the same bytes with float64, for every type and machine. Errors: those of check_factor().
Status write_shortcut_by_float64(const PolarView& form, MutableBytes out);

// Visits the entries that hold the marks: the strict upper triangle of the first `rows` columns,
// row by row.
class UpperTriangle {
 public:
  // Begins at the first entry of a matrix of `cols` columns. Precondition: cols >= rows.
  UpperTriangle(std::uint64_t rows, std::uint64_t cols, std::size_t element_bytes)
      : rows_(rows), cols_(cols), size_(element_bytes) {}

  // The byte offsets of an entry and of its mirror image.
  struct Place {
    std::size_t upper = 0;
    std::size_t lower = 0;
  };
  // Returns whether all entries were visited.
  bool done() const { return i_ + 1 >= rows_; }
  // Returns the next entry. Precondition: !done().
  Place next() {
    const Place place{(i_ * cols_ + j_) * size_, (j_ * cols_ + i_) * size_};
    if (++j_ == rows_) j_ = ++i_ + 1;
    return place;
  }

 private:
  std::uint64_t rows_, cols_;
  std::size_t size_;
  std::uint64_t i_ = 0, j_ = 1;
};

}  // namespace bbz::gauge
