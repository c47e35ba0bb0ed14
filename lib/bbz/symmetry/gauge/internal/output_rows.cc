#include "bbz/symmetry/gauge/internal/output_rows.h"

#include <algorithm>
#include <cmath>

#include "bbz/base/dtype.h"
#include "bbz/parallel/for_each.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/dot.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::gauge {
namespace {

using linalg::FloatMatrix;
using linalg::Index;
using linalg::Matrix;
using linalg::Op;
using linalg::Vector;

// The error of a float product that is trusted, in parts of the root mean square of the row: about ten
// standard deviations. With half of it, one of the hundred thousands of entries of a large tensor
// that are computed again was beyond it in most tensors, and the tensor took double.
constexpr double kTrusted = 0x1p-18;
// What floats near zero add to it, below half of the last place of any BF16.
constexpr double kLeastError = 0x1p-140;
// One entry of so many may be computed again: more would take longer than a product in double.
constexpr Index kOneOf = 16;
// Narrower junctions take double: a float product of few terms can be off by as much as one of
// many, and saves little.
constexpr Index kLeastFloatWidth = 256;
// The columns of W that a step of U^T W takes.
constexpr Index kTileColumns = 512;
// The elements of those in double.
constexpr Index kTileElements = Index{1} << 20;
// The elements from which on threads are worth while.
constexpr Index kForThreads = Index{1} << 18;
// Rows of weights_ are longer by as much: rows at distances of a power of two share the lines of a
// cache.
constexpr Index kPadding = 16;
// The rows of W whose elements are moved to columns at once: a line of the cache.
constexpr Index kLine = 16;

// An entry that is computed again: row `weight` of the weights times column `axis` of U.
struct Small {
  Index axis = 0;
  Index weight = 0;
};

// Returns the magnitude below which an entry's last place could be less than twice `error`.
double least_trusted(DType dtype, double error) {
  if (2 * error <= linalg::ulp(dtype, 0.0)) return 0.0;
  // A number has at least 2^-(M + 1) of its magnitude as its last place.
  return std::ldexp(error, dtype_info(dtype).layout.mantissa_bits + 2);
}

}  // namespace

Index rows_of(const TensorInfo& info) {
  return static_cast<Index>(info.shape.front());
}

Index cols_of(const TensorInfo& info) {
  return info.shape.size() == 1 ? 1 : static_cast<Index>(info.shape[1]);
}

OutputRows::OutputRows(const TensorInfo& info, junction::Role role, Bytes bytes, const Matrix& u)
    : info_(info),
      u_(u),
      bytes_(bytes),
      rows_(rows_of(info)),
      cols_(cols_of(info)),
      by_rows_(junction::role_axis(role) == 1) {
  if (rows_ * cols_ >= kForThreads) pool_.emplace(linalg::threads());
  const bool is_short = info.dtype == DType::kF16 || info.dtype == DType::kBF16;
  is_float_ = is_short && u.rows() >= kLeastFloatWidth && info.shape.size() > 1;
  if (!is_float_) return;
  high_.resize(u.cols(), u.rows());
  low_.resize(u.cols(), u.rows());
  const Index blocks = (u.rows() + kLine - 1) / kLine;
  parallel::for_each_index(pool(), static_cast<std::size_t>(blocks), [&](std::size_t block) {
    const Index begin = static_cast<Index>(block) * kLine;
    const Index end = std::min(begin + kLine, u.rows());
    for (Index j = 0; j < u.cols(); ++j) {
      for (Index k = begin; k < end; ++k) {
        high_(j, k) = static_cast<float>(u(k, j));
        low_(j, k) = static_cast<float>(u(k, j) - high_(j, k));
      }
    }
  });
}

Index OutputRows::block_rows() const {
  return std::clamp<Index>(kBlockElements / std::max<Index>(cols_, 1), 1,
                           std::max<Index>(rows_, 1));
}

void OutputRows::compute(Index first, Matrix& out) {
  if (is_float_) is_float_ = compute_in_float(first, out);
  if (!is_float_) compute_in_double(first, out);
}

Bytes OutputRows::row_bytes(Index row, const Tile& tile) const {
  const std::size_t size = element_bytes(info_.dtype);
  return bytes_.subspan(static_cast<std::size_t>(row * cols_ + tile.begin) * size,
                        static_cast<std::size_t>(tile.count) * size);
}

void OutputRows::compute_in_double(Index first, Matrix& out) {
  if (by_rows_) {
    const Matrix in = linalg::load_matrix(
        bytes_.subspan(static_cast<std::size_t>(first * cols_) * element_bytes(info_.dtype),
                       static_cast<std::size_t>(out.size()) * element_bytes(info_.dtype)),
        info_.dtype, out.rows(), cols_);
    linalg::multiply(in, Op::kPlain, u_, Op::kPlain, out);
    return;
  }
  const Index step = std::max<Index>(1, kTileElements / std::max<Index>(rows_, 1));
  Matrix in;
  for (Tile tile; tile.begin < cols_; tile.begin += step) {
    tile.count = std::min(step, cols_ - tile.begin);
    in.resize(rows_, tile.count);
    for (Index k = 0; k < rows_; ++k) {
      linalg::load(row_bytes(k, tile), info_.dtype,
                   {in.row(k).data(), static_cast<std::size_t>(tile.count)});
    }
    linalg::multiply(u_.middleCols(first, out.rows()), Op::kTransposed, in, Op::kPlain,
                     out.middleCols(tile.begin, tile.count));
  }
}

