// Tensors of form pivot, as a writer takes them.
#pragma once

#include "archive/sample.h"
#include "bbz/format/catalog/pivots.h"
#include "bbz/symmetry/gauge/pivot.h"

namespace bbz {

struct PivotSample {
  SampleTensor tensor;           // its bytes are those that are stored
  std::vector<std::byte> dense;  // what it is read as
};

// Makes a matrix of noise whose rows `lines` are those of an identity, or whose columns if it has more
// columns than rows. There are as many lines as the other axis is long.
inline PivotSample pivot_sample(std::string name, DType dtype, std::uint64_t rows,
                                std::uint64_t cols, const std::vector<std::uint32_t>& lines,
                                unsigned seed) {
  const unsigned axis = rows > cols ? 0 : 1;
  PivotSample made;
  made.tensor = sample_tensor(std::move(name), dtype, {rows, cols}, seed);
  made.dense = std::move(made.tensor.bytes);
  const std::size_t size = element_bytes(dtype);
  const std::uint64_t one = gauge::bits_of_one(dtype).value();
  for (std::uint64_t k = 0; k < lines.size(); ++k) {
    for (std::uint64_t i = 0; i < lines.size(); ++i) {
      const std::uint64_t index = axis == 0 ? lines[k] * cols + i : i * cols + lines[k];
      for (std::size_t byte = 0; byte < size; ++byte) {
        made.dense[index * size + byte] =
            static_cast<std::byte>(i == k ? one >> (8 * byte) & 0xFF : 0);
      }
    }
  }
  const catalog::Pivots pivots(axis, axis == 0 ? rows : cols, lines);
  made.tensor.bytes = gauge::pack_pivot(made.dense, dtype, rows, cols, pivots);
  made.tensor.spec.stored = {.form = catalog::Form::kPivot,
                             .elements = made.tensor.bytes.size() / size,
                             .pivots = std::make_shared<const catalog::Pivots>(pivots)};
  return made;
}

// A file with a tensor of each axis and each type, in two layers, between bytes.
struct PivotFile {
  SampleFile file{"pivots", catalog::FileKind::kRegular, {}};
  std::vector<std::byte> bytes;  // as it unpacks
};
inline PivotFile pivot_file() {
  PivotFile made;
  const auto add = [&](SampleTensor tensor, const std::vector<std::byte>& dense) {
    made.bytes.insert(made.bytes.end(), dense.begin(), dense.end());
    made.file.tensors.push_back(std::move(tensor));
  };
  const auto add_bytes = [&](std::string_view text) {
    const SampleTensor bytes = sample_bytes(text);
    add(bytes, bytes.bytes);
  };
  add_bytes("before");
  unsigned seed = 0;
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    const unsigned number = seed / 4;
    const std::string layer = "layers." + std::to_string(number) + ".";
    const std::string of(dtype_info(dtype).name);
    PivotSample rows = pivot_sample(layer + "rows of " + of, dtype, 30, 4, {0, 1, 7, 29}, ++seed);
    rows.tensor.spec.layer = number;
    add(std::move(rows.tensor), rows.dense);
    PivotSample columns =
        pivot_sample(layer + "columns of " + of, dtype, 4, 30, {3, 4, 11, 28}, ++seed);
    columns.tensor.spec.layer = number;
    add(std::move(columns.tensor), columns.dense);
  }
  add_bytes("after");
  return made;
}

}  // namespace bbz
