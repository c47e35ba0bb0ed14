#include "bbz/access/loader/layer_plan.h"

#include "archive/sample.h"

namespace bbz::loader {
namespace {

TEST(LayerPlan, PutsLayersInOrderAndWhatBelongsToNoneAround) {
  SampleFile one{"one", catalog::FileKind::kRegular, {}};
  SampleFile two{"two", catalog::FileKind::kRegular, {}};
  unsigned seed = 0;
  const auto add = [&](SampleFile& file, std::string name, std::optional<std::uint32_t> layer) {
    file.tensors.push_back(sample_tensor(std::move(name), DType::kF32, {3}, ++seed, layer));
  };
  one.tensors.push_back(sample_bytes("header"));
  add(one, "lm_head.weight", {});
  add(one, "model.layers.10.up", 10);
  add(one, "model.layers.2.up", {});  // from its name alone
  add(one, "plain", 2);
  add(two, "model.layers.2.down", 2);
  add(two, "model.embed_tokens.weight", {});
  add(two, "model.norm.weight", {});
  const auto archive = write_sample({one, two}, {});
  const auto reader = Reader::open(io::memory_source(Bytes(*archive)));
  const catalog::Catalog& catalog = reader->catalog();
  const auto names = [&](const LayerPlan& plan) {
    std::string all = plan.to_string() + ":";
    for (const std::uint32_t number : plan.tensors) all += " " + catalog.tensors[number].meta.name;
    return all;
  };
  const auto plans = plan_layers(catalog);
  ASSERT_EQ(plans.size(), 4u);
  EXPECT_EQ(names(plans[0]), "no layer: model.embed_tokens.weight");
  EXPECT_EQ(names(plans[1]), "layer 2: model.layers.2.up plain model.layers.2.down");
  EXPECT_EQ(names(plans[2]), "layer 10: model.layers.10.up");
  EXPECT_EQ(names(plans[3]), "no layer: lm_head.weight model.norm.weight");

  const auto of_two = plan_layers(catalog, {1});
  ASSERT_EQ(of_two.size(), 3u);
  EXPECT_EQ(names(of_two[1]), "layer 2: model.layers.2.down");
}

TEST(LayerPlan, KnowsInputsByTheirNames) {
  for (const char* const name :
       {"model.embed_tokens.weight", "transformer.wte.weight", "wpe", "shared.weight",
        "bert.embeddings.LayerNorm.bias", "token_embd.weight", "gpt_neox.embed_in.weight",
        "model/decoder/embed_positions/weight"}) {
    EXPECT_TRUE(is_input(name)) << name;
  }
  for (const char* const name : {"lm_head.weight", "embed_out.weight", "model.norm.weight",
                                 "transformer.ln_f.bias", "wtex.weight", ""}) {
    EXPECT_FALSE(is_input(name)) << name;
  }
}

}  // namespace
}  // namespace bbz::loader
