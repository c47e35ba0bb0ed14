#include "bbz/symmetry/bitsback/internal/operand.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "bbz/base/format.h"
#include "bbz/symmetry/linalg/convert.h"

namespace bbz::bitsback {

Result<Precision> precision_of(DType dtype) {
  const DTypeInfo* info = find_dtype(dtype);
  if (dtype != DType::kF16 && dtype != DType::kBF16 && dtype != DType::kF32) {
    return make_error(Code::kUnsupported, "dtype: expected carriers of F16, BF16 or F32, found {}",
                      info != nullptr ? info->name : "an unknown type");
  }
  return Precision{static_cast<std::size_t>(info->bits / 8), info->layout.mantissa_bits,
                   2 - (1 << (info->layout.exponent_bits - 1))};
}

Result<Operand> Operand::open(std::uint64_t width, std::span<const Carrier> carriers) {
  if (width == 0 || width > kMaxWidth) {
    return make_error(Code::kLimit, "frame: a junction of width {}, expected 1 to {}", width,
                      kMaxWidth);
  }
  if (carriers.empty()) {
    return make_error(Code::kInvalidArgument, "frame: the junction has no carrier");
  }
  Operand operand;
  operand.width_ = width;
  operand.carriers_ = carriers;
  BBZ_ASSIGN(operand.precision_, precision_of(carriers.front().dtype));
  const std::size_t row_bytes = width * operand.precision_.bytes;
  for (std::size_t i = 0; i < carriers.size(); ++i) {
    if (carriers[i].dtype != carriers.front().dtype) {
      return make_error(Code::kUnsupported, "frame: carrier {} has another dtype than carrier 0",
                        i);
    }
    if (carriers[i].bytes.size() % row_bytes != 0) {
      return make_error(Code::kInvalidArgument,
                        "frame: carrier {} has {} bytes, not whole rows of {} elements", i,
                        carriers[i].bytes.size(), width);
    }
    operand.columns_ += carriers[i].bytes.size() / row_bytes;
  }
  if (operand.columns_ > kMaxColumns) {
    return make_error(Code::kLimit, "frame: the carriers have {} rows, the limit is {}",
                      operand.columns_, kMaxColumns);
  }
  return operand;
}

void Operand::fetch(std::size_t first, linalg::View out) const {
  const std::size_t row_bytes = width_ * precision_.bytes;
  std::size_t before = 0;
  for (const Carrier& carrier : carriers_) {
    const std::size_t rows = carrier.bytes.size() / row_bytes;
    const std::size_t begin = std::max(first, before);
    const std::size_t end = std::min(first + static_cast<std::size_t>(out.rows()), before + rows);
    for (std::size_t row = begin; row < end; ++row) {
      linalg::load(carrier.bytes.subspan((row - before) * row_bytes, row_bytes), carrier.dtype,
                   {out.row(static_cast<Eigen::Index>(row - first)).data(), width_});
    }
    before += rows;
  }
}

Status Operand::require_finite() const {
  const std::size_t row_bytes = width_ * precision_.bytes;
  std::vector<double> values(width_);
  for (std::size_t i = 0; i < carriers_.size(); ++i) {
    const Carrier& carrier = carriers_[i];
    for (std::size_t row = 0; row * row_bytes < carrier.bytes.size(); ++row) {
      linalg::load(carrier.bytes.subspan(row * row_bytes, row_bytes), carrier.dtype, values);
      for (std::size_t column = 0; column < width_; ++column) {
        if (std::isfinite(values[column])) continue;
        return make_error(Code::kMalformed,
                          "frame: element [{}, {}] of carrier {} is {}, not a finite number", row,
                          column, i, values[column]);
      }
    }
  }
  return {};
}

}  // namespace bbz::bitsback
