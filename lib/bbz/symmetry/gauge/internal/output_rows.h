// The rows of a rotated tensor, W U or U^T W, in blocks of whole rows.
#pragma once

#include <atomic>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/base/tensor_info.h"
#include "bbz/parallel/thread_pool.h"
#include "bbz/symmetry/junction/detect.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::gauge {

// Returns the rows of a tensor.
linalg::Index rows_of(const TensorInfo& info);
// Returns its columns; a bias is a matrix of one.
linalg::Index cols_of(const TensorInfo& info);

// The most elements of a block of rows: 32 MiB of double.
inline constexpr linalg::Index kBlockElements = linalg::Index{1} << 22;

// Computes blocks of rows of a rotated tensor, each with all its columns, before they are rounded.
//
// For F32 and F64, and for narrow junctions, products are double: their error is about 2^-45 of the
// largest term. For F16 and BF16, whose elements are floats, products are float. Say s is the root
// mean square of a row of W U, or of a column of U^T W. The error of a float product is then about
// 2^-21 s, far below the last place of nearly all entries. Entries so small that 2^-18 s could be
// more than half of their last place, about one in a hundred of F16, are computed again in double.
// If the float product of any of these turns out to be off by more than 2^-18 s, which the numbers
// of a trained model do not do, or there are too many of them, the tensor takes double from there
// on. So an entry is at most one unit in the last place of its type from the exact rotation.
class OutputRows {
 public:
  // `info`, `bytes` and `u`, which is d x d, must outlive the object. Takes 8 d^2 bytes for a type
  // of 16 bits. Precondition: check_finite() succeeds.
  OutputRows(const TensorInfo& info, junction::Role role, Bytes bytes, const linalg::Matrix& u);

  // Returns the number of rows of a block that is not too large, at least 1.
  linalg::Index block_rows() const;

  // Computes rows first ... first + out.rows() - 1 as `out`, which has all columns.
  void compute(linalg::Index first, linalg::Matrix& out);

  // Returns whether no block has needed double for all of its entries.
  bool is_float() const { return is_float_; }

  // Returns the threads that work on rows, or null if the tensor is small.
  parallel::ThreadPool* pool() { return pool_ ? &*pool_ : nullptr; }

 private:
  // The columns of W that a step of U^T W takes.
  struct Tile {
    linalg::Index begin = 0, count = 0;
  };

  bool compute_in_float(linalg::Index first, linalg::Matrix& out);
  void compute_in_double(linalg::Index first, linalg::Matrix& out);
  bool multiply(linalg::Index first_axis, linalg::Index axes, linalg::View out);
  void load_rows(linalg::Index first, linalg::Index count);
  void load_columns(const Tile& tile);
  Bytes row_bytes(linalg::Index row, const Tile& tile) const;

  const TensorInfo& info_;
  const linalg::Matrix& u_;
  Bytes bytes_;
  linalg::Index rows_, cols_;
  bool by_rows_;  // W U
  bool is_float_ = false;
  std::optional<parallel::ThreadPool> pool_;
  // U^T as the sum of two matrices of float, which keeps 48 bits of each entry.
  linalg::FloatMatrix high_, low_;
  // Rows of W, or its columns as rows, in a part of a matrix whose rows lie at distances that suit
  // the cache; and their product with some columns of U.
  linalg::FloatMatrix weights_, product_;
  linalg::Index count_ = 0;  // of rows of weights_ in use
};

}  // namespace bbz::gauge
