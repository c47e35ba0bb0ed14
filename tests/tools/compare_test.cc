// bbz compare: the same model is found the same, and another one is not.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "models/factored.h"
#include "tools/models.h"
#include "tools/shell.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

class Compare : public ToolTest {
 protected:
  Compare() {
    spec_.hidden = 32;
    spec_.widths = {26};
    spec_.inner = 64;
    save("model.safetensors", test_models::sliced_model(spec_));
    std::string tokens;
    for (int i = 0; i < 64; ++i) tokens += {static_cast<char>(i * 7 % 96), '\0'};
    write("tokens.u16", tokens);
    write("config.json",
          R"({"num_attention_heads": 4, "num_key_value_heads": 4, "hidden_size": 32})");
  }

  void save(const std::string& name, const test_models::Model& model) {
    write(name, safetensors_of(model));
  }

  test_models::Spec spec_;
};

TEST_F(Compare, ARotatedModelIsTheSameAndItsTensorsAreNot) {
  for (const std::string method : {"bits-back", "triangular", "polar"}) {
    EXPECT_EXIT_CODE(0, "$BBZ pack -q -f model.safetensors --symmetry " + method);
    EXPECT_EXIT_CODE(
        0,
        "$BBZ compare model.safetensors model.bbz --max-orbit 2e-3 --tokens tokens.u16 "
        "--length 16 --max-nll 1e-3");
    EXPECT_EXIT_CODE(1, "$BBZ compare model.safetensors model.bbz --max-difference 1e-3");
  }
}

TEST_F(Compare, NamesMayFollowAPrefix) {
  for (const char* prefix : {"module.", "_orig_mod.", "model."}) {
    test_models::Model renamed = test_models::sliced_model(spec_);
    for (TensorInfo& info : renamed.infos) info.name.insert(0, prefix);
    save("renamed.safetensors", renamed);
    EXPECT_EXIT_CODE(0, "$BBZ pack -q -f renamed.safetensors --symmetry polar");
    EXPECT_EXIT_CODE(
        0,
        "$BBZ compare renamed.safetensors renamed.bbz --max-orbit 2e-3 --tokens tokens.u16 "
        "--length 16 --max-nll 1e-3");
    // The second model has the names without it.
    EXPECT_EXIT_CODE(
        0,
        "$BBZ compare renamed.safetensors model.safetensors --tokens tokens.u16 --length 16 --max-nll 0");
  }
}

TEST_F(Compare, AnotherModelIsFoundAnother) {
  test_models::Model other = test_models::sliced_model(spec_);
  // One sign, in one element of one output projection.
  other.bytes[other.find("model.layers.0.self_attn.o_proj.weight")][1] ^= std::byte{0x80};
  save("other.safetensors", other);
  EXPECT_EXIT_CODE(
      0, "$BBZ compare model.safetensors model.safetensors --max-orbit 0.0001 --max-difference 0");
  EXPECT_EXIT_CODE(1, "$BBZ compare model.safetensors other.safetensors --max-orbit 0.0001");
  EXPECT_EXIT_CODE(
      1,
      "$BBZ compare model.safetensors other.safetensors --tokens tokens.u16 --length 16 "
      "--max-nll 1e-9");
  const Finished shown = sh("$BBZ compare --json model.safetensors other.safetensors");
  const auto json = nlohmann::json::parse(shown.out);
  EXPECT_GT(json["largest_difference"], 0);
  EXPECT_EQ(json["orbits"].size(), 5u);
}

TEST_F(Compare, RefusesWhatItCannotJudge) {
  EXPECT_EXIT_CODE(2, "$BBZ compare model.safetensors model.safetensors --max-nll 1");
  EXPECT_EXIT_CODE(2, "$BBZ compare model.safetensors model.safetensors --tokens tokens.u16");
  EXPECT_EXIT_CODE(1, "$BBZ compare model.safetensors missing.safetensors");
  const Finished part =
      sh("$BBZ compare model.safetensors model.safetensors --tokens tokens.u16 --length 24");
  EXPECT_EQ(part.code, 2);
  EXPECT_NE(part.err.find("tokens.u16: expected whole sequences of 24 tokens (--length), "
                          "found 64 tokens"),
            std::string::npos)
      << part.err;
  write("plain.safetensors", layered_model(1, 32));
  EXPECT_EXIT_CODE(1, "$BBZ compare plain.safetensors plain.safetensors --max-orbit 1");
}

class CompareFactored : public Compare {
 protected:
  CompareFactored() {
    factored_ = test_models::factored(test_models::plain_llama(spec_), spec_, {});
    save("factored.safetensors", factored_);
    other_ = test_models::refactored(factored_, 2);
    save("other.safetensors", other_);
  }

  test_models::Model factored_;
  test_models::Model other_;
};

TEST_F(CompareFactored, OtherFactorsAreTheSameMatricesAndTheSameFunction) {
  EXPECT_EXIT_CODE(0,
                   "$BBZ compare factored.safetensors other.safetensors --max-product 3e-3 "
                   "--tokens tokens.u16 --length 16 --max-nll 1e-3 --max-logit 1e-2 >out");
  EXPECT_THAT(read("out"),
              testing::HasSubstr("pairs: 14 of 14 have the same product up to rounding"));
  EXPECT_THAT(read("out"), testing::HasSubstr("one matrix, factored twice"));
  EXPECT_EXIT_CODE(1, "$BBZ compare factored.safetensors other.safetensors --max-difference 1e-2");
  EXPECT_EXIT_CODE(1, "$BBZ compare factored.safetensors other.safetensors --max-product 1e-6");
  EXPECT_EXIT_CODE(0, "$BBZ compare factored.safetensors factored.safetensors --max-product 0");
  // The figure cannot be computed.
  EXPECT_EXIT_CODE(1, "$BBZ compare model.safetensors model.safetensors --max-product 1");
}

TEST_F(CompareFactored, AnotherProductIsSeenAndNamed) {
  const std::string name = "model.layers.1.mlp.up_proj.ALinear.weight";
  // The signs of the first rows.
  for (std::size_t i = 0; i < 200; ++i)
    other_.bytes[other_.find(name)][2 * i + 1] ^= std::byte{0x80};
  save("other.safetensors", other_);
  EXPECT_EXIT_CODE(0, "$BBZ compare factored.safetensors other.safetensors --json >out");
  const auto json = nlohmann::json::parse(read("out"));
  EXPECT_EQ(json.at("no_pairs"), "");
  ASSERT_EQ(json.at("pairs").size(), 14u);
  for (const auto& pair : json.at("pairs")) {
    const bool changed = pair.at("name") == "model.layers.1.mlp.up_proj";
    EXPECT_EQ(pair.at("verdict"), changed ? "different matrices" : "one matrix, factored twice");
    EXPECT_EQ(pair.at("first_rank"), pair.at("second_rank"));
    EXPECT_EQ(pair.at("of_rounding") > 1, changed);
  }
  EXPECT_EXIT_CODE(1, "$BBZ compare factored.safetensors other.safetensors --max-product 3e-3");
}

}  // namespace
}  // namespace bbz::tools
