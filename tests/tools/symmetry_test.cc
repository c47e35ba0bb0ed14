// The symmetry coder as a user meets it.
#include <map>
#include <nlohmann/json.hpp>

#include "models/factored.h"
#include "tools/models.h"
#include "tools/shell.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

class Symmetry : public ToolTest {
 protected:
  Symmetry() {
    write("sliced.safetensors", safetensors_of(small_sliced_model(), {{"format", "pt"}}));
  }

  // The bytes of each tensor of a file; a stream gives them in another order.
  std::map<std::string, std::string> tensors_of(const std::string& name) const {
    const std::string file = read(name);
    const auto header = safetensors::parse(std::as_bytes(std::span(file)), file.size());
    std::map<std::string, std::string> tensors;
    if (!header.ok()) return tensors;
    for (const safetensors::Tensor& tensor : header->tensors) {
      tensors[tensor.name] = file.substr(header->header_size + tensor.begin, tensor.size());
    }
    return tensors;
  }
};

TEST_F(Symmetry, EveryMethodPacksUnpacksAndSaysSo) {
  for (const std::string method : {"auto", "bits-back", "triangular", "polar"}) {
    const Finished packed = sh("$BBZ pack sliced.safetensors -f --symmetry " + method);
    ASSERT_EQ(packed.code, 0) << packed.err;
    EXPECT_NE(packed.err.find("not bit-exact"), std::string::npos) << packed.err;
    EXPECT_EXIT_CODE(0, "$BBZ verify sliced.bbz && $BBZ verify --fast sliced.bbz");
    const Finished unpacked = sh("$BBZ unpack sliced.bbz -f -C by-index");
    ASSERT_EQ(unpacked.code, 0) << unpacked.err;
    EXPECT_NE(unpacked.err.find("not bit-exact"), std::string::npos) << unpacked.err;
    EXPECT_EXIT_CODE(0, "cat sliced.bbz | $BBZ unpack - -f -C by-stream");
    EXPECT_EXIT_CODE(0, "cmp by-index/sliced.safetensors by-stream/sliced.safetensors");
    EXPECT_EXIT_CODE(0, "$BBZ salvage sliced.bbz -f -C saved && diff -r by-index saved");
    // One layer, alone and from a stream, has the bytes that the whole model has.
    EXPECT_EXIT_CODE(0, "$BBZ unpack sliced.bbz -f --layer 1 -o layer.safetensors");
    EXPECT_EXIT_CODE(0, "cat sliced.bbz | $BBZ unpack - -f --layer 1 -o layer2.safetensors");
    EXPECT_EQ(tensors_of("layer.safetensors"), tensors_of("layer2.safetensors"));
    EXPECT_EQ(tensors_of("layer.safetensors").size(), 9u);
    const Finished shown = sh("$BBZINFO --symmetry sliced.bbz");
    EXPECT_NE(shown.out.find("layer 1 mlp"), std::string::npos) << shown.out;
    EXPECT_NE(shown.out.find("not exact"), std::string::npos) << shown.out;
  }
}

TEST_F(Symmetry, PackingWhatWasUnpackedGivesTheSameArchive) {
  for (const std::string method : {"triangular", "polar"}) {
    EXPECT_EXIT_CODE(0, "$BBZ pack -q sliced.safetensors -f --symmetry " + method);
    EXPECT_EXIT_CODE(0, "$BBZ unpack -q sliced.bbz -f -C again");
    EXPECT_EXIT_CODE(0,
                     "$BBZ pack -q again/sliced.safetensors -o again.bbz -f --symmetry " + method);
    EXPECT_EXIT_CODE(0, "cmp sliced.bbz again.bbz");
  }
}

TEST_F(Symmetry, AModelWithoutJunctionsIsPackedExactlyAndWhyIsSaid) {
  write("plain.safetensors", layered_model(2, 32));
  const Finished packed = sh("$BBZ pack plain.safetensors --symmetry auto");
  ASSERT_EQ(packed.code, 0) << packed.err;
  EXPECT_NE(packed.err.find("packed exactly: "), std::string::npos) << packed.err;
  EXPECT_EXIT_CODE(
      0, "$BBZ unpack plain.bbz -C exact && cmp plain.safetensors exact/plain.safetensors");
  const Finished estimated = sh("$BBZ estimate plain.safetensors");
  EXPECT_EQ(estimated.code, 1) << estimated.err;
  EXPECT_NE(estimated.out.find("exact small"), std::string::npos) << estimated.out;
  EXPECT_NE(estimated.out.find("nothing to rotate: "), std::string::npos) << estimated.out;
}

