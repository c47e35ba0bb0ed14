// The forward pass of models whose projections are low-rank pairs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "bbz/symmetry/pair/find.h"
#include "compare/forward/small_model.h"
#include "models/factored.h"

namespace bbz::forward {
namespace {

using linalg::Index;
using linalg::Matrix;
using test_models::Factoring;
using test_models::Spec;
using testing::HasSubstr;

std::vector<std::uint32_t> some_tokens() {
  std::vector<std::uint32_t> all(24);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint32_t>(i * i * 7 % 31);
  return all;
}

void put(test_models::Model& model, const std::string& name, const Matrix& values, Shape shape) {
  model.infos.push_back({name, DType::kF64, std::move(shape)});
  const Bytes bytes =
      std::as_bytes(std::span(values.data(), static_cast<std::size_t>(values.size())));
  model.bytes.emplace_back(bytes.begin(), bytes.end());
}

void remove(test_models::Model& model, const std::string& name) {
  const auto at = static_cast<std::ptrdiff_t>(model.find(name));
  model.infos.erase(model.infos.begin() + at);
  model.bytes.erase(model.bytes.begin() + at);
}

// The model with a matrix for each pair, computed entry by entry.
test_models::Model multiplied_out(const test_models::Model& model) {
  test_models::Model out = model;
  for (const pair::Pair& pair : pair::find_pairs(model.infos)) {
    EXPECT_TRUE(pair.proven()) << pair.refusal;
    const Matrix a = test_models::matrix(model, pair.a), b = test_models::matrix(model, pair.b);
    Matrix w = Matrix::Zero(a.rows(), b.cols());
    for (Index i = 0; i < w.rows(); ++i) {
      for (Index j = 0; j < w.cols(); ++j) {
        for (Index k = 0; k < a.cols(); ++k) w(i, j) += a(i, k) * b(k, j);
      }
    }
    std::string layer = pair.stem;
    if (pair.family->name == "svd-llm" && !layer.ends_with("fc1") && !layer.ends_with("fc2"))
      layer += "_proj";
    put(out, layer + ".weight", w, {pair.out, pair.in});
    const std::string& name = model.infos[pair.a].name;
    const std::string bias = name.substr(0, name.size() - 6) + "bias";
    if (model.find(bias) < model.infos.size()) {
      out.infos[out.find(bias)].name = layer + ".bias";
    }
    remove(out, model.infos[pair.a].name);
    remove(out, model.infos[pair.b].name);
  }
  return out;
}

struct Case {
  std::string architecture;
  std::size_t row;
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.architecture << ' ' << pair::families()[one.row].name;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const char* architecture : {"llama", "opt"}) {
    for (std::size_t row = 0; row < pair::families().size(); ++row) {
      if (!pair::families()[row].wholes.empty()) all.push_back({architecture, row});
    }
  }
  return all;
}

class Factored : public testing::TestWithParam<Case> {
 protected:
  Factoring how(std::uint64_t rank) const { return {GetParam().row, 0.8, rank}; }
  Spec spec_ = small(GetParam().architecture);
  test_models::Model plain_ = plain(spec_);
};

TEST_P(Factored, AtFullRankIsTheSameFunction) {
  const test_models::Model factored = test_models::factored(plain_, spec_, how(24));
  for (const TensorInfo& info : factored.infos)
    EXPECT_FALSE(info.name.ends_with("fc1.weight") || info.name.ends_with("q_proj.weight"));
  const auto a = loaded(plain_)->logits(some_tokens(), 12);
  const auto model = loaded(factored);
  ASSERT_TRUE(model.ok()) << model.error().message;
  const auto b = model->logits(some_tokens(), 12);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_GT(a->cwiseAbs().maxCoeff(), 1e-3);
  EXPECT_LT((*a - *b).cwiseAbs().maxCoeff(), 1e-9);
}

TEST_P(Factored, IsTheModelWithItsPairsMultipliedOut) {
  const test_models::Model factored = test_models::factored(plain_, spec_, how(5));
  const test_models::Model products = multiplied_out(factored);
  const Matrix a = *loaded(factored)->logits(some_tokens(), 12);
  const Matrix b = *loaded(products)->logits(some_tokens(), 12);
  const Matrix full = *loaded(plain_)->logits(some_tokens(), 12);
  EXPECT_LT((a - b).cwiseAbs().maxCoeff(), 1e-9);
  EXPECT_GT((a - full).cwiseAbs().maxCoeff(), 1e-6);
  // Other factors of the same products.
  const test_models::Model other = test_models::refactored(factored, 3);
  EXPECT_NE(other.bytes, factored.bytes);
  EXPECT_LT((a - *loaded(other)->logits(some_tokens(), 12)).cwiseAbs().maxCoeff(), 1e-9);
}

TEST_P(Factored, IsTheSameFunctionUnderNamesWithAPrefix) {
  const test_models::Model factored = test_models::factored(plain_, spec_, how(5));
  const Matrix expected = *loaded(factored)->logits(some_tokens(), 12);
  for (const char* prefix : {"module.", "_orig_mod.", "model."}) {
    test_models::Model renamed = factored;
    for (TensorInfo& info : renamed.infos) info.name.insert(0, prefix);
    const auto model = loaded(renamed);
    ASSERT_TRUE(model.ok()) << model.error().message;
    EXPECT_EQ(model->config().prefix, prefix);
    EXPECT_EQ(*model->logits(some_tokens(), 12), expected);
  }
}

TEST_P(Factored, HasTheConfigurationOfThePlainModel) {
  Hints hints;
  hints.heads = 4;
  const auto of_plain = infer_config(plain_.infos, hints);
  const auto found = infer_config(test_models::factored_infos(spec_, how(5)), hints);
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(found->architecture, of_plain->architecture);
  EXPECT_EQ(found->layers, of_plain->layers);
  EXPECT_EQ(found->kv_heads, of_plain->kv_heads);
  EXPECT_EQ(found->head_size, of_plain->head_size);
  EXPECT_EQ(found->hidden, 24u);
  hints.heads = 3;
  EXPECT_EQ(infer_config(test_models::factored_infos(spec_, how(5)), hints).code(),
            Code::kMalformed);
}

TEST_P(Factored, SomeLayersMayBeMatrices) {
  test_models::Model mixed = test_models::factored(plain_, spec_, how(5));
  const test_models::Model products = multiplied_out(mixed);
  const Matrix before = *loaded(mixed)->logits(some_tokens(), 12);
  const std::vector<pair::Pair> pairs = pair::find_pairs(mixed.infos);
  // The first layer's projections stay factored, the last layer's are multiplied out.
  std::vector<std::string> gone;
  for (const pair::Pair& pair : pairs) {
    if (pair.stem.find("layers.1.") == std::string::npos) continue;
    for (const std::size_t t : {pair.a, pair.b}) gone.push_back(mixed.infos[t].name);
    const std::string& a = mixed.infos[pair.a].name;
    gone.push_back(a.substr(0, a.size() - 6) + "bias");
  }
  for (const std::string& name : gone) {
    if (mixed.find(name) < mixed.infos.size()) remove(mixed, name);
  }
  for (std::size_t t = 0; t < products.infos.size(); ++t) {
    if (mixed.find(products.infos[t].name) < mixed.infos.size() ||
        products.infos[t].name.find("layers.1.") == std::string::npos) {
      continue;
    }
    mixed.infos.push_back(products.infos[t]);
    mixed.bytes.push_back(products.bytes[t]);
  }
  const auto model = loaded(mixed);
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_LT((before - *model->logits(some_tokens(), 12)).cwiseAbs().maxCoeff(), 1e-9);
}

TEST_P(Factored, RefusesAMatrixBesideItsFactorsAndFactorsThatDoNotFit) {
  const test_models::Model factored = test_models::factored(plain_, spec_, how(5));
  const pair::Pair pair = pair::find_pairs(factored.infos).front();
  const std::string& a = factored.infos[pair.a].name;
  const std::string& b = factored.infos[pair.b].name;
  const std::string whole = pair.stem + std::string(pair.family->wholes[0]);

  test_models::Model both = factored;
  put(both, whole, Matrix::Ones(32, 24), {32, 24});
  auto refused = loaded(both);
  ASSERT_EQ(refused.code(), Code::kMalformed);
  EXPECT_THAT(
      refused.error().message,
      HasSubstr("\"" + whole + "\": expected a matrix or its factors, found both, with \"" + a));

  test_models::Model biased = factored;
  put(biased, b.substr(0, b.size() - 6) + "bias", Matrix::Ones(1, 5), {5});
  refused = loaded(biased);
  ASSERT_EQ(refused.code(), Code::kMalformed);
  EXPECT_THAT(refused.error().message,
              HasSubstr(whole + ": expected a matrix or its factors, found none: "));
  EXPECT_THAT(refused.error().message, HasSubstr("bias\": expected nothing between the factors"));

  test_models::Model narrow = factored;
  put(narrow, "other", Matrix::Ones(5, 23), {5, 23});
  narrow.infos[pair.b].shape = {5, 23};
  narrow.bytes[pair.b] = narrow.bytes.back();
  refused = loaded(narrow);
  ASSERT_EQ(refused.code(), Code::kMalformed);
  EXPECT_THAT(
      refused.error().message,
      HasSubstr("\"" + whole + "\": expected 32 x 24 (-1: any), found a product of 32 x 23"));

  test_models::Model longer = factored;
  const std::string bias = a.substr(0, a.size() - 6) + "bias";
  if (longer.find(bias) < longer.infos.size()) remove(longer, bias);
  put(longer, bias, Matrix::Ones(1, 33), {33});
  refused = loaded(longer);
  ASSERT_EQ(refused.code(), Code::kMalformed);
  EXPECT_THAT(refused.error().message,
              HasSubstr("\"" + bias + "\": expected 1 x 32 (-1: any), found 1 x 33"));
}

INSTANTIATE_TEST_SUITE_P(All, Factored, testing::ValuesIn(cases()), [](const auto& row) {
  std::string name =
      row.param.architecture + "_" + std::string(pair::families()[row.param.row].name);
  std::erase(name, '-');
  return name;
});

TEST(FactoredConfig, SaysWhyNoPairOfAModelIsTaken) {
  const Spec spec = small("opt");
  auto infos = test_models::factored_infos(spec, {0, 0.8, 5});
  const std::vector<TensorInfo> good = infos;
  for (const TensorInfo& info : good) {
    if (!info.name.ends_with("fc1.BLinear.weight")) continue;
    infos.push_back({info.name.substr(0, info.name.size() - 6) + "bias", info.dtype, {5}});
  }
  const auto refused = infer_config(infos, {});
  ASSERT_EQ(refused.code(), Code::kUnsupported);
  EXPECT_THAT(refused.error().message,
              HasSubstr("found an unknown one, with a pair that is refused: "
                        "\"model.decoder.layers.0.fc1.BLinear.bias\": expected nothing between"));
  EXPECT_EQ(infer_config(good, {}).code(), Code::kNotFound);
}

// As benchmarks take it.
TEST(FactoredModel, IsGeneratedOfAnyShapeAndRuns) {
  for (const char* family : {"llama", "opt"}) {
    for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
      Spec spec = small(family);
      spec.dtype = dtype;
      test_models::Model model;
      model.infos = test_models::factored_infos(spec, {1, 0.6, 0});
      for (const TensorInfo& info : model.infos) {
        model.bytes.push_back(test_models::factored_bytes(spec, info));
        EXPECT_EQ(model.bytes.back().size(), *byte_size(dtype, *element_count(info.shape)));
      }
      const auto pairs = pair::find_pairs(model.infos);
      EXPECT_EQ(pairs.size(), spec.family == "opt" ? 12u : 14u);
      for (const pair::Pair& pair : pairs) {
        EXPECT_TRUE(pair.proven()) << pair.refusal;
        EXPECT_LE(pair.rank * (pair.out + pair.in), 0.6 * static_cast<double>(pair.out * pair.in));
        EXPECT_GT((pair.rank + 1) * (pair.out + pair.in),
                  0.6 * static_cast<double>(pair.out * pair.in));
      }
      const auto loaded_model = loaded(model);
      ASSERT_TRUE(loaded_model.ok()) << loaded_model.error().message;
      EXPECT_TRUE(loaded_model->logits(some_tokens(), 12)->allFinite());
    }
  }
}

