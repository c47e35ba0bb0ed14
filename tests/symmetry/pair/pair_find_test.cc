#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "bbz/symmetry/pair/find.h"

namespace bbz::pair {
namespace {

using testing::HasSubstr;

using Model = std::vector<TensorInfo>;

void add(Model& model, std::string name, Shape shape, DType dtype = DType::kF16) {
  model.push_back({std::move(name), dtype, std::move(shape)});
}

// The q_proj of a model, factored: 8 x 6 of rank 5, with a bias.
Model asvd() {
  Model m;
  add(m, "model.layers.0.self_attn.q_proj.BLinear.weight", {5, 6});
  add(m, "model.layers.0.self_attn.q_proj.ALinear.weight", {8, 5});
  add(m, "model.layers.0.self_attn.q_proj.ALinear.bias", {8});
  add(m, "model.layers.0.input_layernorm.weight", {6});
  return m;
}

Model svd_llm() {
  Model m;
  add(m, "model.layers.0.self_attn.q_u_proj.weight", {8, 5}, DType::kBF16);
  add(m, "model.layers.0.self_attn.q_v_proj.weight", {5, 6}, DType::kBF16);
  return m;
}

// The refusal of the only pair of a model after a change.
template <class Change>
std::string refusal_after(Model model, Change change) {
  change(model);
  const std::vector<Pair> pairs = find_pairs(model);
  if (pairs.size() != 1) return "pairs: " + std::to_string(pairs.size());
  EXPECT_EQ(pairs[0].proven(), pairs[0].rank != 0);
  EXPECT_EQ(pairs[0].proven(), pairs[0].out != 0 && pairs[0].in != 0);
  return pairs[0].refusal;
}

TEST(FindPairs, TakesShapesFromTheFactors) {
  const Model m = asvd();
  const std::vector<Pair> pairs = find_pairs(m);
  ASSERT_EQ(pairs.size(), 1u);
  const Pair& pair = pairs[0];
  EXPECT_TRUE(pair.proven()) << pair.refusal;
  EXPECT_EQ(pair.stem, "model.layers.0.self_attn.q_proj");
  EXPECT_EQ(pair.family->name, "asvd");
  EXPECT_EQ(pair.a, 1u);
  EXPECT_EQ(pair.b, 0u);
  EXPECT_EQ(pair.out, 8u);
  EXPECT_EQ(pair.in, 6u);
  EXPECT_EQ(pair.rank, 5u);
}

TEST(FindPairs, KnowsEveryRowOfTheTableInTheOrderOfA) {
  Model m;
  std::vector<std::string> stems;
  std::vector<std::string_view> names;
  for (const Family& family : families()) {
    const std::string stem = "layer.part" + std::to_string(stems.size());
    add(m, stem + std::string(family.a), {3, 2});
    stems.insert(stems.begin(), stem);
    names.insert(names.begin(), family.name);
  }
  std::ranges::reverse(m);
  for (const Family& family : families()) {
    const std::string stem = stems[stems.size() - 1 - (&family - families().data())];
    add(m, stem + std::string(family.b), {2, 4});
  }
  const std::vector<Pair> pairs = find_pairs(m);
  ASSERT_EQ(pairs.size(), families().size());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    EXPECT_TRUE(pairs[i].proven()) << pairs[i].refusal;
    EXPECT_EQ(pairs[i].stem, stems[i]);
    EXPECT_EQ(pairs[i].family->name, names[i]);
    EXPECT_EQ(pairs[i].a, i);
    EXPECT_EQ(m[pairs[i].b].name, stems[i] + std::string(pairs[i].family->b));
  }
}

TEST(FindPairs, NamesOfOneRowAreNotThoseOfAnother) {
  for (const Family& one : families()) {
    EXPECT_TRUE(one.a.ends_with(".weight")) << one.name;
    EXPECT_TRUE(one.b.ends_with(".weight")) << one.name;
    for (const Family& other : families()) {
      EXPECT_EQ(one.a.ends_with(other.a), &one == &other) << one.a << " " << other.a;
      EXPECT_FALSE(one.a.ends_with(other.b)) << one.a << " " << other.b;
    }
  }
}

TEST(FindPairs, AStemHasALastComponent) {
  Model m;
  for (const std::string stem : {"", "mlp."}) {
    add(m, stem + "_u_proj.weight", {8, 5});
    add(m, stem + "_v_proj.weight", {5, 6});
    add(m, stem + ".ALinear.weight", {8, 5});
    add(m, stem + ".BLinear.weight", {5, 6});
  }
  EXPECT_TRUE(find_pairs(m).empty());
  EXPECT_TRUE(find_pairs({}).empty());
}

TEST(FindPairs, FindsPairsBesideOneAnother) {
  Model m = asvd();
  for (const char* stem : {"model.layers.0.self_attn.k", "model.layers.0.self_attn.k2", "q"}) {
    add(m, std::string(stem) + "_u_proj.weight", {4, 3});
    add(m, std::string(stem) + "_v_proj.weight", {3, 6});
  }
  const std::vector<Pair> pairs = find_pairs(m);
  ASSERT_EQ(pairs.size(), 4u);
  for (const Pair& pair : pairs) EXPECT_TRUE(pair.proven()) << pair.refusal;
}

TEST(FindPairs, FactorsMayHaveAnyTwoOfTheFloatTypes) {
  for (const DType a : {DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    EXPECT_EQ(refusal_after(svd_llm(), [&](Model& m) { m[0].dtype = a; }), "");
  }
  for (const DType no : {DType::kI8, DType::kU16, DType::kF8E4M3, DType::kC64, DType::kF4}) {
    for (const int factor : {0, 1}) {
      EXPECT_THAT(refusal_after(svd_llm(), [&](Model& m) { m[factor].dtype = no; }),
                  HasSubstr("expected F16, BF16, F32 or F64, found "));
    }
  }
  const std::string blocks = refusal_after(svd_llm(), [](Model& m) {
    m[1].dtype = DType::kBlock;
    m[1].block = std::make_shared<const BlockType>(
        BlockType{"Q4_0", 32, {BlockField::of("all", BlockField::kNoDType, 18)}});
  });
  EXPECT_THAT(blocks,
              HasSubstr("q_v_proj.weight\": expected F16, BF16, F32 or F64, found blocks of"));
}

TEST(FindPairs, RefusesShapesThatAreNoProduct) {
  EXPECT_EQ(refusal_after(svd_llm(),
                          [](Model& m) {
                            m[1].shape = {6, 5};
                          }),
            "\"model.layers.0.self_attn.q_v_proj.weight\": expected 5 rows, as many as "
            "\"model.layers.0.self_attn.q_u_proj.weight\" has columns, found BF16 [6, 5]");
  EXPECT_EQ(refusal_after(svd_llm(),
                          [](Model& m) {
                            m[0].shape = {8, 5, 1};
                          }),
            "\"model.layers.0.self_attn.q_u_proj.weight\": expected a matrix with no empty axis, "
            "found BF16 [8, 5, 1]");
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{5, 0}, Shape{0, 6}, Shape{1, 5, 6}}) {
    EXPECT_THAT(refusal_after(svd_llm(), [&](Model& m) { m[1].shape = shape; }),
                HasSubstr("q_v_proj.weight\": expected a matrix with no empty axis"));
  }
  const std::string empty = refusal_after(svd_llm(), [](Model& m) {
    m[0].shape = {8, 0};
    m[1].shape = {0, 6};
  });
  EXPECT_THAT(empty, HasSubstr("no empty axis, found BF16 [8, 0]"));
}

