#include "bbz/symmetry/gauge/members.h"

#include <algorithm>
#include <cmath>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::gauge {
namespace {

using junction::Role;
using linalg::Index;
using linalg::Matrix;
using linalg::Op;

constexpr Index kBlockElements = Index{1} << 21;  // 16 MiB of double

Index rows_of(const TensorInfo& info) {
  return static_cast<Index>(info.shape.front());
}

// Returns the number of columns; a bias counts as a matrix of one column.
Index cols_of(const TensorInfo& info) {
  return info.shape.size() == 1 ? 1 : static_cast<Index>(info.shape[1]);
}

// Converts blocks of a stored matrix to double and back.
class Blocks {
 public:
  explicit Blocks(const TensorInfo& info)
      : info_(info), size_(element_bytes(info.dtype)), stride_(cols_of(info) * size_) {}

  void load(Bytes bytes, Index row, Index col, Matrix& block) const {
    for (Index i = 0; i < block.rows(); ++i) {
      linalg::load(bytes.subspan((row + i) * stride_ + col * size_, block.cols() * size_),
                   info_.dtype, {block.row(i).data(), static_cast<std::size_t>(block.cols())});
    }
  }

  // Stores the exact block, rounded, and measures the rounding.
  Status store(const Matrix& exact, Index row, Index col, MutableBytes out,
               Deviation& deviation) const {
    for (Index i = 0; i < exact.rows(); ++i) {
      linalg::store({exact.row(i).data(), static_cast<std::size_t>(exact.cols())}, info_.dtype,
                    out.subspan((row + i) * stride_ + col * size_, exact.cols() * size_));
    }
    Matrix stored(exact.rows(), exact.cols());
    load(out, row, col, stored);
    if (!stored.allFinite()) {
      return make_error(Code::kUnsupported, "{}: an entry of the rotated tensor overflows {}",
                        quoted(info_.name), dtype_info(info_.dtype).name);
    }
    deviation.add(exact, stored);
    return {};
  }

 private:
  const TensorInfo& info_;
  std::size_t size_;
  std::size_t stride_;
};

}  // namespace

Status check_finite(const TensorInfo& info, Bytes bytes) {
  BBZ_ASSIGN(const std::uint64_t count, element_count(info.shape));
  BBZ_ASSIGN(const std::uint64_t expected, byte_size(info.dtype, count));
  if (bytes.size() != expected) {
    return make_error(Code::kMalformed, "{}: expected {} bytes, found {}", quoted(info.name),
                      expected, bytes.size());
  }
  std::vector<double> values(4096);
  const std::size_t size = element_bytes(info.dtype);
  for (std::uint64_t begin = 0; begin < count; begin += values.size()) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(values.size(), count - begin));
    linalg::load(bytes.subspan(begin * size, n * size), info.dtype, {values.data(), n});
    for (std::size_t i = 0; i < n; ++i) {
      if (!std::isfinite(values[i])) {
        return make_error(Code::kUnsupported, "{}: element {}: expected a finite number, found {}",
                          quoted(info.name), begin + i, values[i]);
      }
    }
  }
  return {};
}

bool fits_when_rotated(const TensorInfo& info, Role role, Bytes bytes) {
  const Blocks blocks(info);
  const Index rows = rows_of(info), cols = cols_of(info);
  const Index step = std::max<Index>(1, kBlockElements / std::max<Index>(cols, 1));
  const bool by_rows = junction::role_axis(role) == 1;
  double longest = 0;  // squared
  linalg::Vector sums = linalg::Vector::Zero(by_rows ? 0 : cols);
  Matrix block;
  for (Index row = 0; row < rows; row += step) {
    block.resize(std::min(step, rows - row), cols);
    blocks.load(bytes, row, 0, block);
    if (by_rows) {
      longest = std::max(longest, block.rowwise().squaredNorm().maxCoeff());
    } else {
      sums += block.colwise().squaredNorm().transpose();
    }
  }
  if (!by_rows && sums.size() != 0) longest = sums.maxCoeff();
  // Leaves a margin for the rounding of the sums.
  return std::sqrt(longest) < 0.999 * linalg::largest(info.dtype);
}

Status check_rotation(const TensorInfo& info, Role role, Bytes bytes, const Matrix& u) {
  if (fits_when_rotated(info, role, bytes)) return {};
  Deviation ignored;
  const auto rotated = rotate_member(info, role, bytes, u, ignored);
  if (!rotated.ok()) return rotated.error();
  return {};
}

Status rotate_rows(const TensorInfo& info, Bytes bytes, std::uint64_t first, const Matrix& u,
                   MutableBytes out, Deviation& deviation) {
  const Blocks blocks(info);
  const Index rows = rows_of(info), cols = cols_of(info);
  const Index step = std::max<Index>(1, kBlockElements / cols);
  Matrix in, exact;
  for (auto row = static_cast<Index>(first); row < rows; row += step) {
    in.resize(std::min(step, rows - row), cols);
    exact.resize(in.rows(), cols);
    blocks.load(bytes, row, 0, in);
    linalg::multiply(in, Op::kPlain, u, Op::kPlain, exact);
    BBZ_TRY(blocks.store(exact, row, 0, out, deviation));
  }
  return {};
}

Result<std::vector<std::byte>> rotate_member(const TensorInfo& info, Role role, Bytes bytes,
                                             const Matrix& u, Deviation& deviation) {
  std::vector<std::byte> out(bytes.size());
  if (junction::role_axis(role) == 1) {
    BBZ_TRY(rotate_rows(info, bytes, 0, u, out, deviation));
    return out;
  }
  const Blocks blocks(info);
  const Index rows = rows_of(info), cols = cols_of(info);
  const Index step = std::max<Index>(1, kBlockElements / rows);
  Matrix in, exact;
  for (Index col = 0; col < cols; col += step) {
    in.resize(rows, std::min(step, cols - col));
    exact.resize(rows, in.cols());
    blocks.load(bytes, 0, col, in);
    linalg::multiply(u, Op::kTransposed, in, Op::kPlain, exact);
    BBZ_TRY(blocks.store(exact, 0, col, out, deviation));
  }
  return out;
}

}  // namespace bbz::gauge
