#include "bbz/symmetry/junction/detect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace bbz::junction {
namespace {

using testing::HasSubstr;

using Model = std::vector<TensorInfo>;

void add(Model& model, std::string name, Shape shape, DType dtype = DType::kF16) {
  model.push_back({std::move(name), dtype, std::move(shape)});
}

TensorInfo& get(Model& model, std::string_view name) {
  return *std::ranges::find(model, name, &TensorInfo::name);
}

void remove(Model& model, std::string_view name) {
  std::erase_if(model, [&](const TensorInfo& info) { return info.name == name; });
}

// Two layers whose five junctions have the widths 6, 5, 4, 7 and 8.
Model llama() {
  Model m;
  add(m, "model.embed_tokens.weight", {20, 6});
  add(m, "lm_head.weight", {20, 8});
  const std::uint64_t widths[] = {6, 5, 4, 7, 8};
  for (int l = 0; l < 2; ++l) {
    const std::string p = "model.layers." + std::to_string(l) + ".";
    const std::uint64_t a = widths[2 * l], b = widths[2 * l + 1], c = widths[2 * l + 2];
    add(m, p + "self_attn.q_proj.weight", {10, a});
    add(m, p + "self_attn.k_proj.weight", {3, a});
    add(m, p + "self_attn.v_proj.weight", {3, a});
    add(m, p + "self_attn.o_proj.weight", {b, 10});
    add(m, p + "mlp.gate_proj.weight", {12, b});
    add(m, p + "mlp.up_proj.weight", {12, b});
    add(m, p + "mlp.down_proj.weight", {c, 12});
    add(m, p + "attn_shortcut_Q", {a, b});
    add(m, p + "mlp_shortcut_Q", {b, c});
  }
  return m;
}

Model opt() {
  Model m;
  add(m, "model.decoder.embed_tokens.weight", {20, 6});
  add(m, "model.decoder.embed_positions.weight", {11, 6});
  add(m, "lm_head.weight", {20, 8});
  const std::string p = "model.decoder.layers.0.";
  for (const char* name : {"q_proj", "k_proj", "v_proj"}) {
    add(m, p + "self_attn." + name + ".weight", {8, 6});
    add(m, p + "self_attn." + name + ".bias", {8});
  }
  add(m, p + "self_attn.out_proj.weight", {5, 8});
  add(m, p + "self_attn.out_proj.bias", {5});
  add(m, p + "fc1.weight", {32, 5});
  add(m, p + "fc1.bias", {32});
  add(m, p + "fc2.weight", {8, 32});
  add(m, p + "fc2.bias", {8});
  add(m, p + "attn_shortcut_Q", {6, 5});
  add(m, p + "mlp_shortcut_Q", {5, 8});
  return m;
}

// "role:name" of each member.
std::vector<std::string> members(const Model& model, const Junction& junction) {
  std::vector<std::string> names;
  for (const Member& member : junction.members) {
    names.push_back(std::string(role_name(member.role)) + ":" + model[member.tensor].name);
  }
  return names;
}

TEST(Detect, FindsTheJunctionsOfLlamaInOrderWithWidthsThatVary) {
  const Model m = llama();
  const Detection d = detect(m);
  EXPECT_EQ(d.refusal, "");
  EXPECT_EQ(d.family, "llama");
  ASSERT_EQ(d.junctions.size(), 5u);
  const std::uint64_t widths[] = {6, 5, 4, 7, 8};
  const std::uint32_t blocks[] = {0, 0, 1, 1, 2};
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(d.junctions[i].proven()) << d.junctions[i].refusal;
    EXPECT_EQ(d.junctions[i].width, widths[i]);
    EXPECT_EQ(d.junctions[i].block, blocks[i]);
  }
  EXPECT_EQ(d.junctions[3].name, "layer 1 mlp");
  EXPECT_THAT(members(m, d.junctions[0]),
              testing::ElementsAre("embedding:model.embed_tokens.weight",
                                   "shortcut out:model.layers.0.attn_shortcut_Q",
                                   "reads:model.layers.0.self_attn.q_proj.weight",
                                   "reads:model.layers.0.self_attn.k_proj.weight",
                                   "reads:model.layers.0.self_attn.v_proj.weight"));
  EXPECT_THAT(members(m, d.junctions[2]),
              testing::ElementsAre("shortcut in:model.layers.0.mlp_shortcut_Q",
                                   "writes:model.layers.0.mlp.down_proj.weight",
                                   "shortcut out:model.layers.1.attn_shortcut_Q",
                                   "reads:model.layers.1.self_attn.q_proj.weight",
                                   "reads:model.layers.1.self_attn.k_proj.weight",
                                   "reads:model.layers.1.self_attn.v_proj.weight"));
  EXPECT_THAT(
      members(m, d.junctions[4]),
      testing::ElementsAre("shortcut in:model.layers.1.mlp_shortcut_Q",
                           "writes:model.layers.1.mlp.down_proj.weight", "head:lm_head.weight"));
}

