#include "bbz/compare/forward/internal/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "bbz/symmetry/linalg/convert.h"
#include "compare/forward/small_model.h"
#include "models/models.h"

namespace bbz::forward {
namespace {

using linalg::Index;
using linalg::Matrix;
using test_models::Spec;
using testing::HasSubstr;

std::vector<std::uint32_t> random_tokens(std::size_t count, std::uint32_t below) {
  std::mt19937 random(7);
  std::vector<std::uint32_t> tokens(count);
  for (auto& token : tokens) token = static_cast<std::uint32_t>(random() % below);
  return tokens;
}

class Architectures : public testing::TestWithParam<std::string> {};

TEST_P(Architectures, NormsFusedAndJunctionsRotatedIsTheSameFunction) {
  const Spec spec = small(GetParam());
  const test_models::Model before = plain(spec);
  const test_models::Model after = test_models::rotate_exactly(before, spec);
  const auto tokens = random_tokens(24, 31);
  const auto a = loaded(before)->logits(tokens, 12);
  const auto b = loaded(after)->logits(tokens, 12);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->rows(), 24);
  EXPECT_EQ(a->cols(), 31);
  EXPECT_GT(a->cwiseAbs().maxCoeff(), 1e-3);
  EXPECT_LT((*a - *b).cwiseAbs().maxCoeff(), 1e-9);
}

TEST_P(Architectures, SeesThePastOnlyAndEachSequenceAlone) {
  const Spec spec = small(GetParam());
  const auto model = loaded(plain(spec));
  auto tokens = random_tokens(24, 31);
  const Matrix before = *model->logits(tokens, 12);
  tokens[17] = (tokens[17] + 1) % 31;
  const Matrix after = *model->logits(tokens, 12);
  EXPECT_EQ(before.topRows(17), after.topRows(17));
  EXPECT_NE(before.row(17), after.row(17));
  EXPECT_NE(before.row(18), after.row(18));
}

INSTANTIATE_TEST_SUITE_P(All, Architectures, testing::Values("llama", "opt"),
                         [](const auto& row) { return row.param; });

// One layer of each architecture written out entry by entry, for one head.
class ByHand {
 public:
  explicit ByHand(const test_models::Model& model) : model_(model) {}

  double w(const std::string& name, Index i, Index j = 0) const {
    const TensorInfo& info = model_.infos[model_.find(name)];
    const Index cols = info.shape.size() == 1 ? 1 : static_cast<Index>(info.shape[1]);
    double value;
    linalg::load(Bytes(model_.get(name)).subspan((i * cols + j) * 8, 8), DType::kF64, {&value, 1});
    return value;
  }
  using Row = std::vector<double>;
  Row linear(const std::string& name, const Row& x, Index out, bool bias) const {
    Row y(static_cast<std::size_t>(out));
    for (Index i = 0; i < out; ++i) {
      double sum = bias ? w(name + ".bias", i) : 0.0;
      for (std::size_t j = 0; j < x.size(); ++j)
        sum += w(name + ".weight", i, static_cast<Index>(j)) * x[j];
      y[static_cast<std::size_t>(i)] = sum;
    }
    return y;
  }
  Row layer_norm(const std::string& name, const Row& x, bool opt) const {
    const auto n = static_cast<double>(x.size());
    const double mean = opt ? std::accumulate(x.begin(), x.end(), 0.0) / n : 0.0;
    double variance = 0;
    for (const double v : x) variance += (v - mean) * (v - mean) / n;
    Row y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      y[i] =
          (x[i] - mean) / std::sqrt(variance + 1e-5) * w(name + ".weight", static_cast<Index>(i));
      if (opt) y[i] += w(name + ".bias", static_cast<Index>(i));
    }
    return y;
  }

 private:
  const test_models::Model& model_;
};

using Row = ByHand::Row;

void add(Row& x, const Row& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

// Attention of the last of several positions over all of them.
Row attend(const Row& q, const std::vector<Row>& k, const std::vector<Row>& v) {
  Row weights;
  double total = 0;
  for (const Row& key : k) {
    const double dot = std::inner_product(q.begin(), q.end(), key.begin(), 0.0);
    weights.push_back(std::exp(dot / std::sqrt(static_cast<double>(q.size()))));
    total += weights.back();
  }
  Row out(q.size());
  for (std::size_t t = 0; t < v.size(); ++t) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += weights[t] / total * v[t][i];
  }
  return out;
}

