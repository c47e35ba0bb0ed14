#include "bbz/compare/forward/internal/model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::forward {
namespace {

using linalg::Index;
using linalg::Matrix;
using linalg::Op;
using Heads = Eigen::Ref<Matrix, 0, Eigen::OuterStride<>>;

// The number of rows before the first position in OPT's position embedding.
constexpr Index kOptPositionOffset = 2;

// Rotates the pairs (i, i + size/2) of every head by the angle t / base^(2i/size).
void apply_rotary(Matrix& heads, Index head_size, std::size_t length, double base) {
  const Index half = head_size / 2;
  for (Index row = 0; row < heads.rows(); ++row) {
    const double t = static_cast<double>(static_cast<std::size_t>(row) % length);
    for (Index i = 0; i < half; ++i) {
      const double angle =
          t / std::pow(base, 2.0 * static_cast<double>(i) / static_cast<double>(head_size));
      const double c = std::cos(angle), s = std::sin(angle);
      for (Index first = i; first < heads.cols(); first += head_size) {
        const double x = heads(row, first), y = heads(row, first + half);
        heads(row, first) = x * c - y * s;
        heads(row, first + half) = y * c + x * s;
      }
    }
  }
}

// Replaces every row by its softmax up to the diagonal, and by zeros right of it.
void causal_softmax(Matrix& scores) {
  for (Index t = 0; t < scores.rows(); ++t) {
    auto seen = scores.row(t).head(t + 1);
    seen = (seen.array() - seen.maxCoeff()).exp();
    seen /= seen.sum();
    scores.row(t).tail(scores.cols() - t - 1).setZero();
  }
}

}  // namespace

Result<Model> Model::load(std::span<const TensorInfo> tensors, const Config& config,
                          const LoadTensor& load) {
  Model model;
  model.config_ = config;
  BBZ_ASSIGN(model.weights_, Weights::load(tensors, load));
  BBZ_TRY(model.check_shapes());
  return model;
}

// Checks the shapes along the width of the residual stream. After this, every product is defined.
Status Model::check_shapes() const {
  const bool opt = config_.architecture == Architecture::kOpt;
  const std::string stem = trunk();
  const auto need = [&](const std::string& name, Index rows, Index cols) -> Status {
    const Matrix* m = weights_.find(name);
    if (m == nullptr)
      return make_error(Code::kMalformed, "{}: expected a float tensor, found none",
                        bbz::quoted(name));
    if ((rows >= 0 && m->rows() != rows) || (cols >= 0 && m->cols() != cols)) {
      return make_error(Code::kMalformed, "{}: expected {} x {} (-1: any), found {} x {}",
                        bbz::quoted(name), rows, cols, m->rows(), m->cols());
    }
    return {};
  };
  const auto may = [&](const std::string& name, Index rows, Index cols) -> Status {
    return weights_.find(name) == nullptr ? Status() : need(name, rows, cols);
  };
  const auto projection = [&](const std::string& name, Index rows, Index cols) -> Status {
    BBZ_ASSIGN(const Linear layer, weights_.linear(name));
    if ((rows >= 0 && layer.out() != rows) || layer.in() != cols) {
      return make_error(Code::kMalformed, "{}: expected {} x {} (-1: any), found {}{} x {}",
                        bbz::quoted(name + ".weight"), rows, cols,
                        layer.b == nullptr ? "" : "a product of ", layer.out(), layer.in());
    }
    return may(layer.bias_name, 1, layer.out());
  };
  const auto norm_at = [&](const std::string& name, Index width) -> Status {
    BBZ_TRY(may(name + ".weight", 1, width));
    return may(name + ".bias", 1, width);
  };
  BBZ_TRY(need(stem + "embed_tokens.weight", static_cast<Index>(config_.vocabulary), -1));
  Index width = weights_.get(stem + "embed_tokens.weight").cols();
  if (opt) BBZ_TRY(need(stem + "embed_positions.weight", -1, width));
  const auto pass = [&](const std::string& shortcut) -> Status {
    if (weights_.find(shortcut) == nullptr) return {};
    BBZ_TRY(need(shortcut, width, -1));
    width = weights_.get(shortcut).cols();
    return {};
  };
  const auto query = static_cast<Index>(config_.heads * config_.head_size);
  const auto key = static_cast<Index>(config_.kv_heads * config_.head_size);
  for (std::uint32_t l = 0; l < config_.layers; ++l) {
    const std::string p = fmt::format("{}layers.{}.", stem, l);
    BBZ_TRY(norm_at(p + (opt ? "self_attn_layer_norm" : "input_layernorm"), width));
    BBZ_TRY(projection(p + "self_attn.q_proj", query, width));
    BBZ_TRY(projection(p + "self_attn.k_proj", key, width));
    BBZ_TRY(projection(p + "self_attn.v_proj", key, width));
    BBZ_TRY(pass(p + "attn_shortcut_Q"));
    BBZ_TRY(projection(p + (opt ? "self_attn.out_proj" : "self_attn.o_proj"), width, query));
    BBZ_TRY(norm_at(p + (opt ? "final_layer_norm" : "post_attention_layernorm"), width));
    BBZ_TRY(projection(p + (opt ? "fc1" : "mlp.up_proj"), -1, width));
    const Index inner = weights_.linear(p + (opt ? "fc1" : "mlp.up_proj"))->out();
    if (!opt) BBZ_TRY(projection(p + "mlp.gate_proj", inner, width));
    BBZ_TRY(pass(p + "mlp_shortcut_Q"));
    BBZ_TRY(projection(p + (opt ? "fc2" : "mlp.down_proj"), width, inner));
  }
  BBZ_TRY(norm_at(stem + (opt ? "final_layer_norm" : "norm"), width));
  return projection(head(), static_cast<Index>(config_.vocabulary), width);
}

