#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/factor.h"
#include "bbz/symmetry/linalg/product.h"
#include "models/pieces.h"

namespace bbz::test_models {
namespace {

using junction::SubBlock;
using linalg::Index;
using linalg::Matrix;

std::string in_layer(const Spec& spec, std::uint32_t layer, std::string_view name,
                     std::string_view part = {}) {
  return std::string(family_of(spec).layers) + std::to_string(layer) + "." + std::string(name) +
         std::string(part);
}

Matrix normalised(const Matrix& x) {
  Matrix out = x;
  for (Index i = 0; i < x.rows(); ++i) {
    out.row(i) /= std::sqrt(x.row(i).squaredNorm() / static_cast<double>(x.cols()) + 1e-5);
  }
  return out;
}

// A random model of hidden size D, as matrices by name, and its residual at every junction.
class Unsliced {
 public:
  explicit Unsliced(const Spec& spec) : spec_(spec) {
    const junction::Family& family = family_of(spec);
    for (const auto name : family.embeddings) {
      const bool tokens = name == family.embeddings[0];
      make(std::string(name), tokens ? spec.vocabulary : spec.positions, spec.hidden, 0.5);
    }
    for (std::uint32_t l = 0; l < spec.layers; ++l) {
      for (const SubBlock& sub : family.sub_blocks) {
        for (const auto name : sub.reads) make_projection(l, name, true);
        for (const auto name : sub.writes) make_projection(l, name, false);
      }
    }
    make(std::string(family.head) + ".weight", spec.vocabulary, spec.hidden, 0.1);
  }

  const Matrix& get(const std::string& name) const { return weights_.at(name); }

  // Principal components of the normalised residual at every junction, most variance first.
  std::vector<Matrix> components() const {
    const junction::Family& family = family_of(spec_);
    constexpr Index kTokens = 256;
    std::mt19937_64 random(seed_of(spec_.seed, "tokens"));
    Matrix x(kTokens, static_cast<Index>(spec_.hidden));
    for (Index t = 0; t < kTokens; ++t) {
      x.row(t).setZero();
      for (const auto name : family.embeddings) {
        const Matrix& table = get(std::string(name));
        x.row(t) +=
            table.row(static_cast<Index>(random() % static_cast<std::uint64_t>(table.rows())));
      }
    }
    std::vector<Matrix> all;
    for (std::uint32_t l = 0; l < spec_.layers; ++l) {
      for (const SubBlock& sub : family.sub_blocks) {
        all.push_back(components_of(x));
        x += output(l, sub, normalised(x));
      }
    }
    all.push_back(components_of(x));
    return all;
  }

 private:
  void make(const std::string& name, std::uint64_t rows, std::uint64_t cols, double scale) {
    weights_[name] = gaussian(rows, cols, scale, seed_of(spec_.seed, name));
  }

  void make_projection(std::uint32_t layer, std::string_view name, bool reads) {
    const std::uint64_t inner = inner_width(spec_, name);
    const std::uint64_t out = reads ? inner : spec_.hidden, in = reads ? spec_.hidden : inner;
    make(in_layer(spec_, layer, name, ".weight"), out, in,
         1.0 / std::sqrt(static_cast<double>(in)));
    if (has_biases(spec_)) make(in_layer(spec_, layer, name, ".bias"), out, 1, 0.1);
  }

  static Matrix components_of(const Matrix& x) {
    const Matrix vectors =
        linalg::eigh(linalg::gram(normalised(x), linalg::Op::kTransposed))->vectors;
    return vectors.rowwise().reverse();
  }

  // A sub-block with every non-linearity simplified: an input projection that is wider than an
  // output projection's input is cut, and attention looks at all of the past alike.
  Matrix output(std::uint32_t layer, const SubBlock& sub, const Matrix& h) const {
    Matrix sum = Matrix::Zero(h.rows(), h.cols());
    for (const auto write : sub.writes) {
      const Matrix& w = get(in_layer(spec_, layer, write, ".weight"));
      const bool attention = write.starts_with("self_attn.");
      const auto read = std::ranges::find_if(sub.reads, [&](std::string_view name) {
        return name.starts_with("self_attn.") == attention && !name.ends_with("k_proj");
      });
      Matrix inner = h * get(in_layer(spec_, layer, *read, ".weight")).transpose();
      if (attention) {
        for (Index t = 1; t < inner.rows(); ++t) inner.row(t) += inner.row(t - 1);
        for (Index t = 0; t < inner.rows(); ++t) inner.row(t) /= static_cast<double>(t + 1);
      } else {
        inner = inner.cwiseMax(0.0);
      }
      sum += inner.leftCols(w.cols()) * w.transpose();
    }
    return sum;
  }

