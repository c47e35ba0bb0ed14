// Models made for tests, as safetensors in strings.
#pragma once

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "bbz/files/safetensors/header.h"

namespace bbz::tools {

// A safetensors file with this text as its JSON, padded with spaces, and data of this many bytes.
inline std::string raw_safetensors(std::string json, const std::string& data) {
  std::string file(8, '\0');
  const std::uint64_t size = json.size();
  std::memcpy(file.data(), &size, sizeof size);
  return file + json + data;
}

// BF16 weights of a normal distribution, as trained ones roughly are.
inline std::string bf16_weights(std::size_t elements, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 0.02F);
  std::string bytes;
  bytes.reserve(2 * elements);
  for (std::size_t i = 0; i < elements; ++i) {
    const float value = normal(random);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    bytes.push_back(static_cast<char>(bits >> 16 & 0xFF));
    bytes.push_back(static_cast<char>(bits >> 24));
  }
  return bytes;
}

// A model of some layers of BF16, with metadata.
inline std::string layered_model(unsigned layers, std::uint64_t width, unsigned seed = 1) {
  std::vector<safetensors::Tensor> tensors;
  std::string data;
  const auto add = [&](std::string name, Shape shape) {
    const std::uint64_t elements = *element_count(shape);
    data += bf16_weights(elements, seed++);
    tensors.push_back({std::move(name), DType::kBF16, std::move(shape), 0, 0});
  };
  add("model.embed_tokens.weight", {50, width});
  for (unsigned i = 0; i < layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i);
    add(layer + ".self_attn.q_proj.weight", {width, width});
    add(layer + ".mlp.up_proj.weight", {2 * width, width});
    add(layer + ".norm.weight", {width});
  }
  const auto header = safetensors::build(tensors, {{"format", "pt"}}).value();
  return std::string(reinterpret_cast<const char*>(header.data()), header.size()) + data;
}

}  // namespace bbz::tools