// What the names of the tensors between the embedding and the head begin with.
std::string Model::trunk() const {
  return config_.prefix +
         (config_.architecture == Architecture::kOpt ? "model.decoder." : "model.");
}

// The layer that gives the logits: the embedding if the head is tied to it.
std::string Model::head() const {
  const std::string own = config_.prefix + "lm_head";
  return weights_.has_linear(own) ? own : trunk() + "embed_tokens";
}

Matrix Model::embed(std::span<const std::uint32_t> tokens, std::size_t length) const {
  const bool opt = config_.architecture == Architecture::kOpt;
  const Matrix& table = weights_.get(trunk() + "embed_tokens.weight");
  const Matrix* const positions = opt ? weights_.find(trunk() + "embed_positions.weight") : nullptr;
  Matrix x(static_cast<Index>(tokens.size()), table.cols());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto row = static_cast<Index>(i);
    x.row(row) = table.row(tokens[i]);
    if (positions != nullptr) {
      x.row(row) += positions->row(static_cast<Index>(i % length) + kOptPositionOffset);
    }
  }
  return x;
}

// With a weight, applies the norm of the architecture. Without one, applies RMSNorm over the hidden
// size before slicing: slicing moved the weight (and, in OPT, the subtraction of the mean) into the
// neighbours.
Matrix Model::norm(const Matrix& x, const std::string& name) const {
  const Matrix* weight = weights_.find(name + ".weight");
  const Matrix* bias = weights_.find(name + ".bias");
  const bool layer_norm = weight != nullptr && config_.architecture == Architecture::kOpt;
  const auto count = static_cast<double>(weight != nullptr ? static_cast<std::uint64_t>(x.cols())
                                                           : config_.hidden);
  Matrix out = x;
  for (Index t = 0; t < x.rows(); ++t) {
    if (layer_norm) out.row(t).array() -= out.row(t).mean();
    out.row(t) /= std::sqrt(out.row(t).squaredNorm() / count + config_.norm_epsilon);
    if (weight != nullptr) out.row(t).array() *= weight->row(0).array();
    if (bias != nullptr) out.row(t) += bias->row(0);
  }
  return out;
}

Matrix Model::linear(const Matrix& x, const std::string& name) const {
  const Linear layer = *weights_.linear(name);  // check_shapes() found it
  const auto times = [](const Matrix& rows, const Matrix& weight) {
    Matrix out(rows.rows(), weight.rows());
    linalg::multiply(rows, Op::kPlain, weight, Op::kTransposed, out);
    return out;
  };
  Matrix out = layer.b == nullptr ? times(x, *layer.a) : times(times(x, *layer.b), *layer.a);
  if (layer.bias != nullptr) out.rowwise() += layer.bias->row(0);
  return out;
}

