// bbz report: what is in a report and its page, what it refuses, and that it leaves nothing behind.
#include "tools/reporting.h"

#include <map>
#include <regex>
#include <set>

#include "bbz/archive/writer.h"
#include "tools/bases.h"
#include "tools/forged.h"

namespace bbz::tools {
namespace {

class Report : public Reporting {
 protected:
  // Writes an archive of one file with these tensors of one byte each.
  void write_archive(const std::string& path, const std::vector<std::string>& names) {
    const auto sink = io::create_output(dir_ / path, {}).value();
    auto writer = Writer::create(*sink, {}).value();
    ASSERT_TRUE(writer.begin_file("model").ok());
    for (const std::string& name : names) {
      TensorSpec spec;
      spec.name = name;
      spec.dtype = DType::kU8;
      spec.shape = {1};
      ASSERT_TRUE(writer.begin_tensor(spec).ok());
      ASSERT_TRUE(writer.write(std::vector<std::byte>(1)).ok());
      ASSERT_TRUE(writer.end_tensor().ok());
    }
    ASSERT_TRUE(writer.end_file().ok());
    ASSERT_TRUE(writer.finish().ok());
    ASSERT_TRUE(sink->finish().ok());
  }
};

TEST_F(Report, SizesAreThoseOfBbzinfo) {
  const Json report = this->report("model.bbz");
  const Json info = Json::parse(sh("$BBZINFO --json --tensors model.bbz").out);
  ASSERT_EQ(report["archives"].size(), 1u);
  const Json& archive = report["archives"][0];
  EXPECT_EQ(report["schema"], 1);
  EXPECT_EQ(archive["name"], "model.bbz");
  for (const char* const field :
       {"root_digest", "id", "format", "archive_bytes", "overhead_bytes"}) {
    EXPECT_EQ(archive[field], info[field]) << field;
  }
  EXPECT_EQ(archive["original_bytes"], info["file_bytes"]);
  EXPECT_EQ(archive["original_bytes"], read("model.safetensors").size());
  EXPECT_DOUBLE_EQ(archive["ratio"],
                   info["archive_bytes"].get<double>() / info["file_bytes"].get<double>());
  EXPECT_EQ(archive["layers"].size(), 4u);
  ASSERT_EQ(archive["dtypes"].size(), 1u);
  EXPECT_EQ(archive["dtypes"][0]["name"], "BF16");
  EXPECT_EQ(archive["dtypes"][0]["stored_bytes"], info["dtypes"]["BF16"]["stored_bytes"]);
  std::uint64_t stored = archive["overhead_bytes"];
  for (const Json& codec : archive["codecs"]) stored += codec["stored_bytes"].get<std::uint64_t>();
  EXPECT_EQ(archive["archive_bytes"], stored);
  stored = archive["overhead_bytes"];
  for (const Json& kind : archive["kinds"]) stored += kind["stored_bytes"].get<std::uint64_t>();
  EXPECT_EQ(archive["archive_bytes"], stored);
}

TEST_F(Report, RowsOfTensorsAreAllOfThemAndTheLargestFirst) {
  const Json tensors = report("model.bbz")["archives"][0]["tensors"];
  EXPECT_EQ(tensors["count"], 10);
  ASSERT_EQ(tensors["rows"].size(), 10u);
  EXPECT_EQ(tensors["rest"]["tensors"], 0);
  std::uint64_t before = ~std::uint64_t{0};
  for (const Json& row : tensors["rows"]) {
    ASSERT_EQ(row.size(), tensors["columns"].size());
    EXPECT_LE(row[8].get<std::uint64_t>(), before);
    before = row[8];
  }
  const Json& first = tensors["rows"][0];
  EXPECT_THAT(first[0].get<std::string>(),
              testing::MatchesRegex("model.layers.[0-2].mlp.up_proj.weight"));
  EXPECT_EQ(first[2], "BF16");
  EXPECT_EQ(first[3], Json({128, 64}));
  EXPECT_EQ(first[5], "split-float");
  EXPECT_EQ(first[6], "dense");
  EXPECT_EQ(first[7], 128 * 64 * 2);
}

TEST_F(Report, BitsOfTrainedWeightsAreMostlyMantissa) {
  const Json bits = report("model.bbz")["archives"][0]["bits"];
  ASSERT_EQ(bits.size(), 1u);
  EXPECT_EQ(bits[0]["sampled_elements"], bits[0]["elements"]);
  ASSERT_EQ(bits[0]["fields"].size(), 3u);
  EXPECT_NEAR(bits[0]["fields"][0]["entropy"], 1, 0.001);
  EXPECT_NEAR(bits[0]["fields"][1]["entropy"], 2.55, 0.15);  // of a normal distribution
  EXPECT_NEAR(bits[0]["fields"][2]["entropy"], 6.97, 0.05);
  EXPECT_NEAR(bits[0]["stored_bits"], 10.6, 0.5);
}

TEST_F(Report, ArchiveThatLeansIsReportedWithAndWithoutItsBase) {
  write("tuned.safetensors", stepped(layered_model(3, 64), 1));
  EXPECT_EXIT_CODE(0, "$BBZ pack -q tuned.safetensors --base model.bbz");
  const Json without = report("tuned.bbz")["archives"][0];
  ASSERT_EQ(without["bases"].size(), 1u);
  EXPECT_EQ(without["bases"][0]["hint"], "model.bbz");
  EXPECT_GT(without["bases"][0]["tensors"], 0);
  ASSERT_EQ(without["bits"].size(), 1u);
  EXPECT_THAT(without["bits"][0]["note"].get<std::string>(), testing::HasSubstr("lean on a base"));
  EXPECT_LT(without["bits"][0]["sampled_elements"], without["bits"][0]["elements"]);
  EXPECT_THAT(without["verify"][0]["command"].get<std::string>(),
              testing::HasSubstr(" --base model.bbz"));
  const Json with = report("tuned.bbz --base model.bbz")["archives"][0];
  EXPECT_EQ(with["bits"][0]["note"], "");
  EXPECT_EQ(with["bits"][0]["sampled_elements"], with["bits"][0]["elements"]);
  // A base that does not serve is told, and is no damage.
  write("other.safetensors", layered_model(3, 64, 50));
  EXPECT_NE(report("tuned.bbz --base other.safetensors")["archives"][0]["bits"][0]["note"], "");
}

TEST_F(Report, CommandsToVerifyRunAsTheyAreWritten) {
  write("a dir/it's.safetensors", layered_model(1, 32));
  EXPECT_EXIT_CODE(
      0,
      "$BBZ pack -q --digest sha256 'a dir' && mkdir bin && ln -s $BBZ bin/bbz && ln -s $BBZINFO bin/bbzinfo");
  const Json verify = report("'a dir.bbz'")["archives"][0]["verify"];
  ASSERT_EQ(verify.size(), 4u);
  for (const Json& row : verify) {
    EXPECT_EXIT_CODE(0, "PATH=$PWD/bin:$PATH; " + row["command"].get<std::string>());
  }
}

TEST_F(Report, SeveralArchivesAreInOneReport) {
  write("other.safetensors", layered_model(1, 32));
  EXPECT_EXIT_CODE(0, "$BBZ pack -q other.safetensors");
  const Json report = this->report("model.bbz other.bbz --gate 'ratio<1'");
  ASSERT_EQ(report["archives"].size(), 2u);
  EXPECT_EQ(report["archives"][1]["name"], "other.bbz");
  ASSERT_EQ(report["gates"].size(), 2u);
  EXPECT_EQ(report["gates"][0]["archive"], "model.bbz");
  EXPECT_EQ(report["gates"][1]["archive"], "other.bbz");
  EXPECT_EXIT_CODE(2, "$BBZ report model.bbz other.bbz");
  EXPECT_EXIT_CODE(2, "$BBZ report --json model.bbz other.bbz --against model.bbz");
}

TEST_F(Report, StandardInputIsReportedLikeAFile) {
  const Json report = this->report("- < model.bbz");
  EXPECT_EQ(report["archives"][0]["name"], "standard input");
  EXPECT_EQ(report["archives"][0]["bits"], this->report("model.bbz")["archives"][0]["bits"]);
}

TEST_F(Report, TimeIsThatOfSourceDateEpoch) {
  const std::string command =
      "SOURCE_DATE_EPOCH=1767323045 $BBZ report --no-estimates --json model.bbz";
  const Finished first = sh(command);
  EXPECT_EQ(Json::parse(first.out)["made"], "2026-01-02T03:04:05Z");
  EXPECT_EQ(sh(command).out, first.out);
  EXPECT_EXIT_CODE(2, "SOURCE_DATE_EPOCH=now $BBZ report --json model.bbz");
  EXPECT_EXIT_CODE(2, "SOURCE_DATE_EPOCH=253402300800 $BBZ report --json model.bbz");
}

TEST_F(Report, DamageIsToldAndTheRestIsReported) {
  const std::string archive = read("model.bbz");
  std::string broken = archive;
  broken[archive.size() / 2] ^= 1;
  write("broken.bbz", broken);
  const Json report = this->report("broken.bbz -o out", 3);
  EXPECT_THAT(errors_, testing::HasSubstr("broken.bbz: "));
  const Json archives = Json::parse(read("out"))["archives"];
  EXPECT_EQ(archives[0]["bits"][0]["fields"], Json::array());
  EXPECT_NE(archives[0]["bits"][0]["note"], "");
  EXPECT_EQ(archives[0]["tensors"]["count"], 10);
}

TEST_F(Report, WhatIsNoArchiveLeavesNoReport) {
  const std::string archive = read("model.bbz");
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{10}, archive.size() / 2, archive.size() - 1}) {
    write("cut.bbz", archive.substr(0, size));
    EXPECT_EXIT_CODE(
        3,
        "$BBZ report --json cut.bbz -o out --junit gates.xml --gate 'size>0' --history runs.jsonl");
    for (const char* const name : {"out", "gates.xml", "runs.jsonl"})
      EXPECT_FALSE(exists(name)) << name;
  }
  EXPECT_EXIT_CODE(1, "$BBZ report --json missing.bbz -o out");
  EXPECT_EXIT_CODE(
      1, "$BBZ report --json model.bbz -o out --expect xxh3-128:00000000000000000000000000000000");
  EXPECT_EXIT_CODE(3, "$BBZ report --json model.bbz -o out --max-size 1K");
  EXPECT_FALSE(exists("out"));
  EXPECT_FALSE(left_temporaries());
}

