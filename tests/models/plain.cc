#include "models/pieces.h"

namespace bbz::test_models {

using linalg::Matrix;

Model plain_llama(const Spec& spec) {
  Model model;
  const junction::Family& family = family_of(spec);
  const auto add = [&](const std::string& name, std::uint64_t rows, std::uint64_t cols) {
    append(model, name, gaussian(rows, cols, 0.02, seed_of(spec.seed, name)), spec.dtype);
  };
  const auto add_norm = [&](const std::string& name) {
    const Matrix z = gaussian(1, spec.hidden, 0.1, seed_of(spec.seed, name));
    append(model, name, z.array() + 1.0, spec.dtype, true);
  };
  add(std::string(family.embeddings[0]), spec.vocabulary, spec.hidden);
  for (std::uint32_t l = 0; l < spec.layers; ++l) {
    const std::string prefix = std::string(family.layers) + std::to_string(l) + ".";
    for (const junction::SubBlock& sub : family.sub_blocks) {
      for (const std::string_view name : sub.reads) {
        add(prefix + std::string(name) + ".weight", inner_width(spec, name), spec.hidden);
      }
      for (const std::string_view name : sub.writes) {
        add(prefix + std::string(name) + ".weight", spec.hidden, inner_width(spec, name));
      }
      add_norm(prefix + std::string(sub.norm) + ".weight");
    }
  }
  add_norm(std::string(family.final_norm) + ".weight");
  add(std::string(family.head) + ".weight", spec.vocabulary, spec.hidden);
  return model;
}

}  // namespace bbz::test_models