TEST_F(Symmetry, EstimatesArePredictionsOfArchives) {
  EXPECT_EXIT_CODE(0, "$BBZ estimate --json sliced.safetensors >out");
  const auto json = nlohmann::json::parse(read("out"));
  EXPECT_EQ(json["original_bytes"], read("sliced.safetensors").size());
  ASSERT_EQ(json["forecast"].size(), 15u);
  for (const auto& one : json["forecast"]) {
    const std::string method = one["method"];
    if (one["floor"] != 0 || method == "pivot") continue;
    const std::string options = method == "exact"         ? ""
                                : method == "exact small" ? "--level small"
                                                          : "--symmetry " + method;
    EXPECT_EQ(one["note"], "") << method;
    EXPECT_EXIT_CODE(0, "$BBZ pack -q -f sliced.safetensors -o packed.bbz " + options);
    const auto packed = static_cast<double>(read("packed.bbz").size());
    EXPECT_NEAR(one["bytes"].get<double>(), packed, 0.01 * packed) << method;
  }
}

// A model with a NaN in some tensors.
std::string with_nan(test_models::Model model, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    auto& bytes = model.bytes[model.find(name)];
    bytes[10] = bytes[11] = std::byte{0x7E};
  }
  return safetensors_of(model, {{"format", "pt"}});
}

TEST_F(Symmetry, ABadValueMakesItsJunctionExactAndNoMore) {
  const std::string bad = "model.layers.0.mlp.up_proj.weight";
  write("nan.safetensors", with_nan(small_sliced_model(), {bad}));
  const Finished packed = sh("$BBZ pack nan.safetensors --symmetry auto");
  ASSERT_EQ(packed.code, 0) << packed.err;
  EXPECT_NE(packed.err.find("1 of 5 junctions packed exactly: layer 0 mlp: \"" + bad +
                            "\": element 5: expected a finite number, found nan"),
            std::string::npos)
      << packed.err;
  EXPECT_NE(packed.err.find("not bit-exact"), std::string::npos) << packed.err;
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q nan.bbz -C out");
  const auto before = tensors_of("nan.safetensors"), after = tensors_of("out/nan.safetensors");
  EXPECT_EQ(before.at(bad), after.at(bad));
  EXPECT_NE(before.at("lm_head.weight"), after.at("lm_head.weight"));
  EXPECT_NE(sh("$BBZINFO --symmetry nan.bbz").out.find("element 5: expected a finite"),
            std::string::npos);
  EXPECT_EQ(sh("$BBZ pack -q nan.safetensors -f --symmetry auto").err, "");
  const Finished estimated = sh("$BBZ estimate nan.safetensors");
  EXPECT_EQ(estimated.code, 0) << estimated.err;
  for (const std::string method : {"polar", "triangular", "bits-back"}) {
    const Finished refused = sh("$BBZ pack nan.safetensors -o x.bbz --symmetry " + method);
    EXPECT_EQ(refused.code, 4);
    EXPECT_NE(refused.err.find(bad), std::string::npos) << refused.err;
    EXPECT_FALSE(exists("x.bbz"));
  }
}

TEST_F(Symmetry, AModelWithBadValuesEverywhereIsPackedExactly) {
  const auto model = small_sliced_model();
  std::vector<std::string> names;
  for (const auto& info : model.infos) names.push_back(info.name);
  write("nan.safetensors", with_nan(model, names));
  const Finished packed = sh("$BBZ pack nan.safetensors --symmetry auto");
  ASSERT_EQ(packed.code, 0) << packed.err;
  EXPECT_NE(packed.err.find("packed exactly: "), std::string::npos) << packed.err;
  EXPECT_NE(packed.err.find("expected a finite number, found nan"), std::string::npos);
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q nan.bbz -C out && cmp nan.safetensors out/nan.safetensors");
}

TEST_F(Symmetry, OtherFilesOfAFolderStayExact) {
  EXPECT_EXIT_CODE(
      0, "mkdir folder && mv sliced.safetensors folder && echo '{}' > folder/config.json");
  EXPECT_EXIT_CODE(0, "$BBZ pack -q folder --symmetry polar");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q folder.bbz -C out && cmp folder/config.json out/config.json");
  EXPECT_EXIT_CODE(2, "cat folder/config.json | $BBZ pack - -o x.bbz --symmetry auto");
  EXPECT_EXIT_CODE(2, "$BBZ pack folder -o x.bbz --symmetry auto --index-first");
}

