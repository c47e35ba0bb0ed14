#include "bbz/symmetry/gauge/members.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/parallel/for_each.h"
#include "bbz/symmetry/gauge/internal/output_rows.h"
#include "bbz/symmetry/linalg/convert.h"

namespace bbz::gauge {
namespace {

using junction::Role;
using linalg::Index;
using linalg::Matrix;

// The rows that a task rounds at once, with one limit on what a floor makes of their error.
constexpr Index kRowsOfTask = 16;

// Stores a block of whole rows, rounded, and measures the rounding. `out` holds these rows.
Status store_rows(const TensorInfo& info, const Matrix& exact, parallel::ThreadPool* pool,
                  Floor floor, MutableBytes out, Rounding& rounding) {
  const Index tasks = (exact.rows() + kRowsOfTask - 1) / kRowsOfTask;
  const std::size_t row_bytes = static_cast<std::size_t>(exact.cols()) * element_bytes(info.dtype);
  std::vector<Rounding> found(static_cast<std::size_t>(tasks));
  std::atomic<bool> finite = true;
  parallel::for_each_index(pool, found.size(), [&](std::size_t task) {
    const Index begin = static_cast<Index>(task) * kRowsOfTask;
    const Index count = std::min(kRowsOfTask, exact.rows() - begin);
    const auto rows = exact.middleRows(begin, count);
    const MutableBytes bytes = out.subspan(static_cast<std::size_t>(begin) * row_bytes,
                                           static_cast<std::size_t>(count) * row_bytes);
    if (!round_rows(rows, info.dtype, noise_floor(floor), bytes, found[task])) finite = false;
  });
  if (!finite) {
    return make_error(Code::kUnsupported, "{}: an entry of the rotated tensor overflows {}",
                      quoted(info.name), dtype_info(info.dtype).name);
  }
  for (const Rounding& one : found) rounding.add(one);
  return {};
}

// Computes the rows of a rotated tensor from `first` on into the same rows of `out`.
Status rotate_from(const TensorInfo& info, Role role, Bytes bytes, Index first, const Matrix& u,
                   Floor floor, MutableBytes out, Rounding& rounding) {
  OutputRows rows(info, role, bytes, u);
  const Index all = rows_of(info), cols = cols_of(info);
  const std::size_t row_bytes = static_cast<std::size_t>(cols) * element_bytes(info.dtype);
  Matrix exact;
  for (Index row = first; row < all; row += rows.block_rows()) {
    exact.resize(std::min(rows.block_rows(), all - row), cols);
    rows.compute(row, exact);
    BBZ_TRY(store_rows(info, exact, rows.pool(), floor,
                       out.subspan(static_cast<std::size_t>(row) * row_bytes,
                                   static_cast<std::size_t>(exact.rows()) * row_bytes),
                       rounding));
  }
  return {};
}

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
  const Index rows = rows_of(info), cols = cols_of(info);
  const Index step = std::max<Index>(1, kBlockElements / std::max<Index>(cols, 1));
  const std::size_t row_bytes = static_cast<std::size_t>(cols) * element_bytes(info.dtype);
  const bool by_rows = junction::role_axis(role) == 1;
  double longest = 0;  // squared
  linalg::Vector sums = linalg::Vector::Zero(by_rows ? 0 : cols);
  for (Index row = 0; row < rows; row += step) {
    const Index count = std::min(step, rows - row);
    const Matrix block =
        linalg::load_matrix(bytes.subspan(static_cast<std::size_t>(row) * row_bytes,
                                          static_cast<std::size_t>(count) * row_bytes),
                            info.dtype, count, cols);
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
  Rounding ignored;
  const auto rotated = rotate_member(info, role, bytes, u, Floor::kNone, ignored);
  if (!rotated.ok()) return rotated.error();
  return {};
}

Status rotate_rows(const TensorInfo& info, Bytes bytes, std::uint64_t first, const Matrix& u,
                   Floor floor, MutableBytes out, Rounding& rounding) {
  return rotate_from(info, Role::kEmbedding, bytes, static_cast<Index>(first), u, floor, out,
                     rounding);
}

Result<std::vector<std::byte>> rotate_member(const TensorInfo& info, Role role, Bytes bytes,
                                             const Matrix& u, Floor floor, Rounding& rounding) {
  std::vector<std::byte> out(bytes.size());
  BBZ_TRY(rotate_from(info, role, bytes, 0, u, floor, out, rounding));
  return out;
}

}  // namespace bbz::gauge
