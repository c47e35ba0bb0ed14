#include "bbz/compare/internal/product_distance.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::compare {
namespace {

using linalg::Index;
using linalg::Matrix;
using linalg::Op;
using linalg::Vector;

// A block of a product.
constexpr Index kRows = 512, kCols = 4096;

// What is known of the rows and columns of a product: the norms of its errors.
struct Errors {
  Vector rows;
  Vector cols;
  double all = 0;
};

// The squares of the entries of a factor, or of their errors.
class Squares {
 public:
  Squares(const Matrix& values, DType dtype, Index terms)
      : values_(values), dtype_(dtype), of_sum_(static_cast<double>(terms) * 0x1p-53) {}

  Index rows() const { return values_.rows(); }
  Index cols() const { return values_.cols(); }
  double entry(Index i, Index j) const { return values_(i, j) * values_(i, j); }
  double error(Index i, Index j) const {
    const double value = values_(i, j);
    const double error = linalg::ulp(dtype_, value) + std::abs(value) * of_sum_;
    return error * error;
  }

 private:
  const Matrix& values_;
  DType dtype_;
  double of_sum_;
};

// Sums over the rows and columns of a factor: of its squares, and of those of its errors.
struct Sums {
  explicit Sums(const Squares& of)
      : rows(Vector::Zero(of.rows())),
        cols(Vector::Zero(of.cols())),
        error_rows(rows),
        error_cols(cols) {
    for (Index i = 0; i < of.rows(); ++i) {
      for (Index j = 0; j < of.cols(); ++j) {
        const double square = of.entry(i, j), error = of.error(i, j);
        rows[i] += square;
        cols[j] += square;
        error_rows[i] += error;
        error_cols[j] += error;
      }
    }
  }
  Vector rows, cols, error_rows, error_cols;
};

Errors errors_of(const Factors& product, Index terms) {
  const Squares a(*product.a, product.type_a, terms);
  const Sums of_a(a);
  if (product.b == nullptr) {
    return {of_a.error_rows.cwiseSqrt(), of_a.error_cols.cwiseSqrt(),
            std::sqrt(of_a.error_rows.sum())};
  }
  const Squares b(*product.b, product.type_b, terms);
  const Sums of_b(b);
  Errors errors{Vector(a.rows()), Vector(b.cols()), 0};
  for (Index i = 0; i < a.rows(); ++i) {
    double by_a = 0, by_b = 0;
    for (Index k = 0; k < a.cols(); ++k) {
      by_a += a.error(i, k) * of_b.rows[k];
      by_b += a.entry(i, k) * of_b.error_rows[k];
    }
    errors.rows[i] = std::sqrt(by_a) + std::sqrt(by_b);
  }
  Vector by_a = Vector::Zero(b.cols()), by_b = Vector::Zero(b.cols());
  for (Index k = 0; k < b.rows(); ++k) {
    for (Index j = 0; j < b.cols(); ++j) {
      by_a[j] += b.entry(k, j) * of_a.error_cols[k];
      by_b[j] += b.error(k, j) * of_a.cols[k];
    }
  }
  errors.cols = by_a.cwiseSqrt() + by_b.cwiseSqrt();
  errors.all =
      std::sqrt(of_a.error_cols.dot(of_b.rows)) + std::sqrt(of_a.cols.dot(of_b.error_rows));
  return errors;
}

// Adds a block of a product to keep * out.
void add_block(const Factors& of, Index row, Index col, double keep, Matrix& out) {
  if (of.b == nullptr) {
    out = keep * out + of.a->block(row, col, out.rows(), out.cols());
  } else {
    linalg::multiply(of.a->middleRows(row, out.rows()), Op::kPlain,
                     of.b->middleCols(col, out.cols()), Op::kPlain, out, 1.0, keep);
  }
}

// The largest quotient of the square roots of `squares` and the rounding.
double largest_quotient(const Vector& squares, const Vector& rounding) {
  double largest = 0;
  for (Index i = 0; i < squares.size(); ++i) {
    if (squares[i] > 0) largest = std::max(largest, std::sqrt(squares[i]) / rounding[i]);
  }
  return largest;
}

Index rank_of(const Factors& product) {
  return product.b == nullptr ? 0 : product.a->cols();
}

}  // namespace

ProductDistance product_distance(const Factors& first, const Factors& second) {
  const Index rows = first.rows(), cols = first.cols();
  Vector row_squares = Vector::Zero(rows), col_squares = Vector::Zero(cols);
  ProductDistance out;
  double norm = 0;
  for (Index row = 0; row < rows; row += kRows) {
    const Index height = std::min(kRows, rows - row);
    for (Index col = 0; col < cols; col += kCols) {
      Matrix block = Matrix::Zero(height, std::min(kCols, cols - col));
      add_block(second, row, col, 0, block);
      norm += block.squaredNorm();
      add_block(first, row, col, -1, block);
      row_squares.segment(row, height) += block.rowwise().squaredNorm();
      col_squares.segment(col, block.cols()) += block.colwise().squaredNorm().transpose();
      out.largest = std::max(out.largest, block.cwiseAbs().maxCoeff());
    }
  }
  const Index terms = std::max(rank_of(first), rank_of(second));
  const Errors of_first = errors_of(first, terms), of_second = errors_of(second, terms);
  out.distance = std::sqrt(row_squares.sum());
  out.norm = std::sqrt(norm);
  out.rounding = of_first.all + of_second.all;
  out.of_rounding = std::max(largest_quotient(row_squares, of_first.rows + of_second.rows),
                             largest_quotient(col_squares, of_first.cols + of_second.cols));
  return out;
}

double relative(double distance, double norm) {
  return norm > 0 ? distance / norm : distance;
}

}  // namespace bbz::compare