TEST(Detect, RotatesBiasesAndPositionsOfOpt) {
  const Model m = opt();
  const Detection d = detect(m);
  EXPECT_EQ(d.family, "opt");
  ASSERT_EQ(d.junctions.size(), 3u);
  EXPECT_THAT(members(m, d.junctions[0]),
              testing::IsSupersetOf({"embedding:model.decoder.embed_positions.weight"}));
  EXPECT_THAT(members(m, d.junctions[1]),
              testing::ElementsAre("shortcut in:model.decoder.layers.0.attn_shortcut_Q",
                                   "writes:model.decoder.layers.0.self_attn.out_proj.weight",
                                   "bias:model.decoder.layers.0.self_attn.out_proj.bias",
                                   "shortcut out:model.decoder.layers.0.mlp_shortcut_Q",
                                   "reads:model.decoder.layers.0.fc1.weight"));
}

TEST(Detect, OnePhi2LayerHasOneJunctionForBothSubBlocks) {
  Model m;
  add(m, "model.embed_tokens.weight", {20, 6});
  add(m, "lm_head.weight", {20, 8});
  add(m, "lm_head.bias", {20});
  for (const char* name : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.fc1"}) {
    add(m, std::string("model.layers.0.") + name + ".weight", {16, 6});
    add(m, std::string("model.layers.0.") + name + ".bias", {16});
  }
  for (const char* name : {"self_attn.dense", "mlp.fc2"}) {
    add(m, std::string("model.layers.0.") + name + ".weight", {8, 16});
    add(m, std::string("model.layers.0.") + name + ".bias", {8});
  }
  add(m, "model.layers.0.attn_shortcut_Q", {6, 8});
  const Detection d = detect(m);
  EXPECT_EQ(d.family, "phi-2");
  ASSERT_EQ(d.junctions.size(), 2u);
  EXPECT_TRUE(d.junctions[0].proven()) << d.junctions[0].refusal;
  EXPECT_THAT(members(m, d.junctions[1]),
              testing::ElementsAre("shortcut in:model.layers.0.attn_shortcut_Q",
                                   "writes:model.layers.0.self_attn.dense.weight",
                                   "bias:model.layers.0.self_attn.dense.bias",
                                   "writes:model.layers.0.mlp.fc2.weight",
                                   "bias:model.layers.0.mlp.fc2.bias", "head:lm_head.weight"));
}

