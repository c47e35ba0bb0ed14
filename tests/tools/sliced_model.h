// Models of tests/models as files of safetensors.
#pragma once

#include <string>

#include "bbz/files/safetensors/header.h"
#include "models/models.h"

namespace bbz::tools {

inline std::string safetensors_of(const test_models::Model& model,
                                  const safetensors::Metadata& metadata = {}) {
  std::vector<safetensors::Tensor> tensors;
  for (const TensorInfo& info : model.infos) {
    tensors.push_back({info.name, info.dtype, info.shape, 0, 0});
  }
  const auto header = safetensors::build(tensors, metadata).value();
  std::string file(reinterpret_cast<const char*>(header.data()), header.size());
  for (const auto& bytes : model.bytes) {
    file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return file;
}

// A sliced Llama of five widths, small enough for any test.
inline test_models::Model small_sliced_model() {
  test_models::Spec spec;
  spec.hidden = 32;
  spec.widths = {26, 24, 27, 25, 24};
  spec.inner = 64;
  return test_models::sliced_model(spec);
}

// The names and shapes of a sliced model of this width.
inline std::vector<std::pair<std::string, Shape>> wide_model(std::uint64_t width) {
  test_models::Spec spec;
  spec.hidden = width + 64;
  spec.widths = {width};
  spec.inner = 128;
  std::vector<std::pair<std::string, Shape>> tensors;
  for (const auto& info : test_models::sliced_infos(spec)) {
    tensors.emplace_back(info.name, info.shape);
  }
  return tensors;
}

}  // namespace bbz::tools