void OutputRows::load_rows(Index first, Index count) {
  count_ = count;
  weights_.resize(count, cols_ + kPadding);
  parallel::for_each_index(pool(), static_cast<std::size_t>(count), [&](std::size_t i) {
    const Index row = static_cast<Index>(i);
    linalg::load(row_bytes(first + row, {0, cols_}), info_.dtype,
                 std::span<float>(weights_.row(row).data(), static_cast<std::size_t>(cols_)));
  });
}

// Loads columns of W as rows.
void OutputRows::load_columns(const Tile& tile) {
  count_ = tile.count;
  weights_.resize(tile.count, rows_ + kPadding);
  const Index blocks = (rows_ + kLine - 1) / kLine;
  parallel::for_each_index(pool(), static_cast<std::size_t>(blocks), [&](std::size_t block) {
    const Index begin = static_cast<Index>(block) * kLine;
    const Index end = std::min(begin + kLine, rows_);
    FloatMatrix lines(end - begin, tile.count);
    for (Index k = begin; k < end; ++k) {
      linalg::load(
          row_bytes(k, tile), info_.dtype,
          std::span<float>(lines.row(k - begin).data(), static_cast<std::size_t>(tile.count)));
    }
    weights_.middleCols(begin, end - begin) = lines.transpose();
  });
}

bool OutputRows::compute_in_float(Index first, Matrix& out) {
  if (by_rows_) {
    load_rows(first, out.rows());
    return multiply(0, u_.cols(), out);
  }
  Matrix turned;
  for (Tile tile; tile.begin < cols_; tile.begin += kTileColumns) {
    tile.count = std::min(kTileColumns, cols_ - tile.begin);
    load_columns(tile);
    turned.resize(tile.count, out.rows());
    if (!multiply(first, out.rows(), turned)) return false;
    const Index blocks = (out.rows() + kLine - 1) / kLine;
    parallel::for_each_index(pool(), static_cast<std::size_t>(blocks), [&](std::size_t block) {
      const Index begin = static_cast<Index>(block) * kLine;
      const Index count = std::min(kLine, out.rows() - begin);
      out.block(begin, tile.begin, count, tile.count) = turned.middleCols(begin, count).transpose();
    });
  }
  return true;
}

// Multiplies the weights by columns first_axis ... first_axis + axes - 1 of U. Returns false if the
// product cannot be trusted.
bool OutputRows::multiply(Index first_axis, Index axes, linalg::View out) {
  const Index width = u_.rows();
  const linalg::ConstFloatView weights = weights_.topLeftCorner(count_, width);
  product_.resize(count_, axes);
  linalg::multiply(weights, Op::kPlain, high_.middleRows(first_axis, axes), Op::kTransposed,
                   product_);
  Vector errors(count_);
  std::vector<std::vector<Small>> found(static_cast<std::size_t>(count_));
  std::atomic<bool> trusted = true;
  parallel::for_each_index(pool(), found.size(), [&](std::size_t row) {
    const Index i = static_cast<Index>(row);
    const double square = weights.row(i).cast<double>().squaredNorm();
    const double error =
        std::max(kLeastError, kTrusted * std::sqrt(square / static_cast<double>(width)));
    const double least = least_trusted(info_.dtype, error);
    if (!product_.row(i).allFinite()) trusted = false;
    errors[i] = error;
    for (Index j = 0; j < axes; ++j) {
      const double value = product_(i, j);
      out(i, j) = value;
      if (std::abs(value) < least) found[row].push_back({j, i});
    }
  });
  std::vector<Small> small;
  for (const std::vector<Small>& row : found) small.insert(small.end(), row.begin(), row.end());
  if (!trusted || static_cast<Index>(small.size()) > out.size() / kOneOf) return false;
  std::ranges::sort(small, {}, &Small::axis);

  // The entries of an axis are next to each other. Each part of the list is a task.
  constexpr std::size_t kPart = 256;
  parallel::for_each_index(pool(), (small.size() + kPart - 1) / kPart, [&](std::size_t part) {
    std::vector<double> axis(static_cast<std::size_t>(width));
    Index of = -1;
    const std::size_t end = std::min((part + 1) * kPart, small.size());
    for (std::size_t n = part * kPart; n < end; ++n) {
      const Small& one = small[n];
      if (one.axis != of) {
        of = one.axis;
        const float* const high = high_.row(first_axis + of).data();
        const float* const low = low_.row(first_axis + of).data();
        for (std::size_t k = 0; k < axis.size(); ++k) {
          axis[k] = static_cast<double>(high[k]) + static_cast<double>(low[k]);
        }
      }
      const double exact = linalg::dot(weights.row(one.weight).data(), axis.data(), width);
      double& entry = out(one.weight, one.axis);
      if (!(std::abs(exact - entry) <= errors[one.weight])) trusted = false;
      entry = exact;
    }
  });
  return trusted;
}

}  // namespace bbz::gauge
