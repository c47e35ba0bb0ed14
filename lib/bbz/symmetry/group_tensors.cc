// Checks the tensors that belong to a group: kind, dtype and cost.
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/form.h"
#include "bbz/symmetry/gauge/polar.h"

namespace bbz::symmetry {
namespace {

template <class... Args>
Error wrong(const catalog::Group& group, const catalog::Tensor& tensor,
            fmt::format_string<Args...> format, Args&&... args) {
  return make_error(Code::kMalformed, "group {}: tensor {} {} {}", group.meta.number,
                    tensor.meta.number, quoted(tensor.meta.name),
                    fmt::format(format, std::forward<Args>(args)...));
}

// Checks the carriers' dtype and shape: each is a matrix of `width` columns.
Status check_carriers(const catalog::Group& group, std::uint64_t width,
                      std::span<const catalog::Tensor> carriers) {
  for (const catalog::Tensor& carrier : carriers) {
    const catalog::TensorMeta& meta = carrier.meta;
    if (meta.dtype != DType::kF16 && meta.dtype != DType::kBF16 && meta.dtype != DType::kF32) {
      return wrong(group, carrier, "is a carrier of dtype {}, expected F16, BF16 or F32",
                   static_cast<int>(meta.dtype));
    }
    if (meta.dtype != carriers.front().meta.dtype) {
      return wrong(group, carrier, "is a carrier of another dtype than the first");
    }
    if (meta.shape.size() != 2 || meta.shape[1] != width) {
      return wrong(group, carrier, "is a carrier, but not a matrix of the rotation's width {}",
                   width);
    }
  }
  return {};
}

}  // namespace

Result<std::span<const catalog::Tensor>> group_tensors(const catalog::Catalog& catalog,
                                                       const catalog::Group& group,
                                                       std::uint64_t count) {
  const std::uint64_t first = group.first_tensor;
  if (count > catalog.tensors.size() - first) {
    return make_error(Code::kMalformed, "group {}: expected {} tensors after it, found {}",
                      group.meta.number, count, catalog.tensors.size() - first);
  }
  const auto tensors = std::span(catalog.tensors).subspan(first, count);
  std::uint64_t room = kMaxGroupTensorBytes;
  for (const catalog::Tensor& tensor : tensors) {
    if (tensor.meta.form != Form::kDense || tensor.repeats || tensor.meta.leans() ||
        tensor.is_operand() != (group.meta.method == GroupMethod::kPolar)) {
      return make_error(Code::kMalformed, "group {}: tensor {} {} cannot belong to it",
                        group.meta.number, tensor.meta.number, quoted(tensor.meta.name));
    }
    if (tensor.byte_size > room) {
      return make_error(
          Code::kLimit,
          "group {}: tensor {} {} of {} bytes, the limit for all tensors of a group is {}",
          group.meta.number, tensor.meta.number, quoted(tensor.meta.name), tensor.byte_size,
          kMaxGroupTensorBytes);
    }
    room -= tensor.byte_size;
  }
  return tensors;
}

Status check_operand(const catalog::Group& group, const catalog::Tensor& operand,
                     const catalog::TensorMeta& derived) {
  const std::optional<DType> expected = gauge::factor_dtype(derived.dtype);
  if (!expected || operand.meta.dtype == *expected)
    return {};  // without a factor type, nothing is derived
  return wrong(group, operand, "is a factor of dtype {}, expected {} for the derived tensor",
               static_cast<int>(operand.meta.dtype), dtype_info(*expected).name);
}

std::uint64_t PolarCost::least_stored_bytes() const {
  const std::uint64_t beyond = memory() - std::min(memory(), kFreePolarMemory);
  return std::max(divide_up(work(), kPolarWorkPerByte), divide_up(beyond, kPolarMemoryPerByte));
}

Status check_cost(const catalog::Group& group, const PolarGroup& polar,
                  std::span<const catalog::Tensor> operand, std::uint64_t derived_bytes) {
  constexpr std::uint64_t kMostRows = 65535;  // a group with more rows is malformed
  PolarCost cost;
  cost.derived_bytes = derived_bytes;
  std::uint64_t stored = group.payload.length;
  if (!polar.pivots.empty() && !operand.empty()) {
    const catalog::Tensor& factor = operand.front();
    const std::uint64_t elements = factor.byte_size * 8 / factor.meta.element_bits;
    cost.rank = polar.pivots.size();
    cost.rows =
        std::min(divide_up(elements + cost.rank * (cost.rank - 1) / 2, cost.rank), kMostRows);
    cost.operand_bytes = factor.byte_size;
    stored += factor.stored_bytes;
  }
  if (cost.least_stored_bytes() <= stored) return {};
  return make_error(Code::kLimit,
                    "group {}: {} bytes derived from {} rows of rank {}: {} stored bytes, expected "
                    "at least {}",
                    group.meta.number, derived_bytes, cost.rows, cost.rank, stored,
                    cost.least_stored_bytes());
}

std::uint64_t least_stored_bytes(const BitsBackGroup& rotation, std::uint64_t carrier_bytes) {
  constexpr std::uint64_t kFree = std::uint64_t{64} << 10, kMostPerByte = 16;
  const std::uint64_t beyond = carrier_bytes - std::min(carrier_bytes, kFree);
  return std::max(bitsback::least_stored_bytes(rotation.width, rotation.record),
                  divide_up(beyond, kMostPerByte));
}

Status check_rotation(const catalog::Group& group, const BitsBackGroup& rotation,
                      std::span<const catalog::Tensor> carriers) {
  if (rotation.width > bitsback::kMaxWidth) {
    return make_error(Code::kLimit, "group {}: a rotation of width {}, the limit is {}",
                      group.meta.number, rotation.width, bitsback::kMaxWidth);
  }
  std::uint64_t stored = group.payload.length;
  std::uint64_t decoded = 0;
  for (const catalog::Tensor& carrier : carriers) {
    stored += carrier.stored_bytes;
    decoded += carrier.byte_size;
  }
  const std::uint64_t least = least_stored_bytes(rotation, decoded);
  if (stored < least) {
    return make_error(Code::kLimit,
                      "group {}: a rotation of width {} and carriers of {} bytes: {} stored bytes, "
                      "expected at least {}",
                      group.meta.number, rotation.width, decoded, stored, least);
  }
  return check_carriers(group, rotation.width, carriers);
}

}  // namespace bbz::symmetry
