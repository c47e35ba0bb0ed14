// The table of forms: what decoding needs to know of each, with the functions of its rows.
#pragma once

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/symmetry/form.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::symmetry {

// A form, which is a row of the table in form.cc.
struct FormRow {
  Form form{};
  std::string_view name;  // in format-spec/records.md
  // The method of the group that tensors of this form need. With kBitsBack, their chunks may have
  // the codec carried.
  std::optional<GroupMethod> method;
  // Whether a tensor has no chunks and is derived as a whole from a group of its own.
  bool derived = false;
  // Checks what a tensor's record alone says: shape, stored elements, group. Errors: those of
  // check_record().
  Status (*check)(const catalog::Tensor& tensor) = nullptr;
  // dense_range() and expand_chunk() if chunks stand for other elements than they store, else null.
  // Then `check` refuses elements that are not whole bytes. Ranges ascend with the chunks, because
  // readers of a pipe pass on what they decode, and others search for the chunk that has an offset.
  DenseRange (*range)(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk) = nullptr;
  void (*expand)(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
                 std::uint64_t begin, MutableBytes dense) = nullptr;
};

// Makes an error that begins with the tensor's name.
template <class... Args>
Error about(Code code, const catalog::TensorMeta& tensor, fmt::format_string<Args...> format,
            Args&&... args) {
  return make_error(code, "tensor {}: {}", quoted(tensor.name),
                    fmt::format(format, std::forward<Args>(args)...));
}

// Checks that the record names a group. Errors: kMalformed.
Status check_has_group(const catalog::TensorMeta& tensor);
// Checks that the tensor is a matrix of whole-byte elements, of at most `most_columns` columns.
// Errors: kMalformed, kLimit.
Status check_matrix(const catalog::TensorMeta& tensor,
                    std::uint64_t most_columns = junction::kMaxWidth);
// Checks the number of stored elements. Errors: kMalformed.
Status check_stored(const catalog::TensorMeta& tensor, std::uint64_t expected);

// Form lower: lower_form.cc.
Status check_lower(const catalog::Tensor& tensor);
DenseRange lower_range(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk);
void expand_lower(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
                  std::uint64_t begin, MutableBytes dense);

// Form polar: polar_form.cc.
Status check_polar(const catalog::Tensor& tensor);

// Form rider: rider_form.cc.
Status check_rider(const catalog::Tensor& tensor);

// Form view: view_form.cc.
Status check_view(const catalog::Tensor& tensor);

// Form pivot: pivot_form.cc.
Status check_pivot(const catalog::Tensor& tensor);
DenseRange pivot_range(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk);
void expand_pivot(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
                  std::uint64_t begin, MutableBytes dense);

}  // namespace bbz::symmetry