std::string refusal_of_rank(std::uint64_t out, std::uint64_t rank, std::uint64_t in) {
  return refusal_after(svd_llm(), [&](Model& m) {
    m[0].shape = {out, rank};
    m[1].shape = {rank, in};
  });
}

TEST(FindPairs, RefusesARankAboveThoseOfAMatrixOrTheLimit) {
  EXPECT_EQ(refusal_of_rank(8, 6, 6), "");
  EXPECT_EQ(refusal_of_rank(6, 6, 8), "");
  EXPECT_EQ(refusal_of_rank(1, 1, 1), "");
  EXPECT_THAT(refusal_of_rank(8, 7, 6),
              HasSubstr("q_u_proj.weight\": expected a rank of at most 6, found BF16 [8, 7] beside "
                        "BF16 [7, 6]"));
  EXPECT_THAT(refusal_of_rank(6, 7, 8), HasSubstr("expected a rank of at most 6"));
  EXPECT_EQ(refusal_of_rank(kMaxRank + 1, kMaxRank, kMaxRank + 1), "");
  EXPECT_THAT(refusal_of_rank(kMaxRank + 1, kMaxRank + 1, kMaxRank + 1),
              HasSubstr("expected a rank of at most 32768"));
}

TEST(FindPairs, RefusesAFactorAloneOrTwice) {
  EXPECT_EQ(refusal_after(svd_llm(), [](Model& m) { m.pop_back(); }),
            "\"model.layers.0.self_attn.q_v_proj.weight\": expected a matrix, the other factor of "
            "\"model.layers.0.self_attn.q_u_proj.weight\", found none");
  EXPECT_EQ(refusal_after(svd_llm(), [](Model& m) { m[1].name += "s"; }),
            "\"model.layers.0.self_attn.q_v_proj.weight\": expected a matrix, the other factor of "
            "\"model.layers.0.self_attn.q_u_proj.weight\", found none");
  EXPECT_THAT(refusal_after(svd_llm(), [](Model& m) { m.push_back(m[1]); }),
              HasSubstr("q_v_proj.weight\": expected one tensor of this name, found two"));
  EXPECT_EQ(refusal_after(svd_llm(), [](Model& m) { m.erase(m.begin()); }), "pairs: 0");
  Model twice = svd_llm();
  twice.push_back(twice[0]);
  const std::vector<Pair> pairs = find_pairs(twice);
  ASSERT_EQ(pairs.size(), 2u);
  for (const Pair& pair : pairs) EXPECT_THAT(pair.refusal, HasSubstr("found two"));
}

