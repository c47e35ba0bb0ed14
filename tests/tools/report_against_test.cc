// bbz report --against: an archive, a model, a directory, a URL and a history.
#include "tools/bases.h"
#include "tools/reporting.h"
#ifdef BBZ_HTTP
#include "http/server.h"
#endif

namespace bbz::tools {
namespace {

class ReportAgainst : public Reporting {
 protected:
  // Returns the state of each tensor.
  static std::map<std::string, std::string> states_of(const Json& against) {
    std::map<std::string, std::string> states;
    for (const Json& row : against["tensors"]) states[row["name"]] = row["state"];
    return states;
  }
};

TEST_F(ReportAgainst, SameModelIsTheSameHoweverItIsStored) {
  EXPECT_EXIT_CODE(
      0,
      "$BBZ pack -q model.safetensors --level fast -o fast.bbz && mkdir dir && cp model.safetensors dir && "
      "$BBZ pack -q model.safetensors --digest sha256 -o sha.bbz");
  for (const std::string old : {"model.bbz", "fast.bbz", "sha.bbz", "model.safetensors", "dir"}) {
    const Json against = report("model.bbz --against " + old)["against"];
    const bool archive = old.ends_with(".bbz");
    EXPECT_EQ(against["name"], old);
    EXPECT_EQ(against["kind"], archive ? "archive" : "model");
    EXPECT_EQ(against["summary"],
              Json({{"same", 10}, {"changed", 0}, {"added", 0}, {"removed", 0}, {"unknown", 0}}))
        << old;
    EXPECT_EQ(against["old"]["original_bytes"], read("model.safetensors").size());
    EXPECT_EQ(against["old"]["stored_bytes"], read(archive ? old : "model.safetensors").size());
    EXPECT_EQ(against["new"]["stored_bytes"], read("model.bbz").size());
    EXPECT_EQ(against["old"]["root_digest"].is_null(), !archive);
  }
}

TEST_F(ReportAgainst, ChangedAddedAndRemovedTensorsAreFound) {
  // The first model has layers 0 to 2, and the other has 0 and 1, of which one weight differs.
  std::string other = layered_model(2, 64);
  other[other.size() - 1] ^= 1;  // the sign of the last weight, which is of the norm of layer 1
  write("other.safetensors", other);
  EXPECT_EXIT_CODE(0, "$BBZ pack -q other.safetensors");
  for (const std::string old : {"other.bbz", "other.safetensors"}) {
    const auto against = report("model.bbz --against " + old)["against"];
    EXPECT_EQ(against["summary"],
              Json({{"same", 6}, {"changed", 1}, {"added", 3}, {"removed", 0}, {"unknown", 0}}))
        << old;
    const auto states = states_of(against);
    EXPECT_EQ(states.at("model.layers.1.norm.weight"), "changed");
    EXPECT_EQ(states.at("model.layers.2.mlp.up_proj.weight"), "added");
    EXPECT_EQ(states.at("model.layers.0.norm.weight"), "same");
  }
  const auto back = report("other.bbz --against model.bbz")["against"];
  EXPECT_EQ(back["summary"]["removed"], 3);
  EXPECT_EQ(states_of(back).at("model.layers.2.norm.weight"), "removed");
  // The largest change of stored bytes comes first.
  EXPECT_EQ(back["tensors"][0]["name"], "model.layers.2.mlp.up_proj.weight");
  EXPECT_EQ(back["tensors"][0]["new_stored"], 0);
  EXPECT_GT(back["tensors"][0]["old_stored"], 1000);
}

TEST_F(ReportAgainst, RotatedTensorsAreComparedByTheirBytes) {
  make_sliced();
  EXPECT_EXIT_CODE(
      0,
      "$BBZ unpack -q sliced.bbz -o rotated.safetensors && $BBZ pack -q rotated.safetensors -o exact.bbz");
  for (const std::string old : {"rotated.safetensors", "exact.bbz"}) {
    const Json summary = report("sliced.bbz --against " + old)["against"]["summary"];
    EXPECT_EQ(summary["changed"], 0) << old;
    EXPECT_GT(summary["same"], 10) << old;
  }
  EXPECT_GT(report("sliced.bbz --against sliced.safetensors")["against"]["summary"]["changed"], 5);
}

TEST_F(ReportAgainst, TensorsThatLeanAreComparedByChecksumsOrAreUnknown) {
  write("tuned.safetensors", stepped(layered_model(3, 64), 1));
  EXPECT_EXIT_CODE(
      0,
      "$BBZ pack -q tuned.safetensors --base model.bbz && $BBZ pack -q tuned.safetensors -o whole.bbz");
  EXPECT_EQ(report("tuned.bbz --against whole.bbz")["against"]["summary"]["same"], 10);
  const Json unknown = report("tuned.bbz --against tuned.safetensors --gate 'changed==0'", 1);
  EXPECT_GT(unknown["against"]["summary"]["unknown"], 0);
  EXPECT_THAT(unknown["gates"][0]["why"].get<std::string>(),
              testing::HasSubstr("cannot be compared"));
  EXPECT_EQ(report("tuned.bbz --against tuned.safetensors --base model.bbz --gate 'changed==0'")
                ["against"]["summary"]["same"],
            10);
}

TEST_F(ReportAgainst, QualityIsThatOfBothModels) {
  make_sliced();
  const Json report = this->report(
      "sliced.bbz --against sliced.safetensors --tokens tokens.u16 --length 16 --history runs.jsonl");
  const Json compared = Json::parse(
      sh("$BBZ compare --json sliced.safetensors sliced.bbz --tokens tokens.u16 --length 16").out);
  const Json& quality = report["against"]["quality"];
  EXPECT_EQ(quality["nll_old"], compared["nll_first"]);
  EXPECT_EQ(quality["nll_new"], compared["nll_second"]);
  EXPECT_DOUBLE_EQ(quality["nll_difference"],
                   compared["nll_second"].get<double>() - compared["nll_first"].get<double>());
  EXPECT_EQ(quality["kl"], compared["mean_kl"]);
  EXPECT_EQ(quality["largest_logit_difference"], compared["largest_logit_difference"]);
  EXPECT_EQ(quality["tokens"], compared["tokens"]);
  EXPECT_EQ(report["archives"][0]["quality"]["nll"], compared["nll_second"]);
  const Json row = report["history"]["rows"][0];
  EXPECT_EQ(row["quality"]["nll"], compared["nll_second"]);
  EXPECT_EQ(row["quality"]["kl"], compared["mean_kl"]);
  // --rows runs fewer sequences.
  EXPECT_LT(
      this->report("sliced.bbz --tokens tokens.u16 --length 16 --rows 1")["archives"][0]["quality"]
                                                                         ["tokens"],
      compared["tokens"]);
}

TEST_F(ReportAgainst, HistoryGivesTheNewestRunOfTheArchive) {
  make_sliced();
  (void)report("sliced.bbz --history runs.jsonl --tokens tokens.u16 --length 16");
  (void)report("model.bbz --history runs.jsonl");
  const Json own = report(
      "sliced.bbz --against runs.jsonl --tokens tokens.u16 --length 16 --gate 'size==+0' --gate 'nll==+0'");
  EXPECT_EQ(own["against"]["kind"], "history");
  EXPECT_EQ(own["against"]["old"], own["against"]["new"]);
  EXPECT_TRUE(own["against"]["summary"].is_null());
  EXPECT_EQ(own["against"]["quality"]["nll_difference"], 0);
  // Of another name, the newest row counts, which is of model.bbz.
  EXPECT_EXIT_CODE(0, "cp sliced.bbz copy.bbz");
  EXPECT_EQ(report("copy.bbz --against runs.jsonl")["against"]["old"]["stored_bytes"],
            read("model.bbz").size());
  // A run without quality fails such a gate, and one of tensors cannot hold.
  for (const std::string gate : {"nll<=+1", "changed==0"}) {
    const Json failed = report("model.bbz --against runs.jsonl --gate '" + gate + "'" +
                                   (gate[0] == 'n' ? " --tokens tokens.u16 --length 16" : ""),
                               1);
    EXPECT_NE(failed["gates"][0]["why"], "");
  }
  write("empty.jsonl", "");
  (void)report("model.bbz --against empty.jsonl", 1);
  write("foreign.jsonl", "[]\n");
  (void)report("model.bbz --against foreign.jsonl", 3);
}

TEST_F(ReportAgainst, WhatCannotBeReadIsRefused) {
  write("nothing.txt", "no model");
  std::filesystem::create_directory(dir_ / "empty");
  for (const auto& [old, code] :
       {std::pair{"missing.bbz", 1}, {"nothing.txt", 2}, {"empty", 2}, {"-", 2}}) {
    EXPECT_EXIT_CODE(code, std::string("$BBZ report --json model.bbz -o out --against ") + old);
    EXPECT_FALSE(exists("out")) << old;
  }
  write("cut.bbz", read("model.bbz").substr(0, 5000));
  EXPECT_EXIT_CODE(3, "$BBZ report --json model.bbz -o out --against cut.bbz");
  EXPECT_EXIT_CODE(
      2, "$BBZ report --json model.bbz -f -o model.safetensors --against model.safetensors");
  EXPECT_EQ(read("model.safetensors"), layered_model(3, 64));
}

#ifdef BBZ_HTTP
TEST_F(ReportAgainst, UrlsAreRead) {
  http::Server server(read("model.bbz"));
  ::setenv("URL", server.url().c_str(), 1);
  const Json report = this->report("$URL?token=1 --against $URL");
  EXPECT_EQ(report["against"]["summary"]["same"], 10);
  EXPECT_EQ(report.dump().find("token=1"), std::string::npos);
}
#endif

}  // namespace
}  // namespace bbz::tools