  const Spec& spec_;
  std::map<std::string, Matrix> weights_;
};

}  // namespace

std::vector<TensorInfo> sliced_infos(const Spec& spec) {
  std::vector<TensorInfo> infos;
  const junction::Family& family = family_of(spec);
  const auto add = [&](std::string name, Shape shape) {
    infos.push_back({std::move(name), spec.dtype, std::move(shape)});
  };
  for (const auto name : family.embeddings) {
    add(std::string(name),
        {name == family.embeddings[0] ? spec.vocabulary : spec.positions, junction_width(spec, 0)});
  }
  std::size_t j = 0;
  for (std::uint32_t l = 0; l < spec.layers; ++l) {
    for (const SubBlock& sub : family.sub_blocks) {
      const std::uint64_t before = junction_width(spec, j), after = junction_width(spec, j + 1);
      for (const auto name : sub.reads) {
        add(in_layer(spec, l, name, ".weight"), {inner_width(spec, name), before});
        if (has_biases(spec)) add(in_layer(spec, l, name, ".bias"), {inner_width(spec, name)});
      }
      for (const auto name : sub.writes) {
        add(in_layer(spec, l, name, ".weight"), {after, inner_width(spec, name)});
        if (has_biases(spec)) add(in_layer(spec, l, name, ".bias"), {after});
      }
      add(in_layer(spec, l, sub.shortcut), {before, after});
      ++j;
    }
  }
  add(std::string(family.head) + ".weight", {spec.vocabulary, junction_width(spec, j)});
  if (spec.family == "phi-2") add(std::string(family.head) + ".bias", {spec.vocabulary});
  return infos;
}

Model sliced_model(const Spec& spec) {
  const junction::Family& family = family_of(spec);
  const Unsliced whole(spec);
  std::vector<Matrix> q = whole.components();
  for (std::size_t j = 0; j < q.size(); ++j) {
    q[j] = q[j].leftCols(static_cast<Index>(junction_width(spec, j))).eval();
  }
  std::map<std::string, Matrix> sliced;
  for (const auto name : family.embeddings)
    sliced[std::string(name)] = whole.get(std::string(name)) * q[0];
  std::size_t j = 0;
  for (std::uint32_t l = 0; l < spec.layers; ++l) {
    for (const SubBlock& sub : family.sub_blocks) {
      for (const auto name : sub.reads) {
        const std::string weight = in_layer(spec, l, name, ".weight");
        sliced[weight] = whole.get(weight) * q[j];
        if (has_biases(spec)) {
          const std::string bias = in_layer(spec, l, name, ".bias");
          sliced[bias] = whole.get(bias);
        }
      }
      for (const auto name : sub.writes) {
        for (const std::string_view part : {".weight", ".bias"}) {
          if (part == ".bias" && !has_biases(spec)) continue;
          const std::string full = in_layer(spec, l, name, part);
          sliced[full] = q[j + 1].transpose() * whole.get(full);
        }
      }
      sliced[in_layer(spec, l, sub.shortcut)] = q[j].transpose() * q[j + 1];
      ++j;
    }
  }
  const std::string head = std::string(family.head);
  sliced[head + ".weight"] = whole.get(head + ".weight") * q[j];
  if (spec.family == "phi-2") {
    sliced[head + ".bias"] = gaussian(spec.vocabulary, 1, 0.1, seed_of(spec.seed, head + ".bias"));
  }
  Model model;
  for (const TensorInfo& info : sliced_infos(spec)) {
    append(model, info.name, sliced.at(info.name), info.dtype, info.shape.size() == 1);
  }
  return model;
}

LargeModel::LargeModel(Spec spec)
    : spec_(std::move(spec)), infos_(sliced_infos(spec_)), gaussian_(std::size_t{1} << 20) {
  std::mt19937_64 random(spec_.seed);
  std::normal_distribution<double> normal;
  for (double& x : gaussian_) x = normal(random);
}
LargeModel::~LargeModel() = default;
LargeModel::LargeModel(LargeModel&&) noexcept = default;

std::vector<std::byte> LargeModel::make(std::size_t tensor) const {
  const TensorInfo& info = infos_[tensor];
  const std::uint64_t seed = seed_of(spec_.seed, info.name);
  const std::uint64_t rows = info.shape[0], cols = info.shape.size() == 1 ? 1 : info.shape[1];
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(rows * cols * dtype_info(info.dtype).bits / 8);
  if (!info.name.ends_with("shortcut_Q")) {
    std::normal_distribution<double> normal;
    std::vector<double> row(cols);
    const std::size_t row_bytes = bytes.size() / rows;
    for (std::uint64_t i = 0; i < rows; ++i) {
      const double scale = 0.02 * std::exp(0.3 * normal(random));
      const double* from = gaussian_.data() + random() % (gaussian_.size() - cols);
      std::transform(from, from + cols, row.begin(), [scale](double x) { return scale * x; });
      linalg::store(row, info.dtype, MutableBytes(bytes).subspan(i * row_bytes, row_bytes));
    }
    return bytes;
  }
  if (orthogonal_.size() == 0) orthogonal_ = random_orthogonal(spec_.hidden, spec_.seed);
  std::vector<Index> from(spec_.hidden), to(spec_.hidden);
  std::iota(from.begin(), from.end(), 0);
  std::iota(to.begin(), to.end(), 0);
  std::ranges::shuffle(from, random);
  std::ranges::shuffle(to, random);
  Matrix shortcut(static_cast<Index>(rows), static_cast<Index>(cols));
  for (Index i = 0; i < shortcut.rows(); ++i) {
    const double sign = random() % 2 == 0 ? 1.0 : -1.0;
    for (Index k = 0; k < shortcut.cols(); ++k) {
      shortcut(i, k) =
          sign * orthogonal_(from[static_cast<std::size_t>(i)], to[static_cast<std::size_t>(k)]);
    }
  }
  linalg::store_matrix(shortcut, info.dtype, bytes);
  return bytes;
}

}  // namespace bbz::test_models