TEST(Forward, OptAgreesWithAPassWrittenOut) {
  Spec spec = small("opt");
  spec.layers = 1;
  spec.heads = spec.kv_heads = 1;
  const test_models::Model model = test_models::plain_opt(spec);
  const ByHand m(model);
  const std::vector<std::uint32_t> tokens = {5, 30, 0};
  const std::string p = "model.decoder.layers.0.";
  std::vector<Row> k, v;
  Row x(24), q;
  for (Index t = 0; t < 3; ++t) {
    for (Index i = 0; i < 24; ++i) {
      x[static_cast<std::size_t>(i)] =
          m.w("model.decoder.embed_tokens.weight", tokens[static_cast<std::size_t>(t)], i) +
          m.w("model.decoder.embed_positions.weight", t + 2, i);
    }
    const Row h = m.layer_norm(p + "self_attn_layer_norm", x, true);
    q = m.linear(p + "self_attn.q_proj", h, 8, true);
    k.push_back(m.linear(p + "self_attn.k_proj", h, 8, true));
    v.push_back(m.linear(p + "self_attn.v_proj", h, 8, true));
  }
  add(x, m.linear(p + "self_attn.out_proj", attend(q, k, v), 24, true));
  Row inner = m.linear(p + "fc1", m.layer_norm(p + "final_layer_norm", x, true), 40, true);
  for (double& a : inner) a = a > 0 ? a : 0;
  add(x, m.linear(p + "fc2", inner, 24, true));
  const Row z =
      m.linear("lm_head", m.layer_norm("model.decoder.final_layer_norm", x, true), 31, false);
  const Matrix logits = *loaded(model, 1)->logits(tokens, 3);
  for (Index i = 0; i < 31; ++i) EXPECT_NEAR(logits(2, i), z[static_cast<std::size_t>(i)], 1e-12);
}

TEST(Forward, LlamaAgreesWithAPassWrittenOut) {
  Spec spec = small("llama");
  spec.layers = 1;
  ASSERT_EQ(spec.heads, 4u);
  ASSERT_EQ(spec.kv_heads, 2u);
  const test_models::Model model = test_models::plain_llama(spec);
  const ByHand m(model);
  const std::vector<std::uint32_t> tokens = {5, 30, 0};
  const std::string p = "model.layers.0.";
  const auto rotary = [](Row x, int t) {
    Row y = x;
    for (int i = 0; i < 4; ++i) {
      const double a = t * std::pow(10000.0, -2.0 * i / 8);
      y[i] = x[i] * std::cos(a) - x[i + 4] * std::sin(a);
      y[i + 4] = x[i + 4] * std::cos(a) + x[i] * std::sin(a);
    }
    return y;
  };
  // Of a row of all heads, the one of this number.
  const auto head = [](const Row& all, int h) {
    return Row(all.begin() + 8 * h, all.begin() + 8 * (h + 1));
  };
  std::vector<Row> k[2], v[2];  // each for two heads of queries
  Row x(24), q[4];
  for (int t = 0; t < 3; ++t) {
    for (Index i = 0; i < 24; ++i) {
      x[static_cast<std::size_t>(i)] =
          m.w("model.embed_tokens.weight", tokens[static_cast<std::size_t>(t)], i);
    }
    const Row h = m.layer_norm(p + "input_layernorm", x, false);
    const Row queries = m.linear(p + "self_attn.q_proj", h, 32, false);
    const Row keys = m.linear(p + "self_attn.k_proj", h, 16, false);
    const Row values = m.linear(p + "self_attn.v_proj", h, 16, false);
    for (int i = 0; i < 4; ++i) q[i] = rotary(head(queries, i), t);
    for (int i = 0; i < 2; ++i) {
      k[i].push_back(rotary(head(keys, i), t));
      v[i].push_back(head(values, i));
    }
  }
  Row attended;
  for (int i = 0; i < 4; ++i) {
    const Row one = attend(q[i], k[i / 2], v[i / 2]);
    attended.insert(attended.end(), one.begin(), one.end());
  }
  add(x, m.linear(p + "self_attn.o_proj", attended, 24, false));
  const Row h = m.layer_norm(p + "post_attention_layernorm", x, false);
  Row inner = m.linear(p + "mlp.up_proj", h, 40, false);
  const Row gate = m.linear(p + "mlp.gate_proj", h, 40, false);
  for (std::size_t i = 0; i < 40; ++i) inner[i] *= gate[i] / (1 + std::exp(-gate[i]));
  add(x, m.linear(p + "mlp.down_proj", inner, 24, false));
  const Row z = m.linear("lm_head", m.layer_norm("model.norm", x, false), 31, false);
  const Matrix logits = *loaded(model)->logits(tokens, 3);
  for (Index i = 0; i < 31; ++i) EXPECT_NEAR(logits(2, i), z[static_cast<std::size_t>(i)], 1e-12);
}

