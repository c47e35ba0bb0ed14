#include "bbz/symmetry/linalg/product.h"

#include <algorithm>
#include <optional>

#include "bbz/parallel/for_each.h"
#include "bbz/parallel/thread_pool.h"
#include "bbz/symmetry/linalg/internal/lapack.h"

namespace bbz::linalg {
namespace {

template <class ConstRef, class Ref, class Scalar>
void multiply_by_eigen(const ConstRef& a, Op op_a, const ConstRef& b, Op op_b, Ref& out,
                       Scalar scale) {
  if (op_a == Op::kPlain && op_b == Op::kPlain) {
    out.noalias() += scale * a * b;
  } else if (op_a == Op::kPlain) {
    out.noalias() += scale * a * b.transpose();
  } else if (op_b == Op::kPlain) {
    out.noalias() += scale * a.transpose() * b;
  } else {
    out.noalias() += scale * a.transpose() * b.transpose();
  }
}

// Scales `out`. With factor 0 its old value is ignored, even a NaN.
template <class Ref, class Scalar>
void scale_by(Scalar factor, Ref& out) {
  if (factor == Scalar{0}) {
    out.setZero();
  } else if (factor != Scalar{1}) {
    out *= factor;
  }
}

// The number of multiplications below which a call of BLAS, which may wake threads, costs more than
// it saves.
constexpr Index kSmall = Index{1} << 16;

using lapack::to_int;

// Returns the stride for CBLAS, which refuses one below the row's length, even for a single row.
template <class ConstRef>
int stride(const ConstRef& m) {
  return to_int(std::max<Index>({m.outerStride(), m.cols(), 1}));
}

template <class ConstRef>
auto operand(const ConstRef& m, Op op) {
  return lapack::Operand<typename ConstRef::Scalar>{m.data(), stride(m), op == Op::kTransposed};
}

template <class ConstRef, class Ref, class Scalar>
void multiply_in(const ConstRef& a, Op op_a, const ConstRef& b, Op op_b, Ref& out, Scalar scale,
                 Scalar keep) {
  if (out.size() == 0) return;
  const Index inner = op_a == Op::kPlain ? a.cols() : a.rows();
  if (out.size() * inner < kSmall || !lapack::available()) {
    scale_by(keep, out);
    if (inner > 0) multiply_by_eigen(a, op_a, b, op_b, out, scale);
    return;
  }
  lapack::gemm(operand(a, op_a), operand(b, op_b),
               lapack::Product<Scalar>{to_int(out.rows()), to_int(out.cols()), to_int(inner), scale,
                                       keep, out.data(), stride(out)});
}

// Products of floats of fewer multiplications are not divided.
constexpr double kUndivided = 1e6;
constexpr Index kPartLines = 256;
constexpr Index kGramRows = 1024;

// Returns rows of a matrix, or columns.
ConstFloatView lines_of(const ConstFloatView& m, bool rows, Index begin, Index count) {
  return rows ? m.block(begin, 0, count, m.cols()) : m.block(0, begin, m.rows(), count);
}

// Divides a product of floats into parts, always in the same way. BLAS divides one by the number of its
// threads, which changes the order of sums: in float, that would show in what is rounded to 16 bits.
// Precondition: BLAS has one thread.
void multiply_parts(const ConstFloatView& a, Op op_a, const ConstFloatView& b, Op op_b,
                    FloatView out, float scale, float keep) {
  const bool by_rows = out.rows() >= out.cols();
  const Index lines = by_rows ? out.rows() : out.cols();
  const auto parts = static_cast<std::size_t>((lines + kPartLines - 1) / kPartLines);
  std::optional<parallel::ThreadPool> pool;
  if (parts > 1) pool.emplace(threads());
  parallel::for_each_index(pool ? &*pool : nullptr, parts, [&](std::size_t part) {
    const Index begin = static_cast<Index>(part) * kPartLines;
    const Index count = std::min(kPartLines, lines - begin);
    if (by_rows) {
      FloatView rows = out.middleRows(begin, count);
      multiply_in(lines_of(a, op_a == Op::kPlain, begin, count), op_a, b, op_b, rows, scale, keep);
    } else {
      FloatView columns = out.middleCols(begin, count);
      multiply_in(a, op_a, lines_of(b, op_b != Op::kPlain, begin, count), op_b, columns, scale,
                  keep);
    }
  });
}

// Copies the lower triangle to the upper, in blocks that stay in the cache.
template <class Square>
void mirror(Square& m) {
  constexpr Index kBlock = 64;
  for (Index top = 0; top < m.rows(); top += kBlock) {
    const Index rows = std::min(kBlock, m.rows() - top);
    for (Index left = 0; left < top; left += kBlock) {
      m.block(left, top, kBlock, rows) = m.block(top, left, rows, kBlock).transpose();
    }
    auto corner = m.block(top, top, rows, rows);
    corner.template triangularView<Eigen::StrictlyUpper>() = corner.transpose();
  }
}

}  // namespace

void multiply(const ConstView& a, Op op_a, const ConstView& b, Op op_b, View out, double scale,
              double keep) {
  multiply_in(a, op_a, b, op_b, out, scale, keep);
}

void multiply(const ConstFloatView& a, Op op_a, const ConstFloatView& b, Op op_b, FloatView out,
              float scale, float keep) {
  if (!lapack::available()) return multiply_in(a, op_a, b, op_b, out, scale, keep);
  const lapack::OneThread alone;
  const Index inner = op_a == Op::kPlain ? a.cols() : a.rows();
  if (static_cast<double>(out.size()) * static_cast<double>(inner) < kUndivided) {
    multiply_in(a, op_a, b, op_b, out, scale, keep);
  } else {
    multiply_parts(a, op_a, b, op_b, out, scale, keep);
  }
}

Matrix gram(const ConstView& a, Op op) {
  const Index n = op == Op::kPlain ? a.rows() : a.cols();
  const Index inner = op == Op::kPlain ? a.cols() : a.rows();
  Matrix out = Matrix::Zero(n, n);
  if (n == 0 || inner == 0) return out;
  if (lapack::available()) {
    lapack::syrk_lower(operand(a, op), to_int(n), to_int(inner), 1.0, 0.0, out.data());
  } else if (op == Op::kPlain) {
    out.selfadjointView<Eigen::Lower>().rankUpdate(a);
  } else {
    out.selfadjointView<Eigen::Lower>().rankUpdate(a.transpose());
  }
  mirror(out);
  return out;
}

FloatMatrix gram(const ConstFloatView& a, Op op) {
  const Index n = op == Op::kPlain ? a.rows() : a.cols();
  FloatMatrix out = FloatMatrix::Zero(n, n);
  if (out.size() == 0 || a.size() == 0) return out;
  // Rows of the lower triangle, each block up to its diagonal.
  const Op other = op == Op::kPlain ? Op::kTransposed : Op::kPlain;
  for (Index begin = 0; begin < n; begin += kGramRows) {
    const Index count = std::min(kGramRows, n - begin);
    const Index end = begin + count;
    if (op == Op::kPlain) {
      multiply(a.middleRows(begin, count), op, a.topRows(end), other,
               out.block(begin, 0, count, end));
    } else {
      multiply(a.middleCols(begin, count), op, a.leftCols(end), other,
               out.block(begin, 0, count, end));
    }
  }
  mirror(out);
  return out;
}

void subtract_gram(const ConstView& a, Matrix& out) {
  if (out.size() == 0 || a.cols() == 0) return;
  if (lapack::available()) {
    lapack::syrk_lower(operand(a, Op::kPlain), to_int(a.rows()), to_int(a.cols()), -1.0, 1.0,
                       out.data());
  } else {
    out.selfadjointView<Eigen::Lower>().rankUpdate(a, -1.0);
  }
}

bool has_lapack() {
  return lapack::available();
}

void set_threads(unsigned threads) {
  constexpr unsigned kMost = 1024;
  lapack::set_threads(static_cast<int>(std::min(threads, kMost)));
}

unsigned threads() {
  return lapack::available() ? static_cast<unsigned>(lapack::threads()) : 1;
}

Matrix product(const ConstView& a, const ConstView& b) {
  Matrix out(a.rows(), b.cols());
  multiply(a, Op::kPlain, b, Op::kPlain, out);
  return out;
}

}  // namespace bbz::linalg
