#include "bbz/base/layer_name.h"

#include <gtest/gtest.h>

namespace bbz {
namespace {

TEST(Layer, IsFoundInTheNamesOfCommonModels) {
  EXPECT_EQ(layer_of("model.layers.3.mlp.up_proj.weight"), 3u);
  EXPECT_EQ(layer_of("model.layers.12.block_sparse_moe.experts.5.w1.weight"), 12u);
  EXPECT_EQ(layer_of("model.decoder.layers.0.fc1.bias"), 0u);
  EXPECT_EQ(layer_of("h.3.attn.c_attn.weight"), 3u);
  EXPECT_EQ(layer_of("transformer.h.31.self_attention.dense.weight"), 31u);
  EXPECT_EQ(layer_of("bert.encoder.layer.11.output.dense.weight"), 11u);
  EXPECT_EQ(layer_of("encoder.block.3.layer.0.SelfAttention.q.weight"), 3u);
  EXPECT_EQ(layer_of("blocks.7.norm1.weight"), 7u);
  EXPECT_EQ(layer_of("blk.9.attn_q.weight"), 9u);
  EXPECT_EQ(layer_of("visual.transformer.resblocks.2.ln_1.bias"), 2u);
  EXPECT_EQ(layer_of("transformer_blocks.4.attn.to_q.weight"), 4u);
  EXPECT_EQ(layer_of("params/encoder/layers_5/mlp/kernel"), 5u);
  EXPECT_EQ(layer_of("layers.8"), 8u);
}

TEST(Layer, IsNotFoundElsewhere) {
  for (const char* name :
       {"", "lm_head.weight", "model.embed_tokens.weight", "model.norm.weight", "layers", "layers.",
        "layers.x", "layers.3x.w", "mylayers.3.w", "layers3.w", "layer1.0.conv1.weight", "h.-1.w",
        "h. 1.w", "h.+1", "layers..3", "layers.4294967295.w", "layers.99999999999999999999.w",
        "experts.3.w"}) {
    EXPECT_EQ(layer_of(name), std::nullopt) << name;
  }
  EXPECT_EQ(layer_of("layers.4294967294.w"), 4294967294u);
  EXPECT_EQ(layer_of("layers.x.layers.2"), 2u);
}

TEST(LayerRules, KnowFurtherModels) {
  const LayerRules rules;
  EXPECT_EQ(rules.layer_of("model.layers.3.mlp.up_proj.weight"), 3u);
  EXPECT_EQ(rules.layer_of("layer4.0.conv1.weight"), 4u);
  EXPECT_EQ(rules.layer_of("down_blocks.2.resnets.0.conv1.weight"), 2u);
  // The outermost counts, so that a block of a UNet is one layer.
  EXPECT_EQ(rules.layer_of("down_blocks.2.attentions.1.transformer_blocks.0.ff.weight"), 2u);
  EXPECT_EQ(rules.layer_of("transformer_blocks.4.attn.to_q.weight"), 4u);
  EXPECT_EQ(rules.layer_of("unet/up_blocks/1/upsamplers/0/conv/bias"), 1u);
  EXPECT_EQ(rules.layer_of("single_transformer_blocks.37.proj_out.weight"), 37u);
  EXPECT_EQ(rules.layer_of("features.denseblock3.denselayer2.conv1.weight"), 3u);
  EXPECT_EQ(rules.layer_of("features.12.weight"), 12u);
  for (const char* name : {"layer.weight", "layer4x.0.weight", "xlayer4.0", "fc.weight", "layer",
                           "", "down_blocks", "down_blocks.x", "layer4294967295.w"}) {
    EXPECT_EQ(rules.layer_of(name), std::nullopt) << name;
  }
}

TEST(LayerRules, TakePatternsOfTheUserFirst) {
  const auto rules = LayerRules::make({"stages.#", "tower_*.part#x", "blocks.*.#"});
  ASSERT_TRUE(rules.ok()) << rules.error().message;
  EXPECT_EQ(rules->layer_of("stages.3.blocks.5.conv.weight"), 3u);
  EXPECT_EQ(rules->layer_of("net.stages/3/blocks/5"), 3u);
  EXPECT_EQ(rules->layer_of("a.tower_left.part7x.w"), 7u);
  EXPECT_EQ(rules->layer_of("tower_.part7x"), 7u);
  EXPECT_EQ(rules->layer_of("tower_left.right.part7x"), std::nullopt);
  EXPECT_EQ(rules->layer_of("tower_left.part7"), std::nullopt);
  EXPECT_EQ(rules->layer_of("blocks.5.6.w"), 6u);
  EXPECT_EQ(rules->layer_of("blocks.5.w"), 5u);  // by the rule for all
  const auto middle = LayerRules::make({"*_#_*z"});
  EXPECT_EQ(middle->layer_of("a_b_12_czz"), 12u);
  EXPECT_EQ(middle->layer_of("a_b_12_c"), std::nullopt);
  for (const char* pattern : {"", "stages", "a.#.#", ".#", "#.", "a..#"}) {
    EXPECT_EQ(LayerRules::make({pattern}).code(), Code::kInvalidArgument) << pattern;
  }
}

}  // namespace
}  // namespace bbz
