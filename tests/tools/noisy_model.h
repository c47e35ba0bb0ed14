// A model whose archive is about as large as itself, for tests that count bytes.
#pragma once

#include "support/bytes.h"
#include "tools/models.h"

namespace bbz::tools {

// Layers of bytes that do not pack, so that the share of anything else is small.
inline std::string noisy_model(unsigned layers, std::uint64_t layer_bytes) {
  std::vector<safetensors::Tensor> tensors;
  std::string data;
  for (unsigned i = 0; i < layers; ++i) {
    for (const std::string part : {"attn", "mlp"}) {
      tensors.push_back({"model.layers." + std::to_string(i) + "." + part + ".weight",
                         DType::kU8,
                         {layer_bytes / 2048, 1024},
                         0,
                         0});
      data += noise_text(layer_bytes / 2, 2 * i + (part == "mlp" ? 1 : 0));
    }
  }
  const auto header = safetensors::build(tensors, {{"format", "pt"}}).value();
  return std::string(reinterpret_cast<const char*>(header.data()), header.size()) + data;
}

}  // namespace bbz::tools