TEST_F(Report, OutputsAreNotReplacedUnlessForced) {
  write("out", "mine");
  write("gates.xml", "mine");
  EXPECT_EXIT_CODE(6, "$BBZ report --json model.bbz -o out");
  EXPECT_EXIT_CODE(6, "$BBZ report --json model.bbz --gate 'size>0' --junit gates.xml");
  EXPECT_EQ(read("out") + read("gates.xml"), "minemine");
  EXPECT_EXIT_CODE(0, "$BBZ report --json model.bbz -f -o out --gate 'size>0' --junit gates.xml");
  EXPECT_THAT(read("out"), testing::StartsWith("{"));
  EXPECT_THAT(read("gates.xml"), testing::StartsWith("<?xml"));
  EXPECT_EXIT_CODE(2, "$BBZ report --json model.bbz -f -o model.bbz");
  EXPECT_EXIT_CODE(5, "$BBZ report --json model.bbz -o /dev/full");
  EXPECT_EXIT_CODE(0, "$BBZ verify -q model.bbz");
}

TEST_F(Report, PageHasTheDataAndIsNamedAfterTheArchive) {
  if (!makes_pages()) GTEST_SKIP() << "this build makes no pages: d3 is not installed";
  EXPECT_EXIT_CODE(0, "SOURCE_DATE_EPOCH=1767323045 $BBZ report --no-estimates model.bbz");
  const std::string page = read("model.report.html");
  EXPECT_THAT(page, testing::StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(page, testing::HasSubstr("</html>"));
  EXPECT_EQ(
      data_of(page),
      Json::parse(
          sh("SOURCE_DATE_EPOCH=1767323045 $BBZ report --no-estimates --json model.bbz").out));
  EXPECT_EXIT_CODE(6, "$BBZ report --no-estimates model.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ report --no-estimates model.bbz -o - > piped.html");
  EXPECT_EQ(data_of(read("piped.html"))["archives"], data_of(page)["archives"]);
}

TEST_F(Report, HostileNamesCannotLeaveTheDataOfAPage) {
  if (!makes_pages()) GTEST_SKIP() << "this build makes no pages: d3 is not installed";
  const std::vector<std::string> names = {"</script><script>alert(1)</script>",
                                          "<!--<script>",
                                          "]]>&amp;\"'\\",
                                          "\xE2\x80\xA8\xE2\x80\xA9",
                                          "\xE2\x80\xAE"
                                          "evil",
                                          std::string(4096, 'x'),
                                          "\xF0\x9F\x92\xA9"};
  write_archive("evil.bbz", names);
  EXPECT_EXIT_CODE(0, "$BBZ report --no-estimates evil.bbz");
  const std::string page = read("evil.report.html");
  const std::size_t begin = page.find("id=\"report\">");
  const std::size_t end = page.find("</script>", begin);
  const std::string data = page.substr(begin + 12, end - begin - 12);
  EXPECT_EQ(data.find('<'), std::string::npos);
  EXPECT_TRUE(std::ranges::all_of(data, [](char c) { return c >= ' ' && c <= '~'; }));
  std::set<std::string> found;
  const Json parsed = Json::parse(data);
  for (const Json& row : parsed["archives"][0]["tensors"]["rows"]) found.insert(row[0]);
  EXPECT_EQ(found, std::set<std::string>(names.begin(), names.end()));
}

TEST_F(Report, PageOfManyTensorsStaysSmallAndSumsUpWhatItLeavesOut) {
  if (!makes_pages()) GTEST_SKIP() << "this build makes no pages: d3 is not installed";
  std::vector<std::string> names;
  constexpr std::size_t kTensors = 100'000;
  for (std::size_t i = 0; i < kTensors; ++i) {
    names.push_back("model.layers." + std::to_string(i) + "." + std::string(i % 300, 'w') +
                    ".weight");
  }
  write_archive("many.bbz", names);
  EXPECT_EXIT_CODE(0, "$BBZ report --no-estimates many.bbz --against model.bbz");
  const std::string page = read("many.report.html");
  EXPECT_LT(page.size(), 10'000'000u);
  const Json data = data_of(page);
  const Json& tensors = data["archives"][0]["tensors"];
  EXPECT_EQ(tensors["count"], kTensors);
  EXPECT_EQ(tensors["rows"].size() + tensors["rest"]["tensors"].get<std::size_t>(), kTensors);
  EXPECT_GT(tensors["rows"].size(), 10'000u);
  EXPECT_EQ(tensors["rest"]["bytes"], tensors["rest"]["tensors"]);
  const Json& archive = data["archives"][0];
  EXPECT_EQ(archive["layers"].size() + archive["layers_rest"]["count"].get<std::size_t>(),
            kTensors);
  EXPECT_EQ(data["against"]["tensors"].size() +
                data["against"]["tensors_rest"]["count"].get<std::size_t>(),
            kTensors + 10);
  EXPECT_EQ(report("many.bbz")["archives"][0]["tensors"]["rows"].size(), kTensors);
}

TEST_F(Report, HistoryGetsARowAndIsShown) {
  EXPECT_EQ(report("model.bbz")["history"], Json());
  const Json first = report("model.bbz --history runs.jsonl");
  ASSERT_EQ(first["history"]["rows"].size(), 1u);
  EXPECT_EQ(Json::parse(read("runs.jsonl")), first["history"]["rows"][0]);
  const Json second = report("model.bbz --history runs.jsonl");
  ASSERT_EQ(second["history"]["rows"].size(), 2u);
  const Json& row = second["history"]["rows"][1];
  EXPECT_EQ(row["command"], "report");
  EXPECT_EQ(row["archive"], "model.bbz");
  EXPECT_EQ(row["archive_bytes"], read("model.bbz").size());
  EXPECT_EQ(row["root_digest"], second["archives"][0]["root_digest"]);
  EXPECT_TRUE(row["quality"].is_null());
  write("foreign.jsonl", "{\"loss\": 3}\n");
  (void)report("model.bbz --history foreign.jsonl", 3);
  EXPECT_EQ(read("foreign.jsonl"), "{\"loss\": 3}\n");
}

TEST_F(Report, OptionsOfTheExampleWorkflowExist) {
  const std::string workflow = io::read_text(BBZ_EXAMPLES "/ci/release.yml");
  std::map<std::string, std::string> pages;
  std::size_t checked = 0;
  const std::regex command("\\bbbz (pack|unpack|verify|report)\\b([^&]*)");
  const std::regex option(" (--[a-z-]+)");
  // The lines of a step are one text; the next step begins with a dash.
  const std::regex step("\n      - [^]*?(?=\n      - |$)");
  for (auto at = std::sregex_iterator(workflow.begin(), workflow.end(), step);
       at != std::sregex_iterator(); ++at) {
    const std::string text = at->str();
    for (auto c = std::sregex_iterator(text.begin(), text.end(), command);
         c != std::sregex_iterator(); ++c) {
      const std::string name = (*c)[1];
      if (!pages.contains(name)) pages[name] = sh("$BBZ " + name + " --help").out;
      std::string rest = (*c)[2];
      rest = rest.substr(0, rest.find("\n          bbz "));
      for (auto o = std::sregex_iterator(rest.begin(), rest.end(), option);
           o != std::sregex_iterator(); ++o) {
        EXPECT_THAT(pages[name], testing::HasSubstr((*o)[1].str() + " ")) << name << "\n" << text;
        ++checked;
      }
    }
  }
  EXPECT_GE(checked, 10u);
  // The gates are gates, and need what they are given.
  std::string gates;
  const std::regex gate("--gate '[^']*'");
  for (auto at = std::sregex_iterator(workflow.begin(), workflow.end(), gate);
       at != std::sregex_iterator(); ++at) {
    gates += " " + at->str();
  }
  const Finished finished =
      sh("$BBZ report --json missing.bbz --against missing.bbz --tokens " BBZ_EXAMPLES
         "/README.md --length 2" +
         gates);
  EXPECT_NE(finished.code, 0);
  EXPECT_EQ(finished.err.find("--gate"), std::string::npos) << finished.err;
}

TEST_F(Report, EstimatesAreThereUnlessLeftOutAndHaveNoTimesIfTheTimeIsGiven) {
  make_sliced();
  const Json timed =
      Json::parse(sh("$BBZ report --json sliced.bbz").out)["archives"][0]["estimates"];
  EXPECT_EQ(timed["note"], "");
  ASSERT_GT(timed["methods"].size(), 3u);
  EXPECT_EQ(timed["methods"][0]["method"], "exact");
  EXPECT_GT(timed["methods"][0]["bytes"], 10'000);
  EXPECT_GT(timed["methods"][0]["seconds"], 0);
  const std::string command = "SOURCE_DATE_EPOCH=1 $BBZ report --json sliced.bbz";
  const std::string fixed = sh(command).out;
  EXPECT_TRUE(Json::parse(fixed)["archives"][0]["estimates"]["methods"][0]["seconds"].is_null());
  EXPECT_EQ(sh(command).out, fixed);
  EXPECT_TRUE(report("sliced.bbz")["archives"][0]["estimates"].is_null());
}

TEST_F(Report, OutputMatchesItsSchema) {
  if (!has("/usr/bin/python3 -c 'import jsonschema; jsonschema.Draft202012Validator'")) {
    GTEST_SKIP() << "python3-jsonschema is not installed";
  }
  make_sliced();
  const std::string validate =
      " | /usr/bin/python3 -c 'import json, jsonschema, sys; schema = json.load(open(sys.argv[1])); "
      "jsonschema.Draft202012Validator.check_schema(schema); "
      "jsonschema.Draft202012Validator(schema).validate(json.load(sys.stdin))' " BBZ_REPORT_SCHEMA;
  write("empty/a.txt", "");
  EXPECT_EXIT_CODE(0, "$BBZ pack -q --digest sha256 empty");
  for (
      const std::string arguments :
      {"model.bbz", "empty.bbz", "sliced.bbz model.bbz --gate 'ratio<1'",
       "sliced.bbz --against sliced.safetensors --tokens tokens.u16 --length 16 --gate 'orbit<1' --history runs.jsonl",
       "sliced.bbz --against runs.jsonl --tokens tokens.u16 --length 16",
       "model.bbz --against sliced.bbz"}) {
    EXPECT_EXIT_CODE(0, "$BBZ report --json " + arguments + validate);
  }
  EXPECT_EXIT_CODE(
      1,
      "$BBZ report --json model.bbz | sed 's/\"overhead_bytes\": [0-9]*/\"overhead_bytes\": -1/'" +
          validate + " 2>/dev/null");
}

}  // namespace
}  // namespace bbz::tools