TEST(Detect, KnowsTheFusedProjectionsOfPhi3) {
  Model m;
  add(m, "model.embed_tokens.weight", {20, 6});
  add(m, "lm_head.weight", {20, 8});
  add(m, "model.layers.0.self_attn.qkv_proj.weight", {24, 6});
  add(m, "model.layers.0.self_attn.o_proj.weight", {6, 8});
  add(m, "model.layers.0.mlp.gate_up_proj.weight", {24, 6});
  add(m, "model.layers.0.mlp.down_proj.weight", {8, 12});
  add(m, "model.layers.0.attn_shortcut_Q", {6, 6});
  add(m, "model.layers.0.mlp_shortcut_Q", {6, 8});
  const Detection d = detect(m);
  EXPECT_EQ(d.family, "phi-3");
  ASSERT_EQ(d.junctions.size(), 3u);
  for (const Junction& j : d.junctions) EXPECT_TRUE(j.proven()) << j.refusal;
}

// The junctions that change of the model refuses, and the reason of the first.
struct Refused {
  std::vector<int> which;
  std::string reason;
};

template <class Change>
Refused refused_after(Model model, Change change) {
  change(model);
  const Detection d = detect(model);
  Refused refused;
  for (int i = 0; i < static_cast<int>(d.junctions.size()); ++i) {
    if (d.junctions[i].proven()) continue;
    EXPECT_TRUE(d.junctions[i].members.empty());
    if (refused.which.empty()) refused.reason = d.junctions[i].refusal;
    refused.which.push_back(i);
  }
  return refused;
}

TEST(Detect, RefusesWhatItCannotProveAndNamesTensorExpectedAndFound) {
  auto r = refused_after(llama(), [](Model& m) { remove(m, "model.layers.0.mlp.up_proj.weight"); });
  EXPECT_THAT(r.which, testing::ElementsAre(1));
  EXPECT_EQ(r.reason,
            "\"model.layers.0.mlp.up_proj.weight\": expected a tensor (reads), found none");

  r = refused_after(llama(), [](Model& m) { remove(m, "model.layers.0.mlp_shortcut_Q"); });
  EXPECT_THAT(r.which, testing::ElementsAre(1, 2));

  r = refused_after(llama(), [](Model& m) {
    get(m, "model.layers.1.self_attn.k_proj.weight").shape = {4, 3};
  });
  EXPECT_THAT(r.which, testing::ElementsAre(2));
  EXPECT_EQ(r.reason,
            "\"model.layers.1.self_attn.k_proj.weight\": expected 4 along axis 1 as in "
            "\"model.layers.0.mlp_shortcut_Q\", found F16 [4, 3]");

  r = refused_after(
      llama(), [](Model& m) { get(m, "model.layers.1.mlp.down_proj.weight").dtype = DType::kI8; });
  EXPECT_THAT(r.which, testing::ElementsAre(4));
  EXPECT_THAT(r.reason, HasSubstr("expected F16, BF16, F32 or F64, found I8"));

  r = refused_after(llama(), [](Model& m) {
    get(m, "model.embed_tokens.weight").shape = {20, 6, 1};
  });
  EXPECT_THAT(r.which, testing::ElementsAre(0));

  r = refused_after(llama(), [](Model& m) { get(m, "model.embed_tokens.weight").shape = {0, 6}; });
  EXPECT_THAT(r.which, testing::ElementsAre(0));
}

TEST(Detect, RefusesBlocks) {
  Model m = llama();
  TensorInfo& query = get(m, "model.layers.0.self_attn.q_proj.weight");
  query.dtype = DType::kBlock;
  query.block = std::make_shared<const BlockType>(
      BlockType{"Q4_0", 32, {BlockField::of("all", BlockField::kNoDType, 18)}});
  const Junction junction = detect(m).junctions.at(0);
  EXPECT_FALSE(junction.proven());
  EXPECT_THAT(junction.refusal, HasSubstr("blocks of \"Q4_0\" [10, 6]"));
}

