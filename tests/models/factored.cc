#include "models/factored.h"

#include <algorithm>
#include <cmath>

#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/factor.h"
#include "bbz/symmetry/linalg/inverse.h"
#include "bbz/symmetry/linalg/product.h"
#include "bbz/symmetry/pair/find.h"
#include "models/pieces.h"

namespace bbz::test_models {
namespace {

using linalg::Index;
using linalg::Matrix;

constexpr std::string_view kWeight = ".weight";

const pair::Family& row_of(const Factoring& how) {
  return pair::families()[how.row];
}

// The common part of the names of the factors of a matrix, such as "layer.q_proj.weight": what is left
// without a suffix that the row knows; for an adapter, without ".weight".
std::string stem_of(const pair::Family& family, const std::string& name) {
  for (const std::string_view whole : family.wholes) {
    if (name.ends_with(whole)) return name.substr(0, name.size() - whole.size());
  }
  return name.substr(0, name.size() - kWeight.size());
}

std::string bias_of(const pair::Family& family, const std::string& stem) {
  const std::string a = stem + std::string(family.a);
  return a.substr(0, a.size() - kWeight.size()) + ".bias";
}

bool is_projection(const Spec& spec, const TensorInfo& info) {
  return info.shape.size() == 2 && info.name.starts_with(family_of(spec).layers);
}

// The names, types and shapes of a plain_llama() or plain_opt().
std::vector<TensorInfo> plain_infos(const Spec& spec) {
  std::vector<TensorInfo> infos;
  const junction::Family& family = family_of(spec);
  const auto add = [&](const std::string& name, Shape shape) {
    infos.push_back({name, spec.dtype, std::move(shape)});
    if (has_biases(spec) && name.starts_with(family.layers)) {
      infos.push_back({name.substr(0, name.size() - kWeight.size()) + ".bias",
                       spec.dtype,
                       {infos.back().shape[0]}});
    }
  };
  for (const std::string_view name : family.embeddings) {
    const bool tokens = name == family.embeddings[0];
    infos.push_back(
        {std::string(name), spec.dtype, {tokens ? spec.vocabulary : spec.positions, spec.hidden}});
  }
  for (std::uint32_t l = 0; l < spec.layers; ++l) {
    const std::string prefix = std::string(family.layers) + std::to_string(l) + ".";
    for (const junction::SubBlock& sub : family.sub_blocks) {
      for (const std::string_view name : sub.reads) {
        add(prefix + std::string(name) + ".weight", {inner_width(spec, name), spec.hidden});
      }
      for (const std::string_view name : sub.writes) {
        add(prefix + std::string(name) + ".weight", {spec.hidden, inner_width(spec, name)});
      }
      add(prefix + std::string(sub.norm) + ".weight", {spec.hidden});
    }
  }
  add(std::string(family.final_norm) + ".weight", {spec.hidden});
  add(std::string(family.head) + ".weight", {spec.vocabulary, spec.hidden});
  return infos;
}

// The square root of the k-th of `rank` singular values of a matrix times the covariance of its inputs.
double root_of_value(std::uint64_t k, std::uint64_t rank) {
  return 30.0 * std::pow(1.0 + 10.0 * static_cast<double>(k) / static_cast<double>(rank), -1.2);
}

}  // namespace

std::uint64_t rank_of(const Factoring& how, std::uint64_t out, std::uint64_t in) {
  const double numbers = how.share * static_cast<double>(out) * static_cast<double>(in);
  const auto rank = how.rank != 0
                        ? how.rank
                        : static_cast<std::uint64_t>(numbers / static_cast<double>(out + in));
  return std::clamp(rank, std::uint64_t{1}, std::min(out, in));
}

Model factored(const Model& plain, const Spec& spec, const Factoring& how) {
  const pair::Family& family = row_of(how);
  Model model;
  for (std::size_t t = 0; t < plain.infos.size(); ++t) {
    const TensorInfo& info = plain.infos[t];
    const auto copy = [&](std::string name) {
      model.infos.push_back({std::move(name), info.dtype, info.shape});
      model.bytes.push_back(plain.bytes[t]);
    };
    const std::string weight = info.name.substr(0, info.name.rfind('.')) + std::string(kWeight);
    const std::size_t owner = plain.find(weight);
    const bool of_projection =
        owner < plain.infos.size() && is_projection(spec, plain.infos[owner]);
    const std::string stem = stem_of(family, weight);
    if (of_projection && owner != t && !family.wholes.empty()) {
      copy(bias_of(family, stem));
      continue;
    }
    if (owner != t || !of_projection) {
      copy(info.name);
      continue;
    }
    const std::uint64_t rank = rank_of(how, info.shape[0], info.shape[1]);
    Matrix a, b;
    if (family.wholes.empty()) {
      copy(info.name);
      a = gaussian(info.shape[0], rank, 0.01, seed_of(spec.seed, stem + "A"));
      b = gaussian(rank, info.shape[1], 0.01, seed_of(spec.seed, stem + "B"));
    } else {
      const linalg::Svd svd = *linalg::svd(matrix(plain, t));
      const auto r = static_cast<Index>(rank);
      const linalg::Vector root = svd.values.head(r).cwiseSqrt();
      a = svd.u.leftCols(r) * root.asDiagonal();
      b = root.asDiagonal() * svd.vt.topRows(r);
    }
    append(model, stem + std::string(family.a), a, info.dtype);
    append(model, stem + std::string(family.b), b, info.dtype);
  }
  return model;
}

Model refactored(const Model& model, std::uint64_t seed) {
  Model out = model;
  for (const pair::Pair& pair : pair::find_pairs(model.infos)) {
    const Matrix rotation = random_orthogonal(pair.rank, seed_of(seed, pair.stem));
    Matrix g = rotation + 0.3 * gaussian(pair.rank, pair.rank,
                                         1 / std::sqrt(static_cast<double>(pair.rank)),
                                         seed_of(seed, pair.stem + "g"));
    const Matrix a = linalg::product(matrix(model, pair.a), g);
    linalg::invert(g);
    const Matrix b = linalg::product(g, matrix(model, pair.b));
    linalg::store_matrix(a, model.infos[pair.a].dtype, out.bytes[pair.a]);
    linalg::store_matrix(b, model.infos[pair.b].dtype, out.bytes[pair.b]);
  }
  return out;
}

std::vector<TensorInfo> factored_infos(const Spec& spec, const Factoring& how) {
  const pair::Family& family = row_of(how);
  std::vector<TensorInfo> infos;
  for (TensorInfo& info : plain_infos(spec)) {
    const bool projection = is_projection(spec, info);
    if (!projection || family.wholes.empty()) infos.push_back(info);
    if (!projection) continue;
    const std::string stem = stem_of(family, info.name);
    const std::uint64_t rank = rank_of(how, info.shape[0], info.shape[1]);
    infos.push_back({stem + std::string(family.a), spec.dtype, {info.shape[0], rank}});
    infos.push_back({stem + std::string(family.b), spec.dtype, {rank, info.shape[1]}});
  }
  return infos;
}

std::vector<std::byte> factored_bytes(const Spec& spec, const TensorInfo& info) {
  const std::uint64_t seed = seed_of(spec.seed, info.name);
  const std::uint64_t rows = info.shape[0], cols = info.shape.size() == 1 ? 1 : info.shape[1];
  const auto is = [&](std::string_view pair::Family::*suffix) {
    return std::ranges::any_of(pair::families(),
                               [&](const auto& row) { return info.name.ends_with(row.*suffix); });
  };
  const bool a = is(&pair::Family::a), b = is(&pair::Family::b);
  if (info.shape.size() == 1) {
    Matrix vector = gaussian(1, rows, 0.1, seed);
    if (info.name.ends_with(kWeight)) vector.array() += 1.0;
    std::vector<std::byte> bytes(rows * dtype_info(spec.dtype).bits / 8);
    linalg::store_matrix(vector, spec.dtype, bytes);
    return bytes;
  }
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> columns(cols), row(cols);
  for (std::uint64_t k = 0; k < cols; ++k) {
    columns[k] = a   ? root_of_value(k, cols) / std::sqrt(static_cast<double>(rows))
                 : b ? std::exp(0.08 * normal(random)) / std::sqrt(static_cast<double>(cols))
                     : 0.02;
  }
  std::vector<std::byte> bytes(rows * cols * dtype_info(spec.dtype).bits / 8);
  const std::size_t row_bytes = bytes.size() / rows;
  for (std::uint64_t i = 0; i < rows; ++i) {
    const double scale = b ? 0.3 * std::pow(root_of_value(i, rows), -0.3)
                           : std::exp((a ? 0.15 : 0.3) * normal(random));
    for (std::uint64_t k = 0; k < cols; ++k) row[k] = scale * columns[k] * normal(random);
    linalg::store(row, spec.dtype, MutableBytes(bytes).subspan(i * row_bytes, row_bytes));
  }
  return bytes;
}

}  // namespace bbz::test_models
