#include "models/pieces.h"

#include <algorithm>
#include <cmath>

#include "bbz/base/hash.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/factor.h"

namespace bbz::test_models {

using linalg::Index;
using linalg::Matrix;

const junction::Family& family_of(const Spec& spec) {
  const auto families = junction::families();
  return *std::ranges::find(families, spec.family, &junction::Family::name);
}

std::uint64_t junction_width(const Spec& spec, std::size_t junction) {
  const std::size_t last = spec.layers * family_of(spec).sub_blocks.size();
  if (spec.widths.empty() || (junction == last && !spec.sliced_head)) return spec.hidden;
  return spec.widths[std::min(junction, spec.widths.size() - 1)];
}

std::uint64_t head_size(const Spec& spec) {
  return spec.head_size != 0 ? spec.head_size : spec.hidden / spec.heads;
}

std::uint64_t inner_width(const Spec& spec, std::string_view projection) {
  const std::uint64_t size = head_size(spec);
  if (projection.ends_with("qkv_proj")) return (spec.heads + 2 * spec.kv_heads) * size;
  if (projection.ends_with("k_proj") || projection.ends_with("v_proj")) return spec.kv_heads * size;
  if (projection.ends_with("gate_up_proj")) return 2 * spec.inner;
  return projection.starts_with("self_attn.") ? spec.heads * size : spec.inner;
}

bool has_biases(const Spec& spec) {
  return spec.family == "opt" || spec.family == "phi-2";
}

Matrix gaussian(std::uint64_t rows, std::uint64_t cols, double scale, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  Matrix m(static_cast<Index>(rows), static_cast<Index>(cols));
  for (Index i = 0; i < m.rows(); ++i) {
    const double row = scale * std::exp(0.3 * normal(random));
    for (Index j = 0; j < m.cols(); ++j) m(i, j) = row * normal(random);
  }
  return m;
}

Matrix random_orthogonal(std::uint64_t n, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  Matrix m(static_cast<Index>(n), static_cast<Index>(n));
  for (double& x : m.reshaped()) x = normal(random);
  return linalg::lq(m).q;
}

void append(Model& model, const std::string& name, const Matrix& matrix, DType dtype, bool vector) {
  Shape shape = {static_cast<std::uint64_t>(matrix.rows()),
                 static_cast<std::uint64_t>(matrix.cols())};
  if (vector) shape = {static_cast<std::uint64_t>(matrix.size())};
  model.infos.push_back({name, dtype, std::move(shape)});
  model.bytes.emplace_back(static_cast<std::size_t>(matrix.size()) * dtype_info(dtype).bits / 8);
  linalg::store_matrix(matrix, dtype, model.bytes.back());
}

Matrix matrix(const Model& model, std::size_t tensor) {
  const TensorInfo& info = model.infos[tensor];
  const Index cols = info.shape.size() == 1 ? 1 : static_cast<Index>(info.shape[1]);
  return linalg::load_matrix(model.bytes[tensor], info.dtype, static_cast<Index>(info.shape[0]),
                             cols);
}

const std::vector<std::byte>& Model::get(std::string_view name) const {
  return bytes[find(name)];
}

std::size_t Model::find(std::string_view name) const {
  const auto found = std::ranges::find(infos, name, &TensorInfo::name);
  return static_cast<std::size_t>(found - infos.begin());
}

std::uint64_t seed_of(std::uint64_t seed, std::string_view name) {
  return seed * 0x9e3779b97f4a7c15ull ^ xxh3_64(std::as_bytes(std::span(name)));
}

std::vector<std::byte> random_weights(std::uint64_t rows, std::uint64_t cols, double scale,
                                      DType dtype, std::uint64_t seed) {
  const Matrix m = gaussian(rows, cols, scale, seed);
  std::vector<std::byte> bytes(rows * cols * dtype_info(dtype).bits / 8);
  linalg::store_matrix(m, dtype, bytes);
  return bytes;
}

}  // namespace bbz::test_models
