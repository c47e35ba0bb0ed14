#include "bbz/symmetry/linalg/product.h"

#include <algorithm>

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

template <class Out, class ConstRef>
Out gram_in(const ConstRef& a, Op op) {
  using Scalar = typename ConstRef::Scalar;
  const Index n = op == Op::kPlain ? a.rows() : a.cols();
  const Index inner = op == Op::kPlain ? a.cols() : a.rows();
  Out out = Out::Zero(n, n);
  if (n == 0 || inner == 0) return out;
  if (lapack::available()) {
    lapack::syrk_lower(operand(a, op), to_int(n), to_int(inner), Scalar{1}, Scalar{0}, out.data());
  } else if (op == Op::kPlain) {
    out.template selfadjointView<Eigen::Lower>().rankUpdate(a);
  } else {
    out.template selfadjointView<Eigen::Lower>().rankUpdate(a.transpose());
  }
  mirror(out);
  return out;
}

}  // namespace

void multiply(const ConstView& a, Op op_a, const ConstView& b, Op op_b, View out, double scale,
              double keep) {
  multiply_in(a, op_a, b, op_b, out, scale, keep);
}

void multiply(const ConstFloatView& a, Op op_a, const ConstFloatView& b, Op op_b, FloatView out,
              float scale, float keep) {
  multiply_in(a, op_a, b, op_b, out, scale, keep);
}

Matrix gram(const ConstView& a, Op op) {
  return gram_in<Matrix>(a, op);
}

FloatMatrix gram(const ConstFloatView& a, Op op) {
  return gram_in<FloatMatrix>(a, op);
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
