// A rotated model computes what the model computes: by a forward pass, which knows no junctions.
#include <gtest/gtest.h>

#include "bbz/compare/forward/score.h"
#include "bbz/symmetry/gauge/rotate.h"
#include "models/models.h"

namespace bbz::compare {
namespace {

using test_models::Model;
using test_models::Spec;

Result<forward::Model> loaded(const Model& model) {
  forward::Hints hints;
  hints.heads = 4;
  BBZ_ASSIGN(const forward::Config config, forward::infer_config(model.infos, hints));
  return forward::Model::load(model.infos, config, [&](std::size_t t) { return model.bytes[t]; });
}

// The largest difference of any logit after rotating, relative to the largest logit.
double logit_difference(const std::string& family, DType dtype, bool polar) {
  Spec spec;
  spec.family = family;
  spec.dtype = dtype;
  spec.widths = {48, 52, 44};
  const Model model = test_models::sliced_model(spec);
  Model after = model;
  const auto done = gauge::rotate(
      model.infos, junction::detect(model.infos), {.polar = polar},
      [&](std::size_t t) { return model.bytes[t]; },
      [&](gauge::Output&& output) {
        after.bytes[output.tensor] = std::move(output.decoded);
        return Status();
      });
  EXPECT_TRUE(done.ok());
  std::vector<std::uint32_t> tokens;
  for (std::uint32_t i = 0; i < 48; ++i) tokens.push_back(i * 37 % 96);
  const auto a = loaded(model), b = loaded(after);
  EXPECT_TRUE(a.ok() && b.ok());
  const auto za = a->logits(tokens, 16), zb = b->logits(tokens, 16);
  EXPECT_TRUE(za.ok() && zb.ok());
  EXPECT_NE(model.bytes, after.bytes);
  return (*za - *zb).cwiseAbs().maxCoeff() / za->cwiseAbs().maxCoeff();
}

TEST(Function, IsKept) {
  for (const char* family : {"llama", "opt"}) {
    EXPECT_LT(logit_difference(family, DType::kF64, false), 1e-9) << family;
    EXPECT_LT(logit_difference(family, DType::kF32, false), 1e-5) << family;
    EXPECT_LT(logit_difference(family, DType::kF32, true), 1e-5) << family;
    EXPECT_LT(logit_difference(family, DType::kF16, true), 2e-2) << family;
  }
}

}  // namespace
}  // namespace bbz::compare