TEST(Detect, RefusesAWidthBeyondTheLimit) {
  const auto widened = [](std::uint64_t width) {
    return [width](Model& m) {
      get(m, "model.layers.1.mlp_shortcut_Q").shape[1] = width;
      get(m, "model.layers.1.mlp.down_proj.weight").shape[0] = width;
      get(m, "lm_head.weight").shape[1] = width;
    };
  };
  EXPECT_THAT(refused_after(llama(), widened(kMaxWidth)).which, testing::IsEmpty());
  const auto r = refused_after(llama(), widened(kMaxWidth + 1));
  EXPECT_THAT(r.which, testing::ElementsAre(4));
  EXPECT_THAT(r.reason, HasSubstr("expected a width of at most 32768, found F16 [7, 32769]"));
}

TEST(Detect, RefusesANormOnTheJunction) {
  auto r = refused_after(
      llama(), [](Model& m) { add(m, "model.layers.1.post_attention_layernorm.weight", {7}); });
  EXPECT_THAT(r.which, testing::ElementsAre(3));
  EXPECT_THAT(r.reason, HasSubstr("model.layers.1.post_attention_layernorm.weight"));
  r = refused_after(llama(), [](Model& m) { add(m, "model.norm.weight", {8}); });
  EXPECT_THAT(r.which, testing::ElementsAre(4));
  r = refused_after(
      opt(), [](Model& m) { add(m, "model.decoder.layers.0.self_attn_layer_norm.bias", {6}); });
  EXPECT_THAT(r.which, testing::ElementsAre(0));
}

TEST(Detect, RefusesTensorsThatMightTouchTheJunctionUnknownToTheFamily) {
  auto r = refused_after(llama(), [](Model& m) {
    add(m, "model.layers.1.self_attn.q_proj.lora_A.weight", {2, 4});
  });
  EXPECT_THAT(r.which, testing::ElementsAre(2));
  EXPECT_THAT(r.reason, HasSubstr("lora_A"));
  // One that has no axis of any junction's width stays, as does the bias of an input projection.
  r = refused_after(llama(), [](Model& m) {
    add(m, "model.layers.1.self_attn.rotary_emb.inv_freq", {33}, DType::kF32);
    add(m, "model.layers.0.self_attn.q_proj.bias", {10});
  });
  EXPECT_TRUE(r.which.empty()) << r.reason;
  r = refused_after(llama(), [](Model& m) { add(m, "adapter.weight", {5, 3}); });
  EXPECT_THAT(r.which, testing::ElementsAre(1));
}

TEST(Detect, RotatesTheBiasOfAnOutputProjectionWhereOneIsThere) {
  Model m = llama();
  add(m, "model.layers.0.self_attn.o_proj.bias", {5});
  EXPECT_NE(detect(m).junctions[1].find(Role::kBias), nullptr);
  get(m, "model.layers.0.self_attn.o_proj.bias").shape = {1, 5};
  EXPECT_FALSE(detect(m).junctions[1].proven());
}

TEST(Detect, ATiedHeadLeavesFirstAndLastJunctionAlone) {
  const auto r = refused_after(llama(), [](Model& m) { remove(m, "lm_head.weight"); });
  EXPECT_THAT(r.which, testing::ElementsAre(0, 4));
  EXPECT_THAT(r.reason, HasSubstr("tied"));
}

TEST(Detect, ReasonsAreFitForATerminal) {
  const std::string name = "model.layers.1.\x1b]0;title\a\x1b[2J";
  const auto r = refused_after(llama(), [&](Model& m) { add(m, name, {4}); });
  EXPECT_THAT(r.reason, HasSubstr("\\x1b]0;title\\x07\\x1b[2J"));
  EXPECT_EQ(r.reason.find('\x1b'), std::string::npos);
  Model twice = llama();
  add(twice, name, {4});
  add(twice, name, {4});
  EXPECT_THAT(detect(twice).refusal, HasSubstr("\\x1b[2J\": expected one tensor"));
}

TEST(Detect, OrderOfTheListDoesNotMatter) {
  Model m = llama();
  std::ranges::reverse(m);
  const Detection d = detect(m);
  ASSERT_EQ(d.junctions.size(), 5u);
  EXPECT_EQ(m[d.junctions[0].members[0].tensor].name, "model.embed_tokens.weight");
}

