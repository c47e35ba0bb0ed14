#include "bbz/compare/forward/internal/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/models.h"

namespace bbz::forward {
namespace {

using testing::HasSubstr;

TEST(Hints, AreReadFromConfigJson) {
  const auto hints = hints_from_config(
      R"({"num_attention_heads": 8, "num_key_value_heads": 4, "hidden_size": 64,
          "rope_theta": 500000.0, "rms_norm_eps": 1e-6, "vocab_size": 512, "torch_dtype": null})");
  ASSERT_TRUE(hints.ok());
  EXPECT_EQ(hints->heads, 8u);
  EXPECT_EQ(hints->kv_heads, 4u);
  EXPECT_EQ(hints->hidden, 64u);
  EXPECT_EQ(hints->rotary_base, 500000.0);
  EXPECT_EQ(hints->norm_epsilon, 1e-6);
  EXPECT_FALSE(hints_from_config("{}")->heads.has_value());
  EXPECT_EQ(hints_from_config("[1]").code(), Code::kMalformed);
  EXPECT_EQ(hints_from_config("{").code(), Code::kMalformed);
  for (const char* bad : {"-8", "0", "\"8\"", "1.5"}) {
    const auto refused = hints_from_config(std::string("{\"num_attention_heads\": ") + bad + "}");
    ASSERT_EQ(refused.code(), Code::kMalformed) << bad;
    EXPECT_THAT(refused.error().message, HasSubstr("num_attention_heads"));
  }
}

TEST(Config, IsInferredFromShapesWithTheNumberOfHeads) {
  test_models::Spec spec;
  spec.heads = 8;
  spec.kv_heads = 2;
  spec.widths = {40};
  Hints hints;
  hints.heads = 8;
  const auto config = infer_config(test_models::sliced_infos(spec), hints);
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->architecture, Architecture::kLlama);
  EXPECT_EQ(config->layers, 2u);
  EXPECT_EQ(config->kv_heads, 2u);
  EXPECT_EQ(config->head_size, 8u);
  EXPECT_EQ(config->hidden, 64u);
  EXPECT_EQ(config->vocabulary, 96u);
}

TEST(Config, RefusesWhatItCannotInfer) {
  test_models::Spec spec;
  const auto infos = test_models::sliced_infos(spec);
  EXPECT_EQ(infer_config(infos, {}).code(), Code::kNotFound);
  Hints hints;
  for (const std::uint64_t heads :
       {std::uint64_t{0}, std::uint64_t{3}, std::uint64_t{64}, ~std::uint64_t{0}}) {
    hints.heads = heads;
    EXPECT_EQ(infer_config(infos, hints).code(), Code::kMalformed) << heads;
  }
  hints.heads = 4;
  hints.kv_heads = 3;
  EXPECT_EQ(infer_config(infos, hints).code(), Code::kMalformed);
  spec.family = "phi-3";
  const auto phi = infer_config(test_models::sliced_infos(spec), hints);
  EXPECT_EQ(phi.code(), Code::kUnsupported);
  EXPECT_THAT(phi.error().message, HasSubstr("phi-3"));
}

}  // namespace
}  // namespace bbz::forward
