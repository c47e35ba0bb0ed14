#include "bbz/symmetry/form.h"

#include <algorithm>
#include <array>

#include "bbz/symmetry/internal/forms.h"
#include "bbz/symmetry/view.h"

namespace bbz::symmetry {
namespace {

using catalog::TensorMeta;

Status check_dense(const catalog::Tensor&) {
  return {};
}

constexpr std::array<FormRow, 6> kForms = {{
    {Form::kDense, "dense", std::nullopt, false, check_dense, nullptr, nullptr},
    {Form::kLower, "lower", std::nullopt, false, check_lower, lower_range, expand_lower},
    {Form::kPolar, "polar", GroupMethod::kPolar, true, check_polar, nullptr, nullptr},
    {Form::kRider, "rider", GroupMethod::kBitsBack, false, check_rider, nullptr, nullptr},
    {Form::kView, "view", std::nullopt, false, check_view, nullptr, nullptr},
    {Form::kPivot, "pivot", std::nullopt, false, check_pivot, pivot_range, expand_pivot},
}};

// A form that is not in the table.
constexpr FormRow kUnknown{};

const FormRow& row_of(Form form) {
  const auto* const found = std::ranges::find(kForms, form, &FormRow::form);
  return found == kForms.end() ? kUnknown : *found;
}
const FormRow& row_of(const TensorMeta& tensor) {
  return row_of(tensor.form);
}

}  // namespace

Status check_has_group(const TensorMeta& tensor) {
  if (tensor.group != catalog::kNone) return {};
  return about(Code::kMalformed, tensor, "form {} needs a group", static_cast<int>(tensor.form));
}

Status check_matrix(const TensorMeta& tensor, std::uint64_t most_columns) {
  // Keeps products of sizes far below 64 bits.
  constexpr std::uint64_t kMost = std::uint64_t{1} << 31;
  if (tensor.shape.size() != 2 || tensor.shape[0] >= kMost || tensor.element_bits % 8 != 0 ||
      tensor.shape[1] == 0) {
    return about(Code::kMalformed, tensor, "form {} needs a matrix of whole-byte elements",
                 static_cast<int>(tensor.form));
  }
  if (tensor.shape[1] > most_columns) {
    return about(Code::kLimit, tensor, "form {} with {} columns, the limit is {}",
                 static_cast<int>(tensor.form), tensor.shape[1], most_columns);
  }
  return {};
}

Status check_stored(const TensorMeta& tensor, std::uint64_t expected) {
  if (tensor.stored_elements == expected) return {};
  return about(Code::kMalformed, tensor, "form {}: {} stored elements, expected {}",
               static_cast<int>(tensor.form), tensor.stored_elements, expected);
}

Status check_record(const catalog::Tensor& tensor) {
  if (tensor.meta.extensions.unknown) {
    return about(Code::kUnsupported, tensor.meta, "it requires an extension that is not known");
  }
  const FormRow& row = row_of(tensor.meta);
  if (row.check != nullptr && row.form != Form::kDense && tensor.meta.dtype == DType::kBlock) {
    return about(Code::kMalformed, tensor.meta, "form {} of blocks",
                 static_cast<int>(tensor.meta.form));
  }
  if (row.check == nullptr) {
    return about(Code::kUnsupported, tensor.meta, "unknown form {}",
                 static_cast<int>(tensor.meta.form));
  }
  return row.check(tensor);
}

Status check_method(const TensorMeta& tensor, const catalog::GroupMeta& group) {
  const auto method = row_of(tensor).method;
  if (!method || group.method == *method) return {};
  return about(Code::kMalformed, tensor, "form {} needs a group of method {}, group {} has {}",
               static_cast<int>(tensor.form), static_cast<int>(*method), group.number,
               static_cast<int>(group.method));
}

Status check_form(const catalog::Catalog& catalog, const catalog::Tensor& tensor) {
  BBZ_TRY(check_record(tensor));
  if (tensor.meta.is_view()) {
    const catalog::Tensor& base = catalog.tensors[tensor.meta.base()];
    BBZ_TRY(check_form(catalog, base));
    return check_view_of(tensor, base);
  }
  if (!row_of(tensor.meta).method) return {};
  const catalog::Group& group = catalog.groups[tensor.meta.group];
  BBZ_TRY(check_method(tensor.meta, group.meta));
  if (is_derived(tensor.meta) && group.first_user != tensor.meta.number) {
    return about(Code::kMalformed, tensor.meta, "group {} already derives tensor {}",
                 tensor.meta.group, group.first_user);
  }
  return {};
}

std::string_view form_name(Form form) {
  return row_of(form).name;
}

bool is_derived(const TensorMeta& tensor) {
  return row_of(tensor).derived;
}

bool is_expanded(const TensorMeta& tensor) {
  return row_of(tensor).expand != nullptr;
}

bool may_be_carried(const TensorMeta& tensor) {
  return row_of(tensor).method == GroupMethod::kBitsBack;
}

DenseRange dense_range(const TensorMeta& tensor, const catalog::Chunk& chunk) {
  return row_of(tensor).range(tensor, chunk);
}

void expand_chunk(const TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
                  std::uint64_t begin, MutableBytes dense) {
  row_of(tensor).expand(tensor, chunk, stored, begin, dense);
}

Status expand_chunk(const TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
                    std::vector<std::byte>& slice, const TakePart& take) {
  const std::size_t size = tensor.element_bits / 8;
  const DenseRange range = dense_range(tensor, chunk);
  const std::uint64_t most = kExpandSlice / size;
  for (std::uint64_t begin = range.begin; begin < range.end; begin += most) {
    slice.resize(std::min(most, range.end - begin) * size);
    expand_chunk(tensor, chunk, stored, begin, slice);
    BBZ_TRY(take(begin * size, slice));
  }
  return {};
}

}  // namespace bbz::symmetry