Model with_prefix(Model model, const std::string& prefix) {
  for (TensorInfo& info : model) info.name = prefix + info.name;
  return model;
}

TEST(Detect, FindsNamesAfterWhateverPrefixTheyAllHave) {
  for (const Model& plain : {llama(), opt()}) {
    const Detection expected = detect(plain);
    EXPECT_EQ(expected.prefix, "");
    // The last looks like a family's own names itself.
    for (const char* prefix : {"module.", "_orig_mod.", "model.", "state.module._orig_mod.",
                               "model.layers.", "model.decoder.", "ema model.layers.x."}) {
      const Detection d = detect(with_prefix(plain, prefix));
      EXPECT_EQ(d.refusal, "") << prefix;
      EXPECT_EQ(d.prefix, prefix);
      EXPECT_EQ(d.family, expected.family);
      ASSERT_EQ(d.junctions.size(), expected.junctions.size());
      for (std::size_t i = 0; i < d.junctions.size(); ++i) {
        EXPECT_EQ(d.junctions[i].members, expected.junctions[i].members);
        EXPECT_EQ(d.junctions[i].name, expected.junctions[i].name);
      }
    }
  }
  // A name must begin where a component does.
  EXPECT_THAT(detect(with_prefix(llama(), "module")).refusal, HasSubstr("known family"));
}

TEST(Detect, ATensorWithoutThePrefixIsAStranger) {
  Model m = with_prefix(llama(), "module.");
  get(m, "module.lm_head.weight").name = "lm_head.weight";
  const Detection d = detect(m);
  EXPECT_FALSE(d.junctions.back().proven());
  EXPECT_THAT(d.junctions.back().refusal,
              HasSubstr("\"module.lm_head.weight\": expected a tensor"));
  EXPECT_THAT(d.junctions.front().refusal, HasSubstr("tied"));
  // Something else's tensor of the width of a junction.
  m = with_prefix(llama(), "module.");
  add(m, "optimizer.exp_avg", {7, 3});
  EXPECT_FALSE(detect(m).junctions[3].proven());
  EXPECT_TRUE(detect(m).junctions[1].proven());
}

TEST(Detect, RefusesTwoModels) {
  const auto both = [](Model one, const Model& other) {
    one.insert(one.end(), other.begin(), other.end());
    return detect(one);
  };
  const Detection d = both(with_prefix(llama(), "model."), with_prefix(llama(), "ema."));
  EXPECT_EQ(d.refusal,
            "expected the layers of one model, found those of 2: \"ema.model.layers.\" and "
            "\"model.model.layers.\"");
  EXPECT_TRUE(d.junctions.empty());
  EXPECT_THAT(both(llama(), with_prefix(opt(), "draft.")).refusal, HasSubstr("those of 2"));
  // What only looks like layers is none.
  EXPECT_EQ(both(llama(), {{"x.model.layers.0.attn_shortcut_Q", DType::kF16, {33, 33}}}).refusal,
            "");
}

TEST(Detect, SaysWhyAModelHasNoJunctions) {
  EXPECT_THAT(detect({}).refusal, HasSubstr("known family (llama, opt, phi-2, phi-3)"));
  Model m = llama();
  std::erase_if(m, [](const TensorInfo& i) { return i.name.ends_with("shortcut_Q"); });
  EXPECT_THAT(detect(m).refusal, HasSubstr("attn_shortcut_Q\": expected a tensor"));
  m = llama();
  for (TensorInfo& info : m) {
    if (const auto at = info.name.find("layers.1."); at != std::string::npos) {
      info.name.replace(at, 9, "layers.4294967295.");
    }
  }
  EXPECT_THAT(detect(m).refusal, HasSubstr("gap"));
  m = llama();
  m.push_back(m.front());
  EXPECT_THAT(detect(m).refusal, HasSubstr("one tensor of this name"));
}

}  // namespace
}  // namespace bbz::junction