TEST(FactoredHead, GivesTheLogitsOrSaysWhyNot) {
  const Spec spec = small("llama");
  const test_models::Model model = test_models::plain_llama(spec);
  test_models::Model factored = model;
  const std::size_t head = model.find("lm_head.weight");
  const Matrix whole = test_models::matrix(model, head);
  remove(factored, "lm_head.weight");
  put(factored, "lm_head.ALinear.weight", whole, {31, 24});
  put(factored, "lm_head.BLinear.weight", Matrix::Identity(24, 24), {24, 24});
  const Matrix before = *loaded(model)->logits(some_tokens(), 12);
  const auto after = loaded(factored);
  ASSERT_TRUE(after.ok()) << after.error().message;
  EXPECT_LT((before - *after->logits(some_tokens(), 12)).cwiseAbs().maxCoeff(), 1e-12);
  // It is not taken for a head that is tied to the embedding.
  remove(factored, "lm_head.BLinear.weight");
  EXPECT_THAT(loaded(factored).error().message,
              HasSubstr("lm_head.BLinear.weight\": expected a matrix, the other factor"));
}

TEST(Adapters, AreRefusedBecauseTheirScaleIsNotInTheTensors) {
  const Spec spec = small("llama");
  for (std::size_t row = 0; row < pair::families().size(); ++row) {
    if (!pair::families()[row].wholes.empty()) continue;
    const auto refused =
        loaded(test_models::factored(test_models::plain_llama(spec), spec, {row, 0.8, 2}));
    ASSERT_EQ(refused.code(), Code::kUnsupported);
    EXPECT_THAT(refused.error().message,
                HasSubstr("q_proj.weight\": expected a layer without an adapter"));
  }
}

// In types of 16 bits, other factors are another rounding of the same model.
TEST(FactoredScore, OfOtherFactorsDiffersByRounding) {
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
    Spec spec = small("opt");
    spec.dtype = dtype;
    const test_models::Model factored = test_models::factored(plain(spec), spec, {0, 0.8, 0});
    const auto a = loaded(factored);
    const auto b = loaded(test_models::refactored(factored, 5));
    const auto found = compare(*a, *b, some_tokens(), 12);
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_GT(found->mean_kl, 0.0);
    const double unit = std::exp2(-1 - dtype_info(dtype).layout.mantissa_bits);
    EXPECT_LT(std::abs(found->first.nll - found->second.nll), unit);
    EXPECT_LT(found->mean_kl, unit * unit * 100);
    EXPECT_LT(found->largest_logit_difference, unit * 100);
  }
}

}  // namespace
}  // namespace bbz::forward
