#include "bbz/symmetry/gauge/internal/shortcut.h"

#include <algorithm>
#include <cstring>

#include "bbz/symmetry/gauge/internal/fixed.h"
#include "bbz/symmetry/gauge/internal/frame.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::gauge {
namespace {

using linalg::Index;
using linalg::Matrix;

// Returns the marks: r in 16 bits, then for each column its pivot in 16 bits and the bits of F's
// entry there. Each field begins with its lowest bit.
std::vector<bool> make_marks(const PolarView& form) {
  std::vector<bool> marks;
  const auto put = [&marks](std::uint32_t field, int bits) {
    for (int b = 0; b < bits; ++b) marks.push_back((field >> b & 1u) != 0);
  };
  if (form.pivots.empty()) return marks;
  const DType dtype = *factor_dtype(form.dtype);
  const std::size_t size = element_bytes(dtype);
  put(static_cast<std::uint32_t>(form.rank()), 16);
  std::size_t row_end = 0;  // end of the pivot's packed row, whose last entry is the pivot
  for (std::size_t k = 0; k < form.pivots.size(); ++k) {
    row_end += (k + 1) * size;
    std::uint32_t bits = 0;
    std::memcpy(&bits, form.factor.data() + row_end - size, size);
    put(form.pivots[k], 16);
    put(bits, dtype_info(dtype).bits);
  }
  return marks;
}

// Writes the marks, and zeros right of the square.
void finish(const PolarView& form, MutableBytes out) {
  const std::size_t size = element_bytes(form.dtype);
  const std::size_t square = form.rows * size;
  if (form.cols != form.rows) {
    for (std::uint64_t i = 0; i < form.rows; ++i) {
      std::ranges::fill(out.subspan(i * form.cols * size, form.cols * size).subspan(square),
                        std::byte{0});
    }
  }
  UpperTriangle places(form.rows, form.cols, size);
  for (const bool mark : make_marks(form)) {
    const UpperTriangle::Place place = places.next();
    if (mark) out[place.upper] ^= std::byte{1};
  }
}

// Copies the lower triangle of the square to the upper, in blocks that stay in the cache.
void mirror(const PolarView& form, MutableBytes out) {
  constexpr std::uint64_t kBlock = 64;
  const std::size_t size = element_bytes(form.dtype);
  const auto at = [&](std::uint64_t i, std::uint64_t j) {
    return out.data() + (i * form.cols + j) * size;
  };
  for (std::uint64_t top = 0; top < form.rows; top += kBlock) {
    for (std::uint64_t left = 0; left <= top; left += kBlock) {
      for (std::uint64_t i = top; i < std::min(top + kBlock, form.rows); ++i) {
        const std::uint64_t end = std::min(left + kBlock, i);
        for (std::uint64_t j = left; j < end; ++j) std::memcpy(at(j, i), at(i, j), size);
      }
    }
  }
}

void write_lower_by_float64(const Matrix& factor, const PolarView& form, MutableBytes out) {
  constexpr Index kBlock = 256;
  const std::size_t size = element_bytes(form.dtype);
  const Index rows = factor.rows();
  Matrix block;
  for (Index begin = 0; begin < rows; begin += kBlock) {
    const Index count = std::min(kBlock, rows - begin);
    block.setZero(count, begin + count);
    for (Index i = 0; i < count; ++i) block(i, begin + i) = 1.0;
    linalg::multiply(factor.middleRows(begin, count), linalg::Op::kPlain,
                     factor.topRows(begin + count), linalg::Op::kTransposed, block, -1.0, 1.0);
    for (Index i = 0; i < count; ++i) {
      const std::size_t length = static_cast<std::size_t>(begin + i + 1);
      linalg::store({block.row(i).data(), length}, form.dtype,
                    out.subspan((begin + i) * form.cols * size, length * size));
    }
  }
}

}  // namespace

Status write_shortcut(const PolarView& form, parallel::ThreadPool* pool, MutableBytes out) {
  if (!fixed_kernels().empty() &&
      write_shortcut_by_integers(form, *fixed_kernels().front(), pool, out)) {
    return {};
  }
  return write_shortcut_by_float64(form, out);
}

bool write_shortcut_by_integers(const PolarView& form, const FixedKernel& kernel,
                                parallel::ThreadPool* pool, MutableBytes out) {
  if (element_bytes(form.dtype) != 2) return false;
  const auto fixed = FixedFactor::make(form, kernel, pool);
  if (!fixed) return false;
  fixed->write(form, pool, out);
  finish(form, out);
  return true;
}

Status write_shortcut_by_float64(const PolarView& form, MutableBytes out) {
  const Matrix factor = unpack_factor(form);
  BBZ_TRY(check_factor(factor, *factor_dtype(form.dtype)));
  write_lower_by_float64(factor, form, out);
  mirror(form, out);
  finish(form, out);
  return {};
}

}  // namespace bbz::gauge