TEST(FindPairs, RefusesWhatStandsBetweenTheFactors) {
  const std::string q = "model.layers.0.self_attn.q";
  // A bias of B.
  EXPECT_EQ(refusal_after(asvd(), [&](Model& m) { add(m, q + "_proj.BLinear.bias", {5}); }),
            "\"" + q + "_proj.BLinear.bias\": expected nothing between the factors \"" + q +
                "_proj.ALinear.weight\" and \"" + q + "_proj.BLinear.weight\", found F16 [5]");
  EXPECT_THAT(refusal_after(svd_llm(), [&](Model& m) { add(m, q + "_v_proj.bias", {5}); }),
              HasSubstr("q_v_proj.bias\": expected nothing"));
  // A scale of B, even one that would do no harm.
  EXPECT_THAT(refusal_after(asvd(), [&](Model& m) { add(m, q + "_proj.BLinear.scale", {}); }),
              HasSubstr("BLinear.scale\": expected nothing"));
  // A norm or gate of as many numbers as the rank.
  EXPECT_EQ(refusal_after(asvd(), [&](Model& m) { add(m, q + "_proj.norm.weight", {5}); }),
            "\"" + q +
                "_proj.norm.weight\": expected no tensor with an axis of the rank 5 between the "
                "factors \"" +
                q + "_proj.ALinear.weight\" and \"" + q + "_proj.BLinear.weight\", found F16 [5]");
  for (const std::string name : {"_proj.gate", "_proj.ALinear.scales"}) {
    EXPECT_THAT(refusal_after(asvd(),
                              [&](Model& m) {
                                add(m, q + name, {1, 5}, DType::kI8);
                              }),
                HasSubstr(name + "\": expected no tensor with an axis of the rank"));
  }
  for (const std::string name : {"_norm.weight", ".norm.weight"}) {
    EXPECT_THAT(refusal_after(svd_llm(), [&](Model& m) { add(m, q + name, {5}); }),
                HasSubstr(name + "\": expected no tensor with an axis of the rank"));
  }
}

TEST(FindPairs, LeavesAloneWhatDoesNotStandBetweenTheFactors) {
  const std::string q = "model.layers.0.self_attn.q";
  const auto taken = [&](Model model, const std::string& name, Shape shape) {
    return refusal_after(std::move(model), [&](Model& m) { add(m, q + name, shape); });
  };
  EXPECT_EQ(taken(asvd(), "_proj.residual", {8, 6}), "");
  EXPECT_EQ(taken(asvd(), "_norm.weight", {5}), "");
  EXPECT_EQ(taken(asvd(), "_proj2.norm.weight", {5}), "");
  EXPECT_EQ(taken(svd_llm(), "_u_proj.bias", {8}), "");
  EXPECT_EQ(taken(svd_llm(), "2_norm.weight", {5}), "");
  // A bias of A is one also if it is as long as the rank, but only if it is as long as A's rows.
  const std::string square = refusal_after(svd_llm(), [&](Model& m) {
    m[0].shape = {5, 5};
    add(m, q + "_u_proj.bias", {5});
  });
  EXPECT_EQ(square, "");
  EXPECT_THAT(taken(svd_llm(), "_u_proj.bias", {5}), HasSubstr("q_u_proj.bias\": expected no"));
}

TEST(FindPairs, AdaptersOfTwoFormsAtOneStemAreNoPairs) {
  Model m;
  for (const char* name : {"", ".default"}) {
    add(m, std::string("q_proj.lora_A") + name + ".weight", {2, 6});
    add(m, std::string("q_proj.lora_B") + name + ".weight", {8, 2});
  }
  const std::vector<Pair> pairs = find_pairs(m);
  ASSERT_EQ(pairs.size(), 2u);
  for (const Pair& pair : pairs) EXPECT_FALSE(pair.proven());
}

TEST(FindPairs, ReasonsAreFitForATerminal) {
  Model m;
  add(m, "\x1b]0;title\a_u_proj.weight", {8, 5});
  const std::string reason = find_pairs(m).at(0).refusal;
  EXPECT_THAT(reason, HasSubstr("\\x1b]0;title\\x07_v_proj.weight"));
  EXPECT_EQ(reason.find('\x1b'), std::string::npos);
}

// Stems within stems, and many tensors below the innermost.
TEST(FindPairs, TakesTimeInProportionToTheNames) {
  Model m;
  std::string stem = "x";
  for (int i = 0; i < 2000; ++i, stem += ".x") {
    add(m, stem + ".ALinear.weight", {8, 5});
    add(m, stem + ".BLinear.weight", {5, 6});
  }
  for (int i = 0; i < 2000; ++i) add(m, stem + std::to_string(i), {7});
  const std::vector<Pair> pairs = find_pairs(m);
  ASSERT_EQ(pairs.size(), 2000u);
  EXPECT_TRUE(pairs.back().proven()) << pairs.back().refusal;
  EXPECT_FALSE(pairs.front().proven());
}

}  // namespace
}  // namespace bbz::pair