TEST_F(Symmetry, EstimatesAreJson) {
  const Finished shown = sh("$BBZ estimate sliced.safetensors --json");
  ASSERT_EQ(shown.code, 0) << shown.err;
  const auto json = nlohmann::json::parse(shown.out);
  EXPECT_EQ(json["family"], "llama");
  EXPECT_EQ(json["junctions"].size(), 5u);
  EXPECT_GT(json["junctions"][1]["triangular_entries"], 0);
  EXPECT_GE(json["junctions"][1]["polar_entries"], json["junctions"][1]["triangular_entries"]);
  EXPECT_GT(json["junctions"][1]["bits_back_bits"], 0);
}

class Factored : public ToolTest {
 protected:
  Factored() {
    test_models::Spec spec;
    spec.hidden = 64;
    const auto model = test_models::factored(test_models::plain_llama(spec), spec, {});
    write("factored.safetensors", safetensors_of(model, {{"format", "pt"}}));
  }
};

TEST_F(Factored, PairsPackUnpackAndAreOneMatrixWithThoseBefore) {
  for (const std::string options : {"--symmetry auto", "--symmetry pivot --symmetry-floor 0.5",
                                    "--symmetry pivot --symmetry-floor 1 -T 1"}) {
    const Finished packed = sh("$BBZ pack factored.safetensors -f " + options);
    ASSERT_EQ(packed.code, 0) << packed.err;
    EXPECT_NE(packed.err.find("not bit-exact"), std::string::npos) << packed.err;
    EXPECT_EQ(packed.err.find("packed exactly"), std::string::npos) << packed.err;
    EXPECT_EXIT_CODE(0, "$BBZ verify factored.bbz");
    EXPECT_EXIT_CODE(0, "$BBZ unpack -q factored.bbz -f -C by-index");
    EXPECT_EXIT_CODE(0, "cat factored.bbz | $BBZ unpack -q - -f -C by-stream");
    EXPECT_EXIT_CODE(0, "$BBZ salvage factored.bbz -f -C saved && diff -r by-index saved");
    EXPECT_EXIT_CODE(0, "diff -r by-index by-stream");
    EXPECT_EXIT_CODE(0, "$BBZ compare factored.safetensors factored.bbz --max-product 4e-3");
    EXPECT_EXIT_CODE(0, "$BBZ pack -q by-index/factored.safetensors -o again.bbz -f " + options +
                            " && cmp factored.bbz again.bbz");
  }
  const Finished shown = sh("$BBZINFO --symmetry factored.bbz");
  EXPECT_NE(shown.out.find("floor 1"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("model.layers.1.mlp.up_proj"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("growth"), std::string::npos) << shown.out;
}

TEST_F(Factored, EstimateSaysWhatPivotSaves) {
  const Finished text = sh("$BBZ estimate factored.safetensors");
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_NE(text.out.find("model.layers.0.self_attn.q_proj"), std::string::npos) << text.out;
  EXPECT_EXIT_CODE(0, "$BBZ estimate --json factored.safetensors >out");
  const auto json = nlohmann::json::parse(read("out"));
  EXPECT_EQ(json["refusal"], "");
  ASSERT_EQ(json["pairs"].size(), 14u);
  for (const auto& pair : json["pairs"]) {
    EXPECT_EQ(pair["pivot_entries"], pair["rank"].get<int>() * pair["rank"].get<int>());
  }
}

TEST_F(Factored, MethodsForJunctionsLeaveThemAlone) {
  const Finished packed = sh("$BBZ pack factored.safetensors --symmetry polar");
  EXPECT_EQ(packed.code, 0);
  EXPECT_NE(packed.err.find("packed exactly"), std::string::npos) << packed.err;
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q factored.bbz -C out");
  EXPECT_EXIT_CODE(0, "cmp factored.safetensors out/factored.safetensors");
}

TEST_F(Factored, AFloorNeedsAGaugeThatRounds) {
  EXPECT_EXIT_CODE(2, "$BBZ pack factored.safetensors --symmetry-floor 1");
  EXPECT_EXIT_CODE(2, "$BBZ pack factored.safetensors --symmetry bits-back --symmetry-floor 1");
  EXPECT_EXIT_CODE(2, "$BBZ pack factored.safetensors --symmetry pivot --symmetry-floor 0.7");
}

}  // namespace
}  // namespace bbz::tools