TEST(Forward, RefusesTokensAndTensorsThatDoNotFit) {
  const Spec spec = small("opt");
  const test_models::Model model = test_models::plain_opt(spec);
  const auto good = loaded(model);
  EXPECT_EQ(good->logits(random_tokens(24, 31), 7).code(), Code::kInvalidArgument);
  EXPECT_EQ(good->logits(random_tokens(24, 31), 0).code(), Code::kInvalidArgument);
  EXPECT_EQ(good->logits(std::vector<std::uint32_t>{31}, 1).code(), Code::kInvalidArgument);
  EXPECT_EQ(good->logits(random_tokens(33, 31), 33).code(), Code::kInvalidArgument);
  EXPECT_TRUE(good->logits(random_tokens(32, 31), 32).ok());
  EXPECT_EQ(good->logits({}, 4)->rows(), 0);
  for (const char* name :
       {"model.decoder.layers.1.fc2.weight", "model.decoder.embed_positions.weight",
        "model.decoder.layers.0.self_attn.out_proj.bias", "lm_head.weight"}) {
    test_models::Model broken = model;
    auto& info = broken.infos[broken.find(name)];
    if (info.shape.size() == 2)
      std::swap(info.shape[0], info.shape[1]);
    else
      info.shape[0] -= 1, broken.bytes[broken.find(name)].resize(info.shape[0] * 8);
    const auto refused = loaded(broken);
    ASSERT_EQ(refused.code(), Code::kMalformed) << name;
    EXPECT_THAT(refused.error().message, HasSubstr(name));
  }
}

TEST(Forward, AddsTheBiasOfTheHead) {
  const test_models::Model model = test_models::plain_llama(small("llama"));
  test_models::Model biased = model;
  std::vector<double> bias(31);
  for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = 0.125 * static_cast<double>(i) - 1;
  biased.infos.push_back({"lm_head.bias", DType::kF64, {31}});
  const Bytes bytes = std::as_bytes(std::span(bias));
  biased.bytes.emplace_back(bytes.begin(), bytes.end());
  const auto tokens = random_tokens(12, 31);
  const Matrix without = *loaded(model)->logits(tokens, 12);
  const Matrix with = *loaded(biased)->logits(tokens, 12);
  for (Index i = 0; i < 31; ++i) {
    EXPECT_NEAR(with(5, i), without(5, i) + bias[static_cast<std::size_t>(i)], 1e-12);
  }
}

// Two sequences, so that it is seen which positions count.
TEST(Score, IsWhatTheLogitsSay) {
  Spec spec = small("llama");
  const auto a = loaded(test_models::plain_llama(spec));
  spec.seed = 2;
  const auto b = loaded(test_models::plain_llama(spec));
  const auto tokens = random_tokens(12, 31);
  double nll_a = 0, nll_b = 0, kl = 0, largest = 0;
  for (std::size_t begin = 0; begin < 12; begin += 6) {
    const auto seen = std::span(tokens).subspan(begin, 5);
    const Matrix za = *a->logits(seen, 5), zb = *b->logits(seen, 5);
    for (Index t = 0; t < 5; ++t) {
      const std::uint32_t next = tokens[begin + static_cast<std::size_t>(t) + 1];
      const double sum_a = za.row(t).array().exp().sum(), sum_b = zb.row(t).array().exp().sum();
      nll_a -= std::log(std::exp(za(t, next)) / sum_a);
      nll_b -= std::log(std::exp(zb(t, next)) / sum_b);
      for (Index i = 0; i < 31; ++i) {
        const double p = std::exp(za(t, i)) / sum_a, q = std::exp(zb(t, i)) / sum_b;
        kl += p * std::log(p / q);
        largest = std::max(largest, std::abs(za(t, i) - zb(t, i)));
      }
    }
  }
  const auto found = compare(*a, *b, tokens, 6);
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_NEAR(found->first.nll, nll_a / 10, 1e-12);
  EXPECT_NEAR(found->second.nll, nll_b / 10, 1e-12);
  EXPECT_NEAR(found->mean_kl, kl / 10, 1e-12);
  EXPECT_NEAR(found->largest_logit_difference, largest, 1e-12);
}

TEST(Score, OfAModelWithItselfAndWithAnother) {
  Spec spec = small("llama");
  const auto a = loaded(test_models::plain_llama(spec));
  spec.seed = 2;
  const auto b = loaded(test_models::plain_llama(spec));
  const auto tokens = random_tokens(30, 31);
  const auto same = compare(*a, *a, tokens, 10);
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->first.tokens, 27u);
  EXPECT_EQ(same->largest_logit_difference, 0.0);
  EXPECT_EQ(same->mean_kl, 0.0);
  EXPECT_EQ(same->first.nll, score(*a, tokens, 10)->nll);
  EXPECT_NEAR(same->first.nll, std::log(31.0), 0.5);  // untrained
  const auto other = compare(*a, *b, tokens, 10);
  EXPECT_GT(other->largest_logit_difference, 0.01);
  EXPECT_GT(other->mean_kl, 0.0);
  EXPECT_EQ(other->second.nll, score(*b, tokens, 10)->nll);
  EXPECT_EQ(score(*a, tokens, 1).code(), Code::kInvalidArgument);
  EXPECT_EQ(score(*a, tokens, 7).code(), Code::kInvalidArgument);
  auto outside = tokens;
  outside.back() = 31;
  EXPECT_EQ(score(*a, outside, 10).code(), Code::kInvalidArgument);
  EXPECT_EQ(compare(*a, *b, outside, 10).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace bbz::forward
