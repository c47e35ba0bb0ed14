// From a factor to the bytes of the shortcut: what decoding a polar form does. Internal.
#pragma once

#include "bbz/symmetry/gauge/internal/fixed_kernel.h"
#include "bbz/symmetry/gauge/polar.h"

namespace bbz::gauge {

// Every byte of `out`, which has form.rows * form.cols elements. Precondition: check_polar() holds.
// Errors: those of check_factor().
Status write_shortcut(const PolarView& form, parallel::ThreadPool* pool, MutableBytes out);

// The two ways to do it, of which it takes the faster; they write the same bytes.

// By integers. False where the type has more than 16 bits, or the factor is not of the kind that
// FixedFactor takes; nothing is written then.
bool write_shortcut_by_integers(const PolarView& form, const FixedKernel& kernel,
                                parallel::ThreadPool* pool, MutableBytes out);
// In float64, for every type and machine.
Status write_shortcut_by_float64(const PolarView& form, MutableBytes out);

// The entries of the strict upper triangle of the first `rows` columns, row by row: where the marks
// are. next() is the byte offset of the entry's last bit, then that of its mirror image.
class UpperTriangle {
 public:
  UpperTriangle(std::uint64_t rows, std::uint64_t cols, std::size_t element_bytes)
      : rows_(rows), cols_(cols), size_(element_bytes) {}

  struct Place {
    std::size_t upper = 0;
    std::size_t lower = 0;
  };
  bool done() const { return i_ + 1 >= rows_; }
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