Matrix Model::attention(const Matrix& h, const std::string& layer, std::size_t length) const {
  const bool opt = config_.architecture == Architecture::kOpt;
  const auto size = static_cast<Index>(config_.head_size);
  const auto group = static_cast<Index>(config_.heads / config_.kv_heads);
  Matrix q = linear(h, layer + "self_attn.q_proj");
  Matrix k = linear(h, layer + "self_attn.k_proj");
  const Matrix v = linear(h, layer + "self_attn.v_proj");
  if (!opt) {
    apply_rotary(q, size, length, config_.rotary_base);
    apply_rotary(k, size, length, config_.rotary_base);
  }
  const auto steps = static_cast<Index>(length);
  const double scale = 1.0 / std::sqrt(static_cast<double>(size));
  Matrix mixed(h.rows(), q.cols());
  Matrix scores(steps, steps);
  for (Index begin = 0; begin < h.rows(); begin += steps) {
    for (Index head = 0; head < static_cast<Index>(config_.heads); ++head) {
      const Index kv = head / group * size;
      linalg::multiply(q.block(begin, head * size, steps, size), Op::kPlain,
                       k.block(begin, kv, steps, size), Op::kTransposed, scores, scale);
      causal_softmax(scores);
      linalg::multiply(scores, Op::kPlain, v.block(begin, kv, steps, size), Op::kPlain,
                       mixed.block(begin, head * size, steps, size));
    }
  }
  return linear(mixed, layer + (opt ? "self_attn.out_proj" : "self_attn.o_proj"));
}

Matrix Model::mlp(const Matrix& h, const std::string& layer) const {
  if (config_.architecture == Architecture::kOpt) {
    return linear(linear(h, layer + "fc1").cwiseMax(0.0), layer + "fc2");
  }
  const Matrix gate = linear(h, layer + "mlp.gate_proj");
  Matrix inner = linear(h, layer + "mlp.up_proj");
  inner.array() *= gate.array() / (1.0 + (-gate.array()).exp());  // SiLU(gate) * up
  return linear(inner, layer + "mlp.down_proj");
}

// Adds the output of a sub-block to the residual stream, which first passes the shortcut if there
// is one.
void Model::step(Matrix& x, const std::string& shortcut, const Matrix& output) const {
  if (const Matrix* s = weights_.find(shortcut)) {
    x = linalg::product(x, *s) + output;
  } else {
    x += output;
  }
}

Result<Matrix> Model::logits(std::span<const std::uint32_t> tokens, std::size_t length) const {
  const bool opt = config_.architecture == Architecture::kOpt;
  if (length == 0 || tokens.size() % length != 0) {
    return make_error(Code::kInvalidArgument,
                      "expected whole sequences of {} tokens, found {} tokens in all", length,
                      tokens.size());
  }
  const auto largest = std::ranges::max_element(tokens);
  if (largest != tokens.end() && *largest >= config_.vocabulary) {
    return make_error(Code::kInvalidArgument, "expected tokens below {}, found {}",
                      config_.vocabulary, *largest);
  }
  if (opt) {
    const Index rows = weights_.get(trunk() + "embed_positions.weight").rows();
    if (static_cast<Index>(length) + kOptPositionOffset > rows) {
      return make_error(Code::kInvalidArgument, "expected sequences of at most {} tokens, found {}",
                        rows - kOptPositionOffset, length);
    }
  }
  const std::string stem = trunk();
  Matrix x = embed(tokens, length);
  for (std::uint32_t l = 0; l < config_.layers; ++l) {
    const std::string p = fmt::format("{}layers.{}.", stem, l);
    step(x, p + "attn_shortcut_Q",
         attention(norm(x, p + (opt ? "self_attn_layer_norm" : "input_layernorm")), p, length));
    step(x, p + "mlp_shortcut_Q",
         mlp(norm(x, p + (opt ? "final_layer_norm" : "post_attention_layernorm")), p));
  }
  x = norm(x, stem + (opt ? "final_layer_norm" : "norm"));
  return linear(x, head());
}

}  // namespace bbz::forward
