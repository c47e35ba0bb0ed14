#include <cmath>

#include "bbz/symmetry/linalg/convert.h"
#include "models/pieces.h"

namespace bbz::test_models {
namespace {

using linalg::Index;
using linalg::Matrix;

Matrix get(const Model& model, const std::string& name) {
  const TensorInfo& info = model.infos[model.find(name)];
  const bool vector = info.shape.size() == 1;
  return linalg::load_matrix(model.get(name), info.dtype,
                             vector ? 1 : static_cast<Index>(info.shape[0]),
                             static_cast<Index>(info.shape.back()));
}

}  // namespace

Model plain_opt(const Spec& spec) {
  Model model;
  const junction::Family& family = family_of(spec);
  const auto random = [&](const std::string& name, std::uint64_t rows, std::uint64_t cols,
                          double scale) {
    return gaussian(rows, cols, scale, seed_of(spec.seed, name));
  };
  const auto add = [&](const std::string& name, std::uint64_t rows, std::uint64_t cols) {
    append(model, name + ".weight", random(name + ".weight", rows, cols, 0.2), spec.dtype);
    append(model, name + ".bias", random(name + ".bias", 1, rows, 0.2), spec.dtype, true);
  };
  const auto add_norm = [&](const std::string& name) {
    append(model, name + ".weight", random(name, 1, spec.hidden, 0.2).array() + 1.0, spec.dtype,
           true);
    append(model, name + ".bias", random(name + ".bias", 1, spec.hidden, 0.2), spec.dtype, true);
  };
  for (const std::string_view name : family.embeddings) {
    const std::uint64_t rows = name == family.embeddings[0] ? spec.vocabulary : spec.positions;
    append(model, std::string(name), random(std::string(name), rows, spec.hidden, 0.5), spec.dtype);
  }
  for (std::uint32_t l = 0; l < spec.layers; ++l) {
    const std::string prefix = std::string(family.layers) + std::to_string(l) + ".";
    for (const junction::SubBlock& sub : family.sub_blocks) {
      for (const auto name : sub.reads)
        add(prefix + std::string(name), inner_width(spec, name), spec.hidden);
      for (const auto name : sub.writes)
        add(prefix + std::string(name), spec.hidden, inner_width(spec, name));
      add_norm(prefix + std::string(sub.norm));
    }
  }
  add_norm(std::string(family.final_norm));
  const std::string head = std::string(family.head) + ".weight";
  append(model, head, random(head, spec.vocabulary, spec.hidden, 0.2), spec.dtype);
  return model;
}

Model rotate_exactly(const Model& plain, const Spec& spec) {
  const junction::Family& family = family_of(spec);
  const bool centred = spec.family == "opt";  // LayerNorm's mean goes into what writes
  const auto d = static_cast<Index>(spec.hidden);
  const Matrix centre =
      Matrix::Identity(d, d) - Matrix::Constant(d, d, centred ? 1.0 / static_cast<double>(d) : 0.0);
  std::vector<Matrix> q;
  for (std::size_t j = 0; j <= spec.layers * family.sub_blocks.size(); ++j) {
    q.push_back(random_orthogonal(spec.hidden, spec.seed + 100 + j));
  }
  Model out;
  const auto put = [&](const std::string& name, const Matrix& m, bool vector = false) {
    append(out, name, m, spec.dtype, vector);
  };
  // W (norm(x) g + b) + c = (W diag(g)) norm(x) + (W b + c).
  const auto put_reader = [&](const std::string& name, const std::string& norm,
                              const Matrix& basis) {
    const Matrix w = get(plain, name + ".weight");
    put(name + ".weight", w * get(plain, norm + ".weight").row(0).asDiagonal() * basis);
    if (!centred) return;
    Matrix bias = get(plain, norm + ".bias") * w.transpose();
    if (plain.find(name + ".bias") < plain.infos.size()) bias += get(plain, name + ".bias");
    put(name + ".bias", bias, true);
  };
  for (const auto name : family.embeddings) {
    put(std::string(name), get(plain, std::string(name)) * centre * q[0]);
  }
  std::size_t j = 0;
  for (std::uint32_t l = 0; l < spec.layers; ++l) {
    const std::string prefix = std::string(family.layers) + std::to_string(l) + ".";
    for (const junction::SubBlock& sub : family.sub_blocks) {
      for (const auto name : sub.reads) {
        put_reader(prefix + std::string(name), prefix + std::string(sub.norm), q[j]);
      }
      for (const auto write : sub.writes) {
        const std::string name = prefix + std::string(write);
        put(name + ".weight", q[j + 1].transpose() * centre * get(plain, name + ".weight"));
        if (centred) put(name + ".bias", get(plain, name + ".bias") * centre * q[j + 1], true);
      }
      put(prefix + std::string(sub.shortcut), q[j].transpose() * q[j + 1]);
      ++j;
    }
  }
  put_reader(std::string(family.head), std::string(family.final_norm), q[j]);
  return out;
}

}  // namespace bbz::test_models
